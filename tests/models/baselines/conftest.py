"""Loads and windows told in a program's local clock, so that a test reads like a day."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Return a local clock time as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def window(start: str, end: str, zone: ZoneInfo = NEW_YORK) -> Interval:
    return Interval(at(start, zone), at(end, zone))


def load_of(
    kw_at: Callable[[datetime], float],
    first: date,
    last: date,
    *,
    zone: ZoneInfo = NEW_YORK,
    interval_minutes: int = 60,
) -> LoadSeries:
    """Return the load of whole local days, from the power at the local start of each interval."""
    start_utc = datetime.combine(first, time(), zone).astimezone(UTC)
    end_utc = datetime.combine(last + timedelta(1), time(), zone).astimezone(UTC)
    step = timedelta(minutes=interval_minutes)
    starts_utc = [start_utc + step * i for i in range((end_utc - start_utc) // step)]
    power_kw = np.array([kw_at(start.astimezone(zone)) for start in starts_utc], dtype=float)
    energy_kwh = power_kw * interval_minutes / 60
    return LoadSeries(
        meter_id="m1",
        start_utc=start_utc,
        interval_minutes=interval_minutes,
        energy_kwh=energy_kwh,
        coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, 1.0),
    )


def daily(levels_kw: Mapping[str, float], default_kw: float = 100.0) -> Callable[[datetime], float]:
    """Return a load that is flat within each day."""
    return lambda local: levels_kw.get(str(local.date()), default_kw)
