"""The site of tests/golden/reference_programs.py, as the engine is given it."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import (
    ControlGroup,
    Nomination,
    SiteInputs,
    TemperatureSeries,
)
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.golden import reference_programs as reference

FIRST_UTC = datetime(2025, 6, 28, tzinfo=UTC)
LAST_UTC = datetime(2026, 8, 20, tzinfo=UTC)
_SHORT_UTC = datetime(2026, 4, 10, tzinfo=UTC)
_NEEDS_A_YEAR = {"average_coincident_load", "regression", "match_day"}


def window_of(rule: BaselineRule, day: date = reference.DAY) -> Interval:
    """Return 16:00 to 19:00 of a day on the program's clock."""
    midnight = datetime.combine(day, time(), program_clock(rule.settlement_clock).zone)
    start_utc = midnight.replace(hour=reference.FIRST).astimezone(UTC)
    return Interval(start_utc, start_utc + timedelta(hours=reference.END - reference.FIRST))


def notified_at_utc(rule: BaselineRule) -> datetime:
    """Return two hours before the event."""
    return window_of(rule).start_utc - timedelta(hours=reference.FIRST - reference.NOTIFIED)


@cache
def series(first_utc: datetime, last_utc: datetime, minutes: int, seed: int = 0) -> LoadSeries:
    """Return the reference's load between two instants; the formula over an array."""
    count = (last_utc - first_utc) // timedelta(minutes=minutes)
    start = int(first_utc.timestamp()) // 60 // minutes
    n = np.arange(start, start + count) + 1000 * seed
    return _load(first_utc, minutes, 500 + (31 * n * n + 17 * n) % 331)


def _load(first_utc: datetime, minutes: int, energy_kwh: NDArray[Any]) -> LoadSeries:
    return LoadSeries(
        meter_id="m1",
        start_utc=first_utc,
        interval_minutes=minutes,
        energy_kwh=energy_kwh.astype(float),
        coverage_ratio=np.ones(len(energy_kwh)),
    )


def load_for(rule: BaselineRule) -> LoadSeries:
    """Return the load that a program's golden figures are computed from."""
    if rule.algorithm == "regression":
        return _smooth(program_clock(rule.settlement_clock).zone, rule.interval_minutes)
    if rule.interval_minutes == 1:
        noon_utc = datetime(2026, 7, 15, 12, tzinfo=UTC)
        return series(noon_utc, noon_utc + timedelta(hours=20), 1)
    first_utc = FIRST_UTC if rule.algorithm in _NEEDS_A_YEAR else _SHORT_UTC
    return series(first_utc, LAST_UTC, rule.interval_minutes)


@cache
def _smooth(zone: tzinfo, minutes: int) -> LoadSeries:
    temperature = temperatures()
    step = timedelta(minutes=minutes)
    count = (LAST_UTC - FIRST_UTC) // step
    values = np.empty(count)
    per_hour = 60 // minutes
    for hour in range(count // per_hour):
        local = (FIRST_UTC + timedelta(hours=hour)).astimezone(zone)
        level = 100 + 10 * local.weekday() + local.hour
        values[hour * per_hour : (hour + 1) * per_hour] = (
            level + 2 * temperature.temperature_c[hour]
        )
    return _load(FIRST_UTC, minutes, values)


@cache
def temperatures() -> TemperatureSeries:
    """Return the reference's hourly temperature; the formula over an array."""
    count = (LAST_UTC - FIRST_UTC) // timedelta(hours=1)
    n = np.arange(count) + int(FIRST_UTC.timestamp()) // 3600
    celsius = (15 + (13 * n * n + 5 * n) % 211 // 10).astype(float)
    return TemperatureSeries(start_utc=FIRST_UTC, interval_minutes=60, temperature_c=celsius)


def site_for(rule: BaselineRule) -> SiteInputs:
    """Return every input that a program may ask for."""
    minutes = rule.interval_minutes
    others = [series(_SHORT_UTC, LAST_UTC, max(minutes, 5), seed) for seed in (1, 2, 3)]
    generator, control, schedule = others
    return SiteInputs(
        temperature=temperatures(),
        loss_factor=1.05,
        peak_load_contribution_kw=735.0,
        winter_peak_load_kw=630.0,
        firm_service_level_kw=400.0,
        declared_maximum_base_load_kw=650.0,
        average_peak_demand_kw=700.0,
        system_peak_starts_utc=reference.PEAK_HOURS,
        control_group=ControlGroup(load=control, control_count=200, treated_count=40),
        generator=generator,
        nomination=Nomination(
            schedule=schedule, locked_at_utc=notified_at_utc(rule) - timedelta(hours=1)
        ),
    )
