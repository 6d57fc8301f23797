"""Two sites together: what they sum to depends on the rule where a cap binds."""

from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.portfolio import portfolio_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import at, daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 15)
GROWN = load_of(daily({"2026-07-15": 200.0}), FIRST, LAST)  # twice as high on the event day
STEADY = load_of(daily({}), FIRST, LAST)


def of_both(aggregation: str | None, *loads: LoadSeries) -> BaselineResult:
    overrides = () if aggregation is None else (f"aggregation={aggregation}",)
    rule = load_program("nyiso_average_day", overrides=overrides)
    return portfolio_baseline(rule, loads, partial(compute_baseline, rule, event=EVENT))


@pytest.mark.parametrize(
    ("aggregation", "expected_kwh"),
    [
        ("sum_of_site_baselines", 220.0),  # 100 x 1.2 (capped, not 2) + 100 x 1
        ("baseline_of_summed_load", 240.0),  # 200 x 1.2 (capped, not 1.5)
    ],
)
def test_the_sum_of_baselines_is_not_the_baseline_of_the_sum(
    aggregation: str, expected_kwh: float
) -> None:
    result = of_both(aggregation, GROWN, STEADY)

    assert result.adjusted_baseline_kwh == pytest.approx([expected_kwh] * 2)
    assert result.metered_kwh.tolist() == [300.0, 300.0]
    assert result.meter_id == "m1+m1"


def test_one_site_needs_no_aggregation() -> None:
    assert of_both(None, STEADY).adjusted_baseline_kwh.tolist() == [100.0, 100.0]


def test_a_rule_that_does_not_say_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="found no aggregation; state it"):
        of_both(None, GROWN, STEADY)


def test_loads_on_different_grids_are_not_summed() -> None:
    later = load_of(daily({}), date(2026, 6, 2), LAST)

    with pytest.raises(DataRefusedError, match="one start, interval and length"):
        of_both("baseline_of_summed_load", GROWN, later)


def test_an_hour_that_one_site_does_not_know_is_not_known_of_both() -> None:
    unknown = load_of(lambda local: np.nan if local.date() == LAST else 100.0, FIRST, LAST)
    rule = load_program(
        "nyiso_average_day",
        overrides=("aggregation=sum_of_site_baselines", "adjustment.type=none"),
    )

    result = portfolio_baseline(
        rule, [STEADY, unknown], partial(compute_baseline, rule, event=EVENT)
    )

    assert np.isnan(result.metered_kwh).all()
    assert result.baseline_kwh.tolist() == [200.0, 200.0]


def test_an_hour_that_one_site_measured_in_part_drops_the_day_of_both() -> None:
    """Half of 17:00 on 13 July was measured at one site: the day is no candidate."""
    coverage_ratio = STEADY.coverage_ratio.copy()
    coverage_ratio[STEADY.index_of(at("2026-07-13T17:00"))] = 0.5
    partly = replace(STEADY, coverage_ratio=coverage_ratio)

    result = of_both("baseline_of_summed_load", STEADY, partly)

    reasons = {str(d.candidate_date): d.reason for d in result.days}
    assert reasons["2026-07-13"].startswith("incomplete data")
