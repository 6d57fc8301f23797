"""The adjustment window, and the like days that it is compared with."""

from datetime import date, datetime
from typing import Literal

import pytest

from negawatt.models.baselines.rule_windows import AdjustmentRule, HourWindow
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.outcome import ScreenOutcome
from negawatt.models.verification.screening.window import adjustment_window_of
from tests.models.verification.screening.conftest import (
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
