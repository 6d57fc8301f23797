"""Losses of power supplies, fitted to meters on both sides."""

import numpy as np
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Severity
from negawatt.models.domain.topology import FeedGroup
from negawatt.models.reconciliation.feeds import GPUS, METERED, LevelEnergy
from negawatt.models.reconciliation.power_supply import fit_loss, loss_findings


def test_noise_is_left_as_the_residual() -> None:
    """150 W + 1.04 W/W over 400 spans with 50 W of noise; the load's spread is 5 kW / sqrt(12)."""
    random = np.random.default_rng(1)
    output_w = random.uniform(2_000.0, 7_000.0, 400)
    input_w = 150 + 1.04 * output_w + 50 * random.standard_normal(400)

    found = fit_loss(input_w, output_w)

    assert found.fixed_w == pytest.approx(150, abs=15)
    assert found.input_w_per_w == pytest.approx(1.04, abs=0.004)
    assert found.residual_w == pytest.approx(50, rel=0.1)
    assert found.efficiency_ratio == pytest.approx(output_w.sum() / input_w.sum())
    assert found.above_one_ratio == 0


def test_spans_in_which_more_comes_out_than_goes_in_are_counted() -> None:
    """Of 40 spans 10 read 1 % more on the DC side."""
    output_w = np.linspace(2_000.0, 6_000.0, 40)
    input_w = np.where(np.arange(40) < 10, output_w / 1.01, output_w / 0.99)

    assert fit_loss(input_w, output_w).above_one_ratio == 0.25


@pytest.mark.parametrize("output_w", [np.linspace(1.0, 2.0, 29), np.full(40, np.nan)])
def test_too_few_spans_to_tell_a_loss_are_refused(output_w: np.ndarray) -> None:
    with pytest.raises(DataRefusedError, match="30 spans in which both sides are known"):
        fit_loss(1.05 * output_w, output_w)


def test_a_steady_load_tells_no_loss() -> None:
    """Spread and scatter of 60 W each: the line would have half the slope, 60^2 / (60^2 + 60^2)."""
    random = np.random.default_rng(1)
    true_w = 6_800 + 60 * random.standard_normal(4_000)
    input_w, output_w = 1.03 * true_w, true_w + 60 * random.standard_normal(4_000)

    with pytest.raises(DataRefusedError, match="varies more than 10 times what a line leaves"):
        fit_loss(input_w, output_w)


def test_an_input_that_does_not_rise_with_the_output_is_of_another_load() -> None:
    output_w = np.linspace(2_000.0, 7_000.0, 100)

    with pytest.raises(DataRefusedError, match=r"found 0\.00 W: the two sides do not see one load"):
        fit_loss(np.full(100, 8_000.0), output_w)


def level(name: str, fixed_w: float, below_w: np.ndarray, kind: str = METERED) -> LevelEnergy:
    """Return 5-minute energies of a feed that takes a fixed power and 1.02 of what it gives."""
    kwh_per_w = 300 / 3.6e6
    return LevelEnergy(
        group=FeedGroup(above=(name,), below=(f"{name}/dc",)),
        level="PowerMeter > PowerMeter",
        kind=kind,
        above_kwh=(fixed_w + 1.02 * below_w) * kwh_per_w,
        below_kwh=below_w * kwh_per_w,
        coverage_ratio=np.ones(len(below_w)),
    )


def test_a_day_tells_the_loss_of_the_feeds_whose_load_varies() -> None:
    """Fixed 90, 100 and 140 W: the median is 100 W. One is too steady, one has GPUs below it."""
    varied, steady_w = np.linspace(2_000.0, 7_000.0, 288), np.full(288, 6_000.0)
    found = [level(f"n{fixed_w:.0f}", fixed_w, varied) for fixed_w in (90.0, 100.0, 140.0)]
    found += [level("steady", 100.0, steady_w), level("gpus", 100.0, varied, kind=GPUS)]

    (finding,) = loss_findings(found, 5)

    assert finding.severity is Severity.INFO
    assert finding.evidence["fixed_w_median"] == pytest.approx(100.0)
    assert finding.evidence["input_w_per_w_median"] == pytest.approx(1.02)
    assert finding.evidence["refused_count"] == 1
    assert finding.evidence["first_feeds"] == ["n100", "n140", "n90"]
    assert loss_findings(found[3:], 5) == []
