"""Too few eligible days. Event on Wednesday 15 July 2026; weekdays are 14, 13, 10, 9, ... July."""

from datetime import date, timedelta

import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult, DayUse
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import daily, load_of, window

PJM = load_program("pjm_economic_3day")
CAISO = load_program("caiso_10_in_10", overrides=("settlement_clock.tz=America/New_York",))
EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
LAST = date(2026, 7, 15)


def event_on(day: str) -> Interval:
    return window(f"{day}T17:00", f"{day}T19:00")


def used(result: BaselineResult) -> dict[str, DayUse]:
    return {str(d.candidate_date): d.use for d in result.days if d.use is not DayUse.DROPPED}


def test_four_weekdays_suffice_and_all_are_averaged() -> None:
    """Data since 9 July: 14, 13, 10, 9 July with 100, 200, 300, 400 kW: mean 250."""
    levels = {"2026-07-14": 100.0, "2026-07-13": 200.0, "2026-07-10": 300.0, "2026-07-09": 400.0}
    load = load_of(daily(levels, 250.0), date(2026, 7, 9), LAST)

    result = compute_baseline(PJM, load, EVENT)

    assert result.baseline_kwh.tolist() == [250.0, 250.0]
    assert set(used(result).values()) == {DayUse.SELECTED}


def test_event_days_come_back_highest_load_first() -> None:
    """14, 13, 10 July are eligible; of the event days 9, 8 and 7 July one is needed.

    They have 100, 300 and 200 kW, so 8 July: (100 + 100 + 100 + 300) / 4 = 150 kW.
    """
    levels = {"2026-07-09": 100.0, "2026-07-08": 300.0, "2026-07-07": 200.0}
    load = load_of(daily(levels), date(2026, 7, 7), LAST)
    others = [event_on(day) for day in levels]

    result = compute_baseline(PJM, load, EVENT, other_event_windows=others)

    assert result.baseline_kwh.tolist() == [150.0, 150.0]
    back = {str(d.candidate_date): d.reason for d in result.days if d.use is DayUse.SELECTED}
    assert back["2026-07-08"] == "event day, readmitted: too few other days; averaged"


def test_of_equal_event_days_the_more_recent_comes_back() -> None:
    load = load_of(daily({}), date(2026, 7, 7), LAST)
    others = [event_on(day) for day in ("2026-07-09", "2026-07-08", "2026-07-07")]

    result = compute_baseline(PJM, load, EVENT, other_event_windows=others)

    assert "2026-07-09" in used(result)
    assert "2026-07-08" not in used(result)


def test_most_recent_event_days_come_back_first_where_the_rule_says_so() -> None:
    step = 'insufficient_days=[{readmit_event_days={order="most_recent", until="min_days"}}]'
    rule = load_program("pjm_economic_3day", overrides=(step,))
    load = load_of(daily({"2026-07-08": 300.0}), date(2026, 7, 7), LAST)
    others = [event_on(day) for day in ("2026-07-09", "2026-07-08", "2026-07-07")]

    result = compute_baseline(rule, load, EVENT, other_event_windows=others)

    assert "2026-07-09" in used(result)
    assert "2026-07-08" not in used(result)


def test_caiso_tops_up_to_the_minimum_of_five_not_to_ten() -> None:
    """Four eligible days and six event days: one of the six comes back."""
    load = load_of(daily({}), date(2026, 7, 1), LAST)
    events = ("2026-07-09", "2026-07-08", "2026-07-07", "2026-07-06", "2026-07-03", "2026-07-02")

    result = compute_baseline(
        CAISO, load, EVENT, other_event_windows=[event_on(day) for day in events]
    )

    assert len(used(result)) == 5


def test_until_y_tops_up_to_the_target() -> None:
    step = 'insufficient_days=[{readmit_event_days={order="highest_load", until="Y"}}]'
    rule = load_program("pjm_economic_3day", overrides=(step,))
    load = load_of(daily({}), date(2026, 7, 7), LAST)
    others = [event_on(day) for day in ("2026-07-09", "2026-07-08", "2026-07-07")]

    result = compute_baseline(rule, load, EVENT, other_event_windows=others)

    assert len(used(result)) == 5


def test_an_event_day_with_a_gap_does_not_come_back() -> None:
    """Only 14, 13 and 10 July are left of four."""
    load = load_of(daily({"2026-07-09": float("nan")}), date(2026, 7, 9), LAST)

    with pytest.raises(InsufficientHistoryError) as refused:
        compute_baseline(PJM, load, EVENT, other_event_windows=[event_on("2026-07-09")])

    assert (refused.value.found_count, refused.value.required_count) == (3, 4)


def test_too_few_days_are_refused_with_their_count() -> None:
    load = load_of(daily({}), date(2026, 7, 10), LAST)

    with pytest.raises(
        InsufficientHistoryError,
        match=r"pjm_economic_3day@.* at least 4 eligible days of type 'weekday', found 3",
    ):
        compute_baseline(PJM, load, EVENT)


def test_a_rule_that_says_fail_first_does_not_go_on_with_fewer() -> None:
    rule = load_program("pjm_economic_3day", overrides=('insufficient_days=["fail"]',))
    load = load_of(daily({}), date(2026, 7, 9), LAST)

    with pytest.raises(InsufficientHistoryError, match="found 4"):
        compute_baseline(rule, load, EVENT)


def test_the_rules_steps_are_taken_in_order() -> None:
    steps = 'insufficient_days=["fail", {use_available_if_at_least=1}]'
    rule = load_program("pjm_economic_3day", overrides=(steps,))

    with pytest.raises(InsufficientHistoryError, match="found 4"):
        compute_baseline(rule, load_of(daily({}), date(2026, 7, 9), LAST), EVENT)


def test_days_that_came_back_are_as_recent_as_they_are() -> None:
    """14 and 13 July come back beside 10, 9 and 8 July; of five equal days 8 July is not kept."""
    step = 'insufficient_days=[{readmit_event_days={order="highest_load", until="Y"}}]'
    rule = load_program("pjm_economic_3day", overrides=(step,))
    load = load_of(daily({}), date(2026, 7, 8), LAST)
    others = [event_on("2026-07-14"), event_on("2026-07-13")]

    result = compute_baseline(rule, load, EVENT, other_event_windows=others)

    ranked_only = [day for day, use in used(result).items() if use is DayUse.CONSIDERED]
    assert ranked_only == ["2026-07-08"]


def test_the_look_back_ends_where_the_manual_says() -> None:
    """Forty-five days before Friday 17 July 2026 is Tuesday 2 June; 1 June lies outside.

    With 2 to 5 June there are four weekdays; with 1 June in place of 2 June there are three.
    """
    event = event_on("2026-07-17")
    unknown = {str(date(2026, 6, 6) + timedelta(days)): float("nan") for days in range(41)}

    def load_without(day: str) -> LoadSeries:
        levels = unknown | {day: float("nan")}
        return load_of(daily(levels), date(2026, 6, 1), date(2026, 7, 17))

    inside = compute_baseline(PJM, load_without("2026-06-01"), event)

    assert set(used(inside)) == {f"2026-06-0{day}" for day in (2, 3, 4, 5)}
    with pytest.raises(InsufficientHistoryError, match="found 3"):
        compute_baseline(PJM, load_without("2026-06-02"), event)
