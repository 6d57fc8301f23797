"""Load that came back around the event, and load that was absent before it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.inputs import IdleSpan
from negawatt.models.verification.screening.outcome import ScreenOutcome
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    HOUR,
    HOURS,
    START_UTC,
    InputsOf,
    reduced,
    result_of,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome


@pytest.mark.parametrize(("extra_kw", "outcome"), [(2.4, NOTHING), (2.6, FOUND)])
def test_more_than_half_of_the_claim_that_came_back_is_found(
    inputs_of: InputsOf, extra_kw: float, outcome: ScreenOutcome
) -> None:
    """120 kWh are claimed; 24 hours of 2.4 kW more are 57.6 kWh, of 2.6 kW 62.4.

    Over 36 hours that is 1.6 or 1.73 kW, 3.1 or 3.4 times the least spread of 0.5 kW.
    """

    def power_kw(day: date, hour: int) -> float:
        after = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) >= START_UTC + 3 * HOUR
        return reduced(day, hour) + (extra_kw if after else 0)

    found = result_of(inputs_of(power_kw, 100), "rebound and pre-use")

    assert found.looked_at["extra_kwh"] == pytest.approx(24 * extra_kw)
    assert found.outcome is outcome


def test_a_rebound_is_compared_with_days_before_a_workday_only(inputs_of: InputsOf) -> None:
    """Weekends draw 40 kW: Fridays, followed by one, are no days like a Wednesday.

    Of the last twenty weekdays with a weekday on either side, none touches a weekend.
    """
    inputs = inputs_of(lambda day, h: 40 if day.weekday() >= 5 else reduced(day, h), 100)

    found = result_of(inputs, "rebound and pre-use")

    assert found.looked_at["like_day_kw_mean"] == 100


def test_hours_after_the_event_that_are_not_measured_are_missed(inputs_of: InputsOf) -> None:
    inputs = inputs_of(reduced, 100)
    cut = inputs.load.index_of(START_UTC + 20 * HOUR)
    short = replace(
        inputs.load,
        energy_kwh=inputs.load.energy_kwh[:cut],
        coverage_ratio=inputs.load.coverage_ratio[:cut],
    )

    found = result_of(replace(inputs, load=short), "rebound and pre-use")

    assert found.outcome is NOT_SCREENED
    assert "to 24 h after the event" in found.lacked[0]


def test_a_site_that_was_low_before_it_was_asked_did_nothing(inputs_of: InputsOf) -> None:
    """At 60 kW since midnight, told at 12:00; 40 kW are claimed from a baseline of 100."""
    inputs = inputs_of(lambda day, _h: 60 if day == EVENT_DAY else 100, 100, idle_spans=())

    found = result_of(inputs, "no action")

    assert found.findings[0].code is FindingCode.SCREEN_NO_ACTION
    assert "60 kW, on like days 100 kW; 40 kW are claimed" in found.findings[0].message
    assert found.lacked == ()


def test_a_site_that_went_down_when_asked_did_something(inputs_of: InputsOf) -> None:
    assert result_of(inputs_of(reduced, 100, idle_spans=()), "no action").outcome is NOTHING


def test_idle_spans_that_overlap_are_counted_once(inputs_of: InputsOf) -> None:
    """Two spans cover the same first hour of three, a third one lies on another day."""
    spans = [
        IdleSpan(interval=Interval(START_UTC - n * HOUR, START_UTC + HOUR), reason=f"span {n}")
        for n in (1, 2)
    ]
    far = IdleSpan(interval=Interval(START_UTC - 30 * HOUR, START_UTC - 20 * HOUR), reason="far")

    found = result_of(inputs_of(reduced, 100, idle_spans=(*spans, far)), "no action")

    assert found.looked_at["idle_ratio"] == pytest.approx(1 / 3)
    assert found.findings[0].message == "33% of the event lay in span 2"


def swinging(day: date, hour: int) -> float:
    """Weeks of 90 and 110 kW in turn; on the event day and the day after 110, in the event 60."""
    if day >= EVENT_DAY:
        return 60 if day == EVENT_DAY and hour in HOURS else 110
    return 90 if day.isocalendar().week % 2 else 110


def test_energy_within_the_swing_of_the_days_is_no_rebound(inputs_of: InputsOf) -> None:
    """10 kW more over 36 hours are three times the claim of 120 kWh, and one spread."""
    found = result_of(inputs_of(swinging, 100), "rebound and pre-use")

    assert found.looked_at["returned_share_ratio"] > 2  # type: ignore[operator]  # a float
    assert found.outcome is NOTHING


def test_another_event_in_the_hours_around_leaves_rebound_untested(inputs_of: InputsOf) -> None:
    other = Interval(START_UTC + 6 * HOUR, START_UTC + 7 * HOUR)

    found = result_of(inputs_of(reduced, 100, other_event_windows=(other,)), "rebound and pre-use")

    assert found.outcome is NOT_SCREENED
    assert "without another event" in found.lacked[0]


def test_a_low_hour_before_within_the_swing_of_the_days_is_left_alone(
    inputs_of: InputsOf,
) -> None:
    """40 kW are claimed; 75 kW at 11:00 beside days of 85 and 115: 25 kW absent, 1.6 spreads."""

    def power_kw(day: date, hour: int) -> float:
        if day == EVENT_DAY:
            return 60 if hour in HOURS else 75
        return 85 if day.toordinal() % 2 else 115

    found = result_of(inputs_of(power_kw, 100, idle_spans=()), "no action")

    assert found.outcome is NOTHING


def test_what_the_site_did_before_it_was_told_is_what_counts(inputs_of: InputsOf) -> None:
    """Told at 12:00, down from 13:00 on: in the hour before the start it was low, as asked."""

    def power_kw(day: date, hour: int) -> float:
        return 60 if day == EVENT_DAY and 13 <= hour < 19 else 100

    found = result_of(inputs_of(power_kw, 100, idle_spans=()), "no action")

    assert found.outcome is NOTHING


def test_the_hour_before_a_notification_on_a_sunday_is_compared_with_sundays(
    inputs_of: InputsOf,
) -> None:
    """Weekends draw 40 kW, weekdays 100. Told on Sunday at noon of an event on Wednesday.

    Of the weekdays three days after a Sunday each is a Wednesday, and nothing was absent.
    """

    def power_kw(day: date, hour: int) -> float:
        return 40 if day.weekday() >= 5 else reduced(day, hour)

    inputs = inputs_of(power_kw, 100, idle_spans=())
    told = replace(inputs.event, notified_at_utc=START_UTC - 76 * HOUR)

    found = result_of(replace(inputs, event=told), "no action")

    before = found.looked_at["hour_before_notification"]
    assert isinstance(before, dict)
    assert before["like_day_kw_mean"] == before["power_kw_mean"] == 40
    assert found.outcome is NOTHING


def test_a_twentieth_of_the_event_in_an_idle_span_is_left_alone(inputs_of: InputsOf) -> None:
    """Nine minutes of three hours are 5 %."""
    span = IdleSpan(
        interval=Interval(START_UTC, START_UTC + timedelta(minutes=9)), reason="an empty queue"
    )

    found = result_of(inputs_of(reduced, 100, idle_spans=(span,)), "no action")

    assert found.looked_at["idle_ratio"] == pytest.approx(0.05)
    assert found.outcome is NOTHING
