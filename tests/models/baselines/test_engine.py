"""Whole computations: ranking variants as data, rounding, findings, scope of the result."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 15)
LEVELS = {
    "2026-07-14": 100.0,
    "2026-07-13": 200.0,
    "2026-07-10": 300.0,
    "2026-07-09": 400.0,
    "2026-07-08": 500.0,
}
LOAD = load_of(daily(LEVELS), FIRST, LAST)


def level_kw(*overrides: str) -> float:
    """Return the baseline of PJM's rule with overrides and no adjustment [kW]."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=("adjustment.type=none", 'low_usage.reference="none"', *overrides),
    )
    return float(compute_baseline(rule, LOAD, EVENT).baseline_kwh[0])


@pytest.mark.parametrize(
    ("overrides", "expected_kw"),
    [
        ((), 350.0),  # (200 + 300 + 400 + 500) / 4
        (("rank.order=lowest",), 250.0),  # (100 + 200 + 300 + 400) / 4
        (("rank.order=middle", "day_types.weekday.X=3"), 300.0),  # 200, 300, 400
        (("rank.metric=recency", "rank.order=most_recent"), 250.0),  # 14, 13, 10, 9 July
        (("rank.metric=daily_energy",), 350.0),
        (("rank.metric=max_event_window",), 350.0),
        (("aggregator=median",), 350.0),
        (("aggregator=min",), 200.0),
        (("aggregator=max",), 500.0),
        (("rank.scope=interval",), 350.0),
    ],
)
def test_a_program_says_how_days_are_kept_and_averaged(
    overrides: tuple[str, ...], expected_kw: float
) -> None:
    assert level_kw(*overrides) == expected_kw


def test_weights_count_from_the_most_recent_kept_day() -> None:
    """Highest two of three Saturdays 11 (10), 4 July is a holiday, 27 (30), 20 June (20).

    Kept, most recent first: 27 June and 20 June: 0.75 x 30 + 0.25 x 20 = 27.5 kW.
    """
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "adjustment.type=none",
            "aggregator=weighted_mean",
            "day_types.weekday.weights=[1, 1, 1, 1]",
            "day_types.saturday.weights=[0.75, 0.25]",
            "day_types.sunday_holiday.weights=[1, 1]",
        ),
    )
    levels = {"2026-07-11": 10.0, "2026-06-27": 30.0, "2026-06-20": 20.0}
    load = load_of(daily(levels), FIRST, date(2026, 7, 18))

    result = compute_baseline(rule, load, window("2026-07-18T17:00", "2026-07-18T19:00"))

    assert result.baseline_kwh.tolist() == [27.5, 27.5]


def test_fewer_days_than_weights_are_refused() -> None:
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "aggregator=weighted_mean",
            "day_types.weekday.min_days=2",
            "day_types.weekday.weights=[1, 1, 1, 1]",
            "day_types.saturday.weights=[1, 1]",
            "day_types.sunday_holiday.weights=[1, 1]",
        ),
    )
    load = load_of(daily({}), date(2026, 7, 10), LAST)

    with pytest.raises(InsufficientHistoryError, match="one for each weight"):
        compute_baseline(rule, load, EVENT)


def test_ranked_by_interval_each_hour_keeps_its_own_days() -> None:
    """High 15 of 20 in small: X 1 of Y 2. 17:00 has 10 and 30, 18:00 has 40 and 20: 30 and 40."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "adjustment.type=none",
            "rank.scope=interval",
            "day_types.weekday.X=1",
            "day_types.weekday.Y=2",
            "day_types.weekday.min_days=2",
        ),
    )
    table = {("2026-07-14", 17): 10.0, ("2026-07-14", 18): 40.0}
    table |= {("2026-07-13", 17): 30.0, ("2026-07-13", 18): 20.0}

    def load_kw(local: datetime) -> float:
        return table.get((str(local.date()), local.hour), 25.0)

    result = compute_baseline(rule, load_of(load_kw, FIRST, LAST), EVENT)

    assert result.baseline_kwh.tolist() == [30.0, 40.0]


def test_ranked_by_interval_the_adjustment_window_has_its_own_days_too() -> None:
    """X 1 of Y 2: 14:00 and 15:00 have 10 and 30, and 40 and 20; with 13:00 at 25: 95 / 3 kW.

    Metered 25 kW: 25 - 95 / 3 = -20 / 3 kW.
    """
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "rank.scope=interval",
            "day_types.weekday.X=1",
            "day_types.weekday.Y=2",
            "day_types.weekday.min_days=2",
        ),
    )
    table = {("2026-07-14", 14): 10.0, ("2026-07-14", 15): 40.0}
    table |= {("2026-07-13", 14): 30.0, ("2026-07-13", 15): 20.0}

    def load_kw(local: datetime) -> float:
        return table.get((str(local.date()), local.hour), 25.0)

    result = compute_baseline(rule, load_of(load_kw, FIRST, LAST), EVENT)

    assert result.adjustment.applied_value == pytest.approx(-20 / 3)


def test_days_ahead_count_where_the_rule_looks_both_ways() -> None:
    """Nearest four of the weekdays around 15 July, of equal distance the later: 16, 14, 17, 13."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "adjustment.type=none",
            "lookback.direction=both",
            "rank.metric=recency",
            "rank.order=most_recent",
        ),
    )
    load = load_of(daily({"2026-07-16": 300.0}), FIRST, date(2026, 7, 31))

    result = compute_baseline(rule, load, EVENT)

    kept = {d.candidate_date.day for d in result.days if d.use is DayUse.SELECTED}
    assert kept == {13, 14, 16, 17}
    assert result.baseline_kwh.tolist() == [150.0, 150.0]


@pytest.mark.parametrize(
    ("mode", "expected_kwh"), [("half_up", 0.13), ("half_even", 0.12), ("truncate", 0.12)]
)
def test_the_baseline_is_rounded_where_the_rule_says_so(mode: str, expected_kwh: float) -> None:
    """0.125 kWh to two decimals; 0.125 is exact in binary."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=(f'rounding=[{{stage="baseline", decimals=2, mode="{mode}"}}]',),
    )
    load = load_of(daily({}, 0.125), FIRST, LAST)

    result = compute_baseline(rule, load, EVENT)

    assert result.adjusted_baseline_kwh.tolist() == [expected_kwh] * 2
    assert result.baseline_kwh.tolist() == [0.125] * 2


def test_the_derivation_ends_at_the_oldest_day_that_was_ranked() -> None:
    """Five weekdays back to 8 July; the weekend between them is listed, 7 July is not."""
    result = compute_baseline(load_program("pjm_economic_3day"), LOAD, EVENT)

    listed = [day.candidate_date.day for day in result.days]
    assert listed == [14, 13, 12, 11, 10, 9, 8]
    assert [d.use for d in result.days if d.candidate_date.day == 14] == [DayUse.CONSIDERED]
    assert result.days[1].window_power_kw_mean == 200.0


def test_an_event_interval_that_was_not_measured_blocks_settlement() -> None:
    def load_kw(local: datetime) -> float:
        return np.nan if (local.date(), local.hour) == (LAST, 18) else 100.0

    result = compute_baseline(
        load_program("pjm_economic_3day"), load_of(load_kw, FIRST, LAST), EVENT
    )

    found = {finding.code: finding for finding in result.findings}
    assert np.isnan(result.reduction_kwh).tolist() == [False, True]
    assert found[FindingCode.COVERAGE_LOW].severity is Severity.BLOCKING
    assert found[FindingCode.COVERAGE_LOW].evidence == {
        "interval_start_utc": ["2026-07-15T22:00:00+00:00"]
    }


def test_what_is_not_verified_overridden_or_out_of_force_is_a_finding() -> None:
    rule = load_program("pjm_economic_3day", overrides=("effective.from=2026-07-16",))

    codes = [finding.code for finding in compute_baseline(rule, LOAD, EVENT).findings]

    assert codes == [
        FindingCode.LOW_CONFIDENCE_RULE,
        FindingCode.RULE_OVERRIDDEN,
        FindingCode.RULE_NOT_IN_FORCE,
    ]


@pytest.mark.parametrize("override", ["effective.from=2026-07-15", "effective.to=2026-07-15"])
def test_the_first_and_the_last_day_are_in_force(override: str) -> None:
    rule = load_program("pjm_economic_3day", overrides=(override,))

    codes = [finding.code for finding in compute_baseline(rule, LOAD, EVENT).findings]

    assert FindingCode.RULE_NOT_IN_FORCE not in codes


def test_a_load_of_the_event_day_alone_is_refused_for_its_history_first() -> None:
    """The window is not on the hour either; what is missing first of all is every other day."""
    start_utc = datetime(2025, 5, 3, 21, 40, tzinfo=UTC)
    load = LoadSeries(
        meter_id="m",
        start_utc=start_utc,
        interval_minutes=1,
        energy_kwh=np.ones(400),
        coverage_ratio=np.ones(400),
    )
    event = Interval(start_utc + timedelta(minutes=110), start_utc + timedelta(minutes=290))

    with pytest.raises(InsufficientHistoryError, match=r"2 eligible .*'saturday', found 0"):
        compute_baseline(load_program("pjm_economic_3day"), load, event)
