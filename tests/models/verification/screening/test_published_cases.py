"""The published cases, as small tables: each is found by its test.

Sources: Troutman Sanders on the FERC orders of 2012 and 2013 about Rumford Paper, Lincoln Paper and
Enerwise (https://www.troutmanenergyreport.com/2013/09/ferc-issues-three-civil-penalties-regarding-
manipulation-of-iso-nes-demand-response-program/); Utility Week on the British demand flexibility
service. They describe what was done; the powers here are round figures of that shape.
"""

from datetime import UTC, date, datetime, timedelta

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.inputs import IdleSpan
from negawatt.models.verification.screening.outcome import ScreenOutcome
from tests.models.verification.screening.conftest import (
    EVENT,
    EVENT_DAY,
    HOUR,
    HOURS,
    START_UTC,
    InputsOf,
    hourly,
    result_of,
    weekdays_before,
)


def test_a_mill_that_held_its_generator_back_and_froze_the_baseline(inputs_of: InputsOf) -> None:
    """A mill uses 20 MW and makes 12 MW of it itself: 8 MW from the grid, every day.

    For five days, 31 weekdays before the event, it makes 2 MW: 18 MW from the grid become the
    baseline. From then on an offer is accepted on every day, so that no day renews it. On the event
    day it runs as ever: 10 MW are claimed. Gross load never moved.
    """
    held_back = weekdays_before(5, skip=30)
    offered = weekdays_before(30)

    def made_kw(day: date, hour: int) -> float:
        return 2_000 if day in held_back and hour in HOURS else 12_000

    inputs = inputs_of(
        lambda day, hour: 20_000 - made_kw(day, hour),
        18_000,
        [(day, DayUse.SELECTED, 18_000.0) for day in held_back],
        generation={"boiler": hourly(made_kw)},
        other_event_windows=tuple(
            Interval(EVENT.start_utc - n * timedelta(days=1), EVENT.end_utc - n * timedelta(days=1))
            for n in ((EVENT_DAY - day).days for day in offered)
        ),
    )

    frozen = result_of(inputs, "frozen baseline")
    swapped = result_of(inputs, "generation swap")

    assert [f.code for f in frozen.findings] == [FindingCode.SCREEN_FROZEN_BASELINE]
    assert frozen.looked_at["longest_run_count"] == 30
    assert [f.code for f in swapped.findings] == [FindingCode.SCREEN_GENERATION_SWAPPED]
    assert swapped.looked_at["gross_reduction_kw"] == 0
    assert swapped.looked_at["generation_share_ratio"] == 1
    assert {f.severity for f in (*frozen.findings, *swapped.findings)} == {Severity.WARNING}


def test_the_same_mill_without_the_trick_raises_no_question(inputs_of: InputsOf) -> None:
    """It makes 12 MW on every day, and lowers its use by 4 MW in the event."""

    def made_kw(_day: date, _hour: int) -> float:
        return 12_000

    def net_kw(day: date, hour: int) -> float:
        return 4_000 if day == EVENT_DAY and hour in HOURS else 8_000

    days = [(day, DayUse.SELECTED, 8_000.0) for day in weekdays_before(5)]
    inputs = inputs_of(net_kw, 8_000, days, generation={"boiler": hourly(made_kw)})

    assert result_of(inputs, "generation swap").outcome is ScreenOutcome.NOTHING_FOUND
    assert result_of(inputs, "frozen baseline").outcome is ScreenOutcome.NOTHING_FOUND


def test_a_participant_who_raised_load_in_the_window_before_the_event(inputs_of: InputsOf) -> None:
    """Evenings use 400 kW, give or take 8. On the event day 900 kW run in the three hours before.

    An additive adjustment lifts the baseline by 500 kW; in the event the site is back at 400.
    """

    def power_kw(day: date, hour: int) -> float:
        raised = day == EVENT_DAY and hour in range(13, 16)
        return 900 if raised else 400 + 8 * (-1) ** day.day

    inputs = inputs_of(power_kw, 900, adjustment_window=Interval(START_UTC - 3 * HOUR, START_UTC))

    found = result_of(inputs, "window inflation")

    (finding,) = found.findings
    assert finding.code is FindingCode.SCREEN_WINDOW_INFLATED
    assert found.looked_at["power_kw_mean"] == 900
    assert "900 kW" in finding.message


def test_the_same_load_before_the_site_was_told_raises_no_question(inputs_of: InputsOf) -> None:
    """It ran at 900 kW from 09:00 to 12:00 already, and was told at 12:00."""

    def power_kw(day: date, hour: int) -> float:
        return 900 if day == EVENT_DAY and hour in range(9, 12) else 400

    window = Interval(START_UTC - 7 * HOUR, START_UTC - 4 * HOUR)

    found = result_of(inputs_of(power_kw, 900, adjustment_window=window), "window inflation")

    assert found.outcome is ScreenOutcome.NOTHING_FOUND
    assert found.looked_at["told_before_its_end"] is False


def test_only_the_part_of_the_window_after_the_notification_counts(inputs_of: InputsOf) -> None:
    """Told at 12:00; the window runs from 10:00 to 14:00; only 10:00 to 12:00 was high."""

    def power_kw(day: date, hour: int) -> float:
        return 900 if day == EVENT_DAY and hour in range(10, 12) else 400

    window = Interval(START_UTC - 6 * HOUR, START_UTC - 2 * HOUR)

    found = result_of(inputs_of(power_kw, 900, adjustment_window=window), "window inflation")

    assert found.looked_at["power_kw_mean"] == 400
    assert found.outcome is ScreenOutcome.NOTHING_FOUND


def test_a_stadium_lit_to_look_like_normal_load(inputs_of: InputsOf) -> None:
    """No game is played: 200 kW. On the event day 1500 kW of lights burn until the event.

    The baseline is that of game days, 1500 kW. The calendar says that nobody would have been there,
    and the lights were switched on after the notification.
    """

    def power_kw(day: date, hour: int) -> float:
        return 1_500 if day == EVENT_DAY and hour in range(12, 16) else 200

    empty = IdleSpan(
        interval=Interval(datetime(2026, 9, 16, tzinfo=UTC), datetime(2026, 9, 17, tzinfo=UTC)),
        reason="a day without a game",
    )
    inputs = inputs_of(
        power_kw,
        1_500,
        idle_spans=(empty,),
        adjustment_window=Interval(START_UTC - 4 * HOUR, START_UTC - HOUR),
    )

    idle = result_of(inputs, "no action")
    lit = result_of(inputs, "window inflation")

    assert [f.code for f in idle.findings] == [FindingCode.SCREEN_NO_ACTION]
    assert idle.findings[0].message == "100% of the event lay in a day without a game"
    assert [f.code for f in lit.findings] == [FindingCode.SCREEN_WINDOW_INFLATED]
