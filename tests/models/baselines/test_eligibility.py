"""Why a day may not stand for the event day, read from the derivation of real computations."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import at, daily, load_of, window

PJM = load_program("pjm_economic_3day")
EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")  # a Wednesday
LOAD = load_of(daily({}), date(2026, 5, 1), date(2026, 7, 15))


def reasons(result: BaselineResult) -> dict[str, str]:
    return {str(day.candidate_date): day.reason for day in result.days}


def without(load: LoadSeries, moment: str, coverage_ratio: float | None = None) -> LoadSeries:
    """Return the load with one hour unmeasured, or measured in part."""
    energy_kwh, coverage = load.energy_kwh.copy(), load.coverage_ratio.copy()
    position = load.index_of(at(moment))
    if coverage_ratio is None:
        energy_kwh[position] = np.nan
    coverage[position] = coverage_ratio or 0.0
    return replace(load, energy_kwh=energy_kwh, coverage_ratio=coverage)


def test_every_day_that_is_passed_over_says_why() -> None:
    """Thursday 9 July 2026: holiday Saturday 4 July, weekend, an event on the 7th, a gap."""
    nyiso = load_program("nyiso_average_day")
    event = window("2026-07-09T17:00", "2026-07-09T19:00")
    other = window("2026-07-07T23:00", "2026-07-08T00:00")

    found = reasons(compute_baseline(nyiso, LOAD, event, other_event_windows=[other]))

    assert found["2026-07-08"] == "gap day: the nearest candidate lies 2 days away"
    assert found["2026-07-07"] == "event day"
    assert found["2026-07-05"] == "other day type (sunday)"
    assert found["2026-07-04"] == "holiday (Independence Day)"
    assert found["2026-07-03"] == "averaged"


def test_a_holiday_on_a_weekday_is_no_weekday() -> None:
    """Event on Friday 27 November 2026; Thanksgiving is the day before."""
    load = load_of(daily({}), date(2026, 10, 1), date(2026, 11, 27))

    result = compute_baseline(PJM, load, window("2026-11-27T17:00", "2026-11-27T19:00"))

    assert reasons(result)["2026-11-26"] == "holiday (Thanksgiving Day)"
    assert result.day_type == "weekday"


def test_an_event_on_thanksgiving_is_compared_with_sundays() -> None:
    """Two highest of 22, 15 and 8 November: (30 + 20) / 2 = 25 kW."""
    levels = {"2026-11-22": 10.0, "2026-11-15": 20.0, "2026-11-08": 30.0, "2026-11-26": 25.0}
    load = load_of(daily(levels), date(2026, 10, 1), date(2026, 11, 26))

    result = compute_baseline(PJM, load, window("2026-11-26T17:00", "2026-11-26T19:00"))

    assert result.day_type == "sunday_holiday"
    assert result.baseline_kwh.tolist() == [25.0, 25.0]


def test_an_event_on_the_fourth_of_july_2026_is_compared_with_sundays_and_holidays() -> None:
    """A Saturday; the nearest days of the type are Sundays 28, 21 and 14 June, not 25 May."""
    load = load_of(daily({}), date(2026, 5, 1), date(2026, 7, 4))

    result = compute_baseline(PJM, load, window("2026-07-04T17:00", "2026-07-04T19:00"))

    used = [str(d.candidate_date) for d in result.days if d.use != "dropped"]
    assert used == ["2026-06-28", "2026-06-21", "2026-06-14"]
    assert reasons(result)["2026-06-27"] == "other day type (saturday)"


def test_an_event_on_a_holiday_that_the_rule_does_not_place_is_refused() -> None:
    load = load_of(daily({}), date(2026, 10, 1), date(2026, 11, 26))

    with pytest.raises(DataRefusedError, match="found Thanksgiving Day"):
        compute_baseline(
            load_program("nyiso_average_day"),
            load,
            window("2026-11-26T17:00", "2026-11-26T19:00"),
        )


def test_a_gap_in_the_event_hours_drops_the_day() -> None:
    """One of five hours needed (three of the adjustment, two of the event): 20 % missing."""
    result = compute_baseline(PJM, without(LOAD, "2026-07-14T18:00"), EVENT)

    assert reasons(result)["2026-07-14"] == "incomplete data (20.00% not measured)"


def test_a_gap_in_the_adjustment_window_drops_the_day_and_one_elsewhere_does_not() -> None:
    in_window = compute_baseline(PJM, without(LOAD, "2026-07-14T13:00"), EVENT)
    elsewhere = compute_baseline(PJM, without(LOAD, "2026-07-14T16:00"), EVENT)

    assert reasons(in_window)["2026-07-14"].startswith("incomplete data")
    assert reasons(elsewhere)["2026-07-14"] == "averaged"


def test_a_whole_day_is_checked_where_the_rule_says_so() -> None:
    """One of 24 hours: 4.17 %."""
    rule = load_program(
        "pjm_economic_3day", overrides=('exclusions.incomplete_days={in="whole_day"}',)
    )

    result = compute_baseline(rule, without(LOAD, "2026-07-14T16:00"), EVENT)

    assert reasons(result)["2026-07-14"] == "incomplete data (4.17% not measured)"


def test_partly_measured_hours_are_taken_only_where_the_rule_allows_it() -> None:
    """One of five hours measured to 90 %: 2 % missing."""
    load = without(LOAD, "2026-07-14T18:00", coverage_ratio=0.9)
    lenient = load_program(
        "pjm_economic_3day", overrides=("exclusions.incomplete_days.max_missing_fraction=0.02",)
    )

    strict = reasons(compute_baseline(PJM, load, EVENT))["2026-07-14"]

    assert strict == "incomplete data (2.00% not measured)"
    assert reasons(compute_baseline(lenient, load, EVENT))["2026-07-14"] == "averaged"


def test_a_declared_day_is_passed_over() -> None:
    rule = load_program("pjm_economic_3day", overrides=("exclusions.extra_days=[2026-07-13]",))

    assert reasons(compute_baseline(rule, LOAD, EVENT))["2026-07-13"] == "declared exclusion"


def test_an_event_before_local_midnight_does_not_touch_the_next_day() -> None:
    other = window("2026-07-13T22:00", "2026-07-14T00:00")

    found = reasons(compute_baseline(PJM, LOAD, EVENT, other_event_windows=[other]))

    assert found["2026-07-13"] == "event day"
    assert found["2026-07-14"] == "averaged"


def test_a_day_whose_adjustment_window_lies_in_another_event_is_passed_over() -> None:
    """Event from 02:00: three hours of adjustment from 22:00 the evening before to 01:00.

    The other event ended at 23:00 on Monday 13 July, so Tuesday's own day has no event; it ended
    an hour too late for Tuesday's adjustment window. One that ended at 22:00 leaves Tuesday.
    """
    event = window("2026-07-15T02:00", "2026-07-15T04:00")
    inside = window("2026-07-13T20:00", "2026-07-13T23:00")
    before = window("2026-07-13T20:00", "2026-07-13T22:00")

    disturbed = reasons(compute_baseline(PJM, LOAD, event, other_event_windows=[inside]))
    undisturbed = reasons(compute_baseline(PJM, LOAD, event, other_event_windows=[before]))

    assert disturbed["2026-07-14"] == "adjustment window in another event"
    assert undisturbed["2026-07-14"] == "averaged"
    assert disturbed["2026-07-13"] == undisturbed["2026-07-13"] == "event day"


def test_the_adjustment_window_of_a_day_is_checked_where_event_days_are_kept() -> None:
    """NYISO's Saturdays keep event days; this one's event lies in the hours of 13:00 to 15:00."""
    nyiso = load_program("nyiso_average_day")
    event = window("2026-07-11T17:00", "2026-07-11T19:00")
    other = window("2026-07-04T14:00", "2026-07-04T15:00")

    found = reasons(compute_baseline(nyiso, LOAD, event, other_event_windows=[other]))

    assert found["2026-07-04"] == "adjustment window in another event"


def test_a_program_that_keeps_event_days_keeps_them() -> None:
    """NYISO's Saturdays: no day is passed over."""
    event = window("2026-07-11T17:00", "2026-07-11T19:00")
    other = window("2026-07-04T17:00", "2026-07-04T19:00")

    result = compute_baseline(
        load_program("nyiso_average_day"), LOAD, event, other_event_windows=[other]
    )

    assert reasons(result)["2026-07-04"] == "averaged"
