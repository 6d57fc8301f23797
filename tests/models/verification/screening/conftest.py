"""Hand-made hourly loads around an event, in UTC, on days from Monday to Friday.

The event is on Wednesday 2026-09-16, 16:00 to 19:00 UTC; the site was told at 12:00.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from negawatt.models.baselines.result import Adjustment, BaselineResult, CandidateDay, DayUse
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.outcome import ScreenResult

EVENT_DAY = date(2026, 9, 16)
FIRST_DAY = date(2026, 6, 1)
LAST_DAY = date(2026, 9, 17)
START_UTC = datetime(2026, 9, 16, 16, tzinfo=UTC)
EVENT = Interval(START_UTC, START_UTC + timedelta(hours=3))
HOURS = range(16, 19)
HOUR = timedelta(hours=1)
PowerOf = Callable[[date, int], float]
InputsOf = Callable[..., ScreenInputs]


def is_weekday(day: date) -> bool:
    return day.weekday() < 5


def hourly(power_kw: PowerOf, meter_id: str = "m") -> LoadSeries:
    """Return the load whose power is stated for each day and hour [kW]."""
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    energy_kwh = np.array([power_kw(day, hour) for day in days for hour in range(24)], dtype=float)
    return LoadSeries(
        meter_id=meter_id,
        start_utc=datetime.combine(FIRST_DAY, datetime.min.time(), UTC),
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.ones(len(energy_kwh)),
    )


def weekdays_before(count: int, *, skip: int = 0) -> list[date]:
    """Return weekdays before the event's, most recent first."""
    days = [EVENT_DAY - timedelta(days=n) for n in range(1, 120)]
    return [day for day in days if is_weekday(day)][skip : skip + count]


def baseline_of(
    load: LoadSeries, baseline_kw: float, days: Sequence[tuple[date, DayUse, float | None]] = ()
) -> BaselineResult:
    """Return a flat baseline with the days it is said to come from."""
    adjusted_kwh = np.full(3, float(baseline_kw))
    return BaselineResult(
        program_id="program",
        rule_id="program@1",
        rule_digest="a" * 64,
        meter_id="m",
        interval_minutes=60,
        interval_start_utc=tuple(START_UTC + timedelta(hours=n) for n in range(3)),
        baseline_kwh=adjusted_kwh,
        adjusted_baseline_kwh=adjusted_kwh,
        metered_kwh=load.energy_kwh_in(EVENT),
        days=tuple(
            CandidateDay(candidate_date=day, use=use, reason="", window_power_kw_mean=power_kw)
            for day, use, power_kw in days
        ),
        adjustment=Adjustment(kind="none"),
    )


def windows_of(days: list[date]) -> tuple[Interval, ...]:
    return tuple(
        Interval(
            datetime(day.year, day.month, day.day, 16, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 17, tzinfo=UTC),
        )
        for day in days
    )


def result_of(inputs: ScreenInputs, screen_id: str) -> ScreenResult:
    return {result.screen_id: result for result in screen_event(inputs)}[screen_id]


def reduced(day: date, hour: int) -> float:
    """100 kW, and 60 kW in the event."""
    return 60 if day == EVENT_DAY and hour in HOURS else 100


@pytest.fixture
def inputs_of() -> Callable[..., ScreenInputs]:
    """Return a function that makes the inputs of the event from load, baseline and what is said."""

    def make(
        power_kw: PowerOf,
        baseline_kw: float,
        days: Sequence[tuple[date, DayUse, float | None]] = (),
        **others: Any,  # noqa: ANN401 - as ScreenInputs takes them
    ) -> ScreenInputs:
        load = hourly(power_kw)
        event = Event(
            event_id="e1",
            revision=1,
            site_id="s",
            program_id="program",
            interval=EVENT,
            notified_at_utc=START_UTC - timedelta(hours=4),
        )
        return ScreenInputs(
            event=event,
            result=baseline_of(load, baseline_kw, days),
            load=load,
            time_zone=UTC,
            is_like_day=is_weekday,
            **others,
        )

    return make
