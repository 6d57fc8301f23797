"""A card's gain: by hand, the invariants, the refusals, then real cards beside a real meter."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negawatt.models.metering.gain import GainDocument, corrected_j, fit_gain, over_gain
from negawatt.models.metering.power_samples import sampled_energy
from negawatt.models.metering.sample_rules import Between, SampleRules

_WINDOW_MS = 2_000


def test_the_gain_is_the_energy_read_over_the_energy_used() -> None:
    """285 J read of 300 J: 0.95. Residuals 1, -0.5 and -0.5 J: s = sqrt(1.5 / 2 x 3) / 300."""
    fit = fit_gain(np.array([96.0, 94.5, 94.5]), np.array([100.0, 100.0, 100.0]))

    half = 2.919986 * np.sqrt(1.5 / 2 * 3) / 300  # Student's t of 2 degrees of freedom, 95 %
    assert fit.gain_ratio == pytest.approx(0.95)
    assert fit.upper_ratio - fit.gain_ratio == pytest.approx(half, rel=1e-6)
    assert fit.gain_ratio - fit.lower_ratio == pytest.approx(half, rel=1e-6)
    assert fit.run_count == 3


def test_a_meter_in_another_unit_changes_the_gain_by_the_factor() -> None:
    reading_j, truth_j = np.array([90.0, 110.0]), np.array([100.0, 120.0])

    assert (
        fit_gain(reading_j, truth_j * 4).gain_ratio == fit_gain(reading_j, truth_j).gain_ratio / 4
    )


def test_what_is_not_known_stays_not_known() -> None:
    fit = fit_gain(np.array([95.0, 95.0]), np.array([100.0, 100.0]))
    document = GainDocument(
        gpu_uuid="GPU-a", driver_version="1", measured_on=date(2026, 7, 1), meter="m", fit=fit
    )

    assert corrected_j(np.array([95.0, np.nan]), document) == pytest.approx(
        [100.0, np.nan], nan_ok=True
    )


@pytest.mark.parametrize("truth_j", [[100.0], [100.0, 0.0]])
def test_a_gain_of_one_run_or_of_none_is_refused(truth_j: list[float]) -> None:
    with pytest.raises(ValueError, match="two or more runs"):
        fit_gain(np.array(truth_j), np.array(truth_j))


def _windows(
    folder: Path, experiment: str, card: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the energies of 2 s windows by the card's sensor, held, and by the meter [J]."""
    is_run = (pl.col.experiment.cast(pl.String) == experiment) & (
        pl.col.gpu.cast(pl.String) == card
    )
    sensor = pl.read_parquet(folder / "nvidia_smi.parquet").filter(is_run).sort("time_utc")
    meter = pl.read_parquet(folder / "power_meter_4800hz.parquet").filter(is_run).sort("time_utc")
    power = pl.coalesce("power_draw_instant_w", "power_draw_w").cast(pl.Float64)
    meter_ms = meter["time_utc"].dt.epoch("us").to_numpy() / 1_000
    meter_w = (meter["cables_w"] + meter["slot_w"]).cast(pl.Float64).to_numpy()
    first, last = int(np.ceil(meter_ms[0])), int(meter_ms[-1])
    edge_ms = np.arange(first, last + 1, _WINDOW_MS)
    reading = sampled_energy(
        sensor["time_utc"].dt.epoch("ms").to_numpy(),
        sensor.select(power).to_series().to_numpy(),
        edge_ms,
        SampleRules(max_gap_s=1.0, between=Between.HOLD),
        subject=card,
    )
    so_far_j = np.concatenate([[0.0], np.cumsum(meter_w[:-1] * np.diff(meter_ms))]) / 1_000
    return reading.energy_j, np.diff(np.interp(edge_ms, meter_ms, so_far_j))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("card", "fitted_on", "tried_on", "before_percent", "after_percent"),
    [
        ("A100", "transient_response", "duty_50_50", -5.5, 0.3),
        ("A100", "duty_50_50", "transient_response", -5.7, -0.3),
        ("3090", "transient_response", "duty_50_50", -5.4, -0.3),
        ("3090", "duty_50_50", "transient_response", -5.1, 0.3),
    ],
)
def test_a_gain_from_one_experiment_takes_the_error_out_of_the_other(
    shared_data: Path,
    card: str,
    fitted_on: str,
    tried_on: str,
    before_percent: float,
    after_percent: float,
) -> None:
    """Published data of Yang, Adamek and Armour; docs/performance.md states these figures."""
    folder = shared_data / "sensor_truth"
    fit = fit_gain(*_windows(folder, fitted_on, card))

    reading_j, truth_j = _windows(folder, tried_on, card)

    before = reading_j.sum() / truth_j.sum() - 1
    after = reading_j.sum() / fit.gain_ratio / truth_j.sum() - 1
    assert 100 * before == pytest.approx(before_percent, abs=0.05)
    assert 100 * after == pytest.approx(after_percent, abs=0.05)
    edges = [reading_j.sum() / r / truth_j.sum() - 1 for r in (fit.upper_ratio, fit.lower_ratio)]
    assert edges[0] < 0 < edges[1]


@pytest.mark.shared
def test_of_one_experiment_the_first_half_corrects_the_second(shared_data: Path) -> None:
    """A K40m reads 3.4 % too much; of one experiment only its halves can be had."""
    reading_j, truth_j = _windows(shared_data / "sensor_truth", "transient_response", "K40m")
    half = len(truth_j) // 2
    fit = fit_gain(reading_j[:half], truth_j[:half])

    before = reading_j[half:].sum() / truth_j[half:].sum() - 1
    after = reading_j[half:].sum() / fit.gain_ratio / truth_j[half:].sum() - 1

    assert before == pytest.approx(0.034, abs=0.01)
    assert abs(after) < abs(before) / 2


def test_all_that_a_card_says_is_divided_by_its_gain_and_other_cards_are_not() -> None:
    """95 J by a sensor that reads 0.95 of each watt are 100 J; unknown energy stays unknown."""
    fit = fit_gain(np.array([95.0, 95.0]), np.array([100.0, 100.0]))
    document = GainDocument(
        gpu_uuid="a", driver_version="1", measured_on=date(2026, 7, 1), meter="m", fit=fit
    )
    numbers = ("energy_j", "sampled_energy_j", "power_w_min", "power_w_mean", "power_w_max")
    rows = pl.DataFrame({"gpu_uuid": ["a", "b", "a"], "method": "counter"}).with_columns(
        pl.Series(name, [95.0, 95.0, None]) for name in numbers
    )

    found = over_gain(rows, {"a": document})

    for name in numbers:
        assert found[name].to_list() == pytest.approx([100.0, 95.0, None])
    assert found["method"].to_list() == ["counter/gain", "counter", "counter/gain"]
    assert over_gain(rows, {}).equals(rows)
