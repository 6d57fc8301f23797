"""The adjustment window, and the like days that it is compared with."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal

import numpy as np
import pytest

from negawatt.models.baselines.rule_windows import AdjustmentRule, HourWindow
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.like_days import compare
from negawatt.models.verification.screening.outcome import ScreenOutcome
from negawatt.models.verification.screening.thresholds import default_thresholds
from negawatt.models.verification.screening.window import adjustment_window_of
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    HOUR,
    HOURS,
    START_UTC,
    InputsOf,
    reduced,
    result_of,
    weekdays_before,
    windows_of,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome
Anchor = Literal["event_start", "notification", "gate_closure"]


def test_days_of_other_events_are_no_like_days(inputs_of: InputsOf) -> None:
    """The last ten weekdays drew 150 kW in the afternoon, but were event days."""
    events = weekdays_before(10)

    def power_kw(day: date, hour: int) -> float:
        return 150 if day in events and hour in HOURS else 100

    window = Interval(START_UTC, START_UTC + HOUR)
    inputs = inputs_of(
        power_kw, 100, other_event_windows=windows_of(events), adjustment_window=window
    )

    found = result_of(inputs, "window inflation")

    assert (found.looked_at["like_day_kw_mean"], found.looked_at["like_day_count"]) == (100, 20)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("event_start", (START_UTC - 4 * HOUR, START_UTC - HOUR)),
        ("notification", (START_UTC - 8 * HOUR, START_UTC - 5 * HOUR)),
        ("gate_closure", None),
    ],
)
def test_the_adjustment_window_is_the_rules_own(
    inputs_of: InputsOf, anchor: Anchor, expected: tuple[datetime, datetime] | None
) -> None:
    """From four to one hours before the start, or before the notification at 12:00."""
    rule = AdjustmentRule(kind="additive", anchor=anchor, pre=HourWindow(start_h=-4, end_h=-1))

    window = adjustment_window_of(rule, inputs_of(reduced, 100).event)

    assert (window and (window.start_utc, window.end_utc)) == expected


def test_a_rule_without_an_adjustment_has_no_window(inputs_of: InputsOf) -> None:
    assert adjustment_window_of(AdjustmentRule(), inputs_of(reduced, 100).event) is None


def window_of(inputs_of: InputsOf, high_kw: float, spread_kw: float) -> ScreenOutcome:
    """Return what becomes of a window of ``high_kw`` beside days of 100 kW, give or take."""

    def power_kw(day: date, hour: int) -> float:
        raised = day == EVENT_DAY and hour in range(13, 16)
        return high_kw if raised else 100 + spread_kw * (-1) ** (day.toordinal() % 2)

    window = Interval(START_UTC - 3 * HOUR, START_UTC)
    inputs = inputs_of(power_kw, 100, adjustment_window=window)
    return result_of(inputs, "window inflation").outcome


@pytest.mark.parametrize(
    ("high_kw", "spread_kw", "outcome"),
    [(106, 0, FOUND), (104, 0, NOTHING), (125, 10, NOTHING), (140, 10, FOUND)],
)
def test_a_window_must_be_high_by_five_percent_and_by_three_spreads(
    inputs_of: InputsOf, high_kw: float, spread_kw: float, outcome: ScreenOutcome
) -> None:
    """4 kW are 8 least spreads but only 4 %; 25 kW are 2.4 spreads of 10.5 kW."""
    assert window_of(inputs_of, high_kw, spread_kw) is outcome


def test_z_counts_the_spread_of_one_more_day(inputs_of: InputsOf) -> None:
    """Twenty days of 90 and 110 in turn: s = 10 sqrt(20/19), and 40 / (s sqrt(21/20))."""

    def power_kw(day: date, _hour: int) -> float:
        return 140 if day == EVENT_DAY else 90 if day.weekday() % 2 else 110

    inputs = inputs_of(power_kw, 100)
    window = Interval(START_UTC - HOUR, START_UTC)
    even = [day for day in weekdays_before(40) if day.weekday() < 4][:20]

    inputs = replace(inputs, is_like_day=lambda day: day in even)

    found = compare(inputs, inputs.load, (window,), default_thresholds().like_days)

    assert found is not None
    assert found.like_day_kw_mean == 100
    assert found.z == pytest.approx(40 / (10 * (20 / 19) ** 0.5 * 1.05**0.5))


@pytest.mark.parametrize(("like_days", "expected"), [(8, NOTHING), (7, NOT_SCREENED)])
def test_fewer_than_eight_like_days_say_nothing(
    inputs_of: InputsOf, like_days: int, expected: ScreenOutcome
) -> None:
    inputs = inputs_of(reduced, 100, adjustment_window=Interval(START_UTC - HOUR, START_UTC))
    first = inputs.load.index_of(
        datetime.combine(weekdays_before(like_days)[-1], datetime.min.time(), UTC)
    )
    known_kwh = inputs.load.energy_kwh.copy()
    known_kwh[:first] = np.nan

    short = replace(inputs, load=replace(inputs.load, energy_kwh=known_kwh))

    assert result_of(short, "window inflation").outcome is expected
