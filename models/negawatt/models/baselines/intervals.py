"""From the meter's interval to the program's: power is averaged, energy summed.

Not here: the program's clock (calendar.py); which intervals an event has (case.py).
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries


def at_interval(
    load: LoadSeries, interval_minutes: int, *, flat_profile: bool = False
) -> LoadSeries:
    """Bring a load to another interval: energy is summed, or spread evenly where that is allowed.

    A part that is not known makes the whole not known, and a whole its parts.

    Hours that the series covers only in part, at its two ends, are left out.

    Args:
        load: Load whose interval divides the other one, or is a multiple of it.
        interval_minutes: The other interval [min].
        flat_profile: Longer intervals may be spread evenly over shorter ones.

    Raises:
        DataRefusedError: The intervals do not fit, or no whole interval is covered.

    Examples:
        >>> halves = LoadSeries(meter_id="m", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=30, energy_kwh=np.array([1.0, 2.0, 3.0, np.nan]),
        ...     coverage_ratio=np.ones(4))
        >>> at_interval(halves, 60).energy_kwh
        array([ 3., nan])
    """
    if interval_minutes == load.interval_minutes:
        return load
    if flat_profile and load.interval_minutes % interval_minutes == 0:
        return _spread(load, interval_minutes)
    if interval_minutes % load.interval_minutes:
        raise DataRefusedError(
            thing=f"load of meter {load.meter_id!r}",
            expected=f"an interval that divides the rule's {interval_minutes} minutes",
            found=f"{load.interval_minutes} minutes",
            remedy="give finer data or choose a program of longer interval",
        )
    midnight_utc = datetime.combine(load.start_utc.date(), datetime.min.time(), UTC)
    late = (load.start_utc - midnight_utc) % timedelta(minutes=interval_minutes)
    parts = interval_minutes // load.interval_minutes
    skipped = -(late // load.interval) % parts
    kept = (len(load.energy_kwh) - skipped) // parts * parts
    if kept <= 0:
        raise DataRefusedError(
            thing=f"load of meter {load.meter_id!r}",
            expected=f"at least one whole interval of {interval_minutes} minutes",
            found=f"{len(load.energy_kwh)} intervals of {load.interval_minutes} minutes",
            remedy="give more data",
        )
    span = slice(skipped, skipped + kept)
    return LoadSeries(
        meter_id=load.meter_id,
        start_utc=load.start_utc + load.interval * skipped,
        interval_minutes=interval_minutes,
        energy_kwh=load.energy_kwh[span].reshape(-1, parts).sum(axis=1),
        coverage_ratio=load.coverage_ratio[span].reshape(-1, parts).mean(axis=1),
    )


def _spread(load: LoadSeries, interval_minutes: int) -> LoadSeries:
    parts = load.interval_minutes // interval_minutes
    return LoadSeries(
        meter_id=load.meter_id,
        start_utc=load.start_utc,
        interval_minutes=interval_minutes,
        energy_kwh=np.repeat(load.energy_kwh / parts, parts),
        coverage_ratio=np.repeat(load.coverage_ratio, parts),
    )
