"""The real meters and their weather, as negawatt's types: build.py and study.py use it.

Not here: what is measured on them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.backtest.hourly_days import HOURS, HourlyDays, hourly_days
from negawatt.models.backtest.placebos import is_business_day
from negawatt.models.baselines.calendar import ProgramClock
from negawatt.models.baselines.clocked import positions_on_days, values_at
from negawatt.models.metering.load_series import LoadSeries

Array = NDArray[np.float64]

START_UTC = datetime(2018, 1, 1, tzinfo=UTC)
DATES = tuple(date(2018, 1, 1) + timedelta(day) for day in range(730))
LONDON = ProgramClock(ZoneInfo("Europe/London"))
CALENDAR = "national:GB-ENG"
LAST_TEST = date(2019, 12, 20)
"""The university is closed after it, and the study that is followed left those days out."""
C_PER_WEATHER_UNIT = 10.0
_MISSING_RATIO_MAX, _MEAN_KWH_MIN = 0.01, 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estate:
    """The meters of the protocol with their weather.

    Attributes:
        loads: Load of each meter.
        days: The same as local days.
        weather: Temperature in tens of degrees and irradiance in 300 W/m2, (n_days, 24, 2).
    """

    loads: tuple[LoadSeries, ...]
    days: HourlyDays
    weather: Array


def meter_loads(data: Path, *, year: int | None = None) -> dict[int, LoadSeries]:
    """Return every meter; hours written as 0 are not known there, so they are not known here."""
    rows = pl.read_parquet(data / "buildings" / "cambridge_hourly.parquet")
    if year is not None:
        rows = rows.filter(pl.col("interval_start_utc").dt.year() == year)
    loads = {}
    ordered = rows.sort("meter_id", "interval_start_utc")
    for (meter_id,), meter in ordered.group_by("meter_id", maintain_order=True):
        energy_kwh = meter["energy_kwh"].cast(pl.Float64).to_numpy()
        loads[int(str(meter_id))] = LoadSeries(
            meter_id=str(meter_id),
            start_utc=meter["interval_start_utc"][0].replace(tzinfo=UTC),
            interval_minutes=60,
            energy_kwh=np.where(energy_kwh == 0, np.nan, energy_kwh),
            coverage_ratio=(energy_kwh > 0).astype(np.float64),
        )
    return loads


def estate(data: Path) -> Estate:
    """Return the meters with under 1 % missing in both years and a mean above 5 kW."""
    loads = tuple(
        load
        for load in meter_loads(data).values()
        if len(load.energy_kwh) == len(DATES) * 24
        and np.isnan(load.energy_kwh).mean() < _MISSING_RATIO_MAX
        and np.nanmean(load.energy_kwh) > _MEAN_KWH_MIN
    )
    is_like = np.array([is_business_day(day, CALENDAR) for day in DATES])
    return Estate(
        loads=loads,
        days=hourly_days(loads, LONDON, DATES, is_like),
        weather=weather(data),
    )


def weather(data: Path) -> Array:
    """Return weather of local hours in numbers of the order of one, (n_days, 24, 2)."""
    rows = pl.read_parquet(data / "buildings" / "bedford_weather_hourly.parquet").sort("time_utc")
    found = []
    for column, unit in (
        ("air_temperature_c", C_PER_WEATHER_UNIT),
        ("global_irradiance_w_per_m2", 300.0),
    ):
        values = rows[column].cast(pl.Float64).to_numpy() / unit
        series = LoadSeries(
            meter_id=column,
            start_utc=START_UTC,
            interval_minutes=60,
            energy_kwh=values,
            coverage_ratio=np.ones_like(values),
        )
        positions, uneven = positions_on_days(LONDON, series, DATES, HOURS)
        hourly, _ = values_at(series, positions)
        hourly[list(uneven)] = np.nan
        found.append(hourly)
    return np.stack(found, axis=-1)
