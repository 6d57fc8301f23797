"""One meter's load from a CSV or Parquet file, for commands that work without a warehouse.

Here: the columns, the grid and what is refused. Not here: importing into the warehouse
(imports.py), other facts of a site (site_file.py).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.baselines.site_inputs import TemperatureSeries
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

COLUMNS_HELP: Final = (
    "CSV or Parquet file with the columns interval_start_utc (ISO 8601, UTC) or "
    "interval_start_local (without an offset, with --load-zone), and either energy_kwh "
    "(energy of the interval) or power_kw (its mean power); coverage_ratio (0 to 1) is optional. "
    "Empty and missing intervals are not known, never zero."
)
_STARTS: Final = ("interval_start_utc", "interval_start_local")
_VALUES: Final = ("energy_kwh", "power_kw")
_HIGHEST_KW: Final = 1e7  # ten times the largest campus that was ever announced


def read_load(path: Path, *, zone: str | None = None, may_export: bool = False) -> LoadSeries:
    """Return the load of a file on a grid as long as its shortest step.

    Args:
        path: The file; its name without the ending becomes the meter's.
        zone: IANA zone of ``interval_start_local``.
        may_export: Load may be negative, because the site exports.

    Raises:
        DataRefusedError: The file cannot be read, lacks a column, repeats an interval, has
            intervals of uneven length, a clock time that does not exist or occurs twice, negative
            load, or a power that no site has.
    """
    rows = _checked(path, _read(path), _VALUES, zone)
    load = _on_grid(path, rows)
    lowest_kw, highest_kw = (float(f(load.power_kw, initial=0.0)) for f in (np.nanmin, np.nanmax))
    if not (abs(lowest_kw) < _HIGHEST_KW and highest_kw < _HIGHEST_KW):
        found = f"{lowest_kw:.6g} to {highest_kw:.6g} kW"
        raise _refused(path, f"powers below {_HIGHEST_KW:.0e} kW: is the unit kW or kWh?", found)
    if lowest_kw < 0 and not may_export:
        at = load.start_utc + load.interval * int(np.nanargmin(load.energy_kwh))
        found = f"{lowest_kw:.6g} kW at {at.isoformat()}"
        raise _refused(path, "load of zero or more (or --may-export)", found)
    return load


def read_temperature(path: Path) -> TemperatureSeries:
    """Return the temperature of a file with the columns interval_start_utc and temperature_c.

    Raises:
        DataRefusedError: The file cannot be read, lacks a column, or has no even grid.
    """
    rows = _checked(path, _read(path), ("temperature_c",), None)
    start_utc, interval_minutes, positions = _grid(path, rows)
    temperature_c = np.full(int(positions[-1]) + 1, np.nan)
    temperature_c[positions] = rows["temperature_c"].fill_null(float("nan")).to_numpy()
    return TemperatureSeries(
        start_utc=start_utc, interval_minutes=interval_minutes, temperature_c=temperature_c
    )


def _grid(path: Path, rows: pl.DataFrame) -> tuple[datetime, int, NDArray[np.int64]]:
    """Return start, interval [min] and the position of each row."""
    start_s = rows["interval_start_utc"].dt.epoch("s").to_numpy()
    step_s = int(np.diff(start_s).min()) if len(start_s) > 1 else 0
    if step_s == 0 or step_s % S_PER_MINUTE:
        raise _refused(path, "two or more intervals of whole minutes", f"a step of {step_s} s")
    positions, rest_s = np.divmod(start_s - start_s[0], step_s)
    if rest_s.any():
        raise _refused(path, f"starts on a grid of {step_s} s", "starts between its lines")
    return rows["interval_start_utc"][0].astimezone(UTC), step_s // S_PER_MINUTE, positions


def _on_grid(path: Path, rows: pl.DataFrame) -> LoadSeries:
    start_utc, interval_minutes, positions = _grid(path, rows)
    energy_kwh = np.full(int(positions[-1]) + 1, np.nan)
    coverage_ratio = np.zeros_like(energy_kwh)
    energy_kwh[positions] = _energy_kwh(rows, interval_minutes)
    coverage_ratio[positions] = _coverage_ratio(rows)
    try:
        return LoadSeries(
            meter_id=path.stem,
            start_utc=start_utc,
            interval_minutes=interval_minutes,
            energy_kwh=energy_kwh,
            coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, coverage_ratio),
        )
    except ValueError as error:
        raise _refused(path, "a grid counted from midnight UTC", str(error)) from error


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(path, "a readable CSV or Parquet file", str(error).split("\n")[0]) from error


def _checked(
    path: Path, rows: pl.DataFrame, values: tuple[str, ...], zone: str | None
) -> pl.DataFrame:
    stated = [name for name in values if name in rows.columns]
    starts = [name for name in _STARTS if name in rows.columns]
    if len(starts) != 1 or len(stated) != 1:
        columns = ", ".join(rows.columns)
        raise _refused(path, f"interval_start_utc and {' or '.join(values)}", f"columns {columns}")
    if (starts[0] == "interval_start_local") != (zone is not None):
        expected = "--load-zone with interval_start_local, and only with it"
        raise _refused(path, expected, f"{starts[0]} and {zone or 'no zone'}")
    numbers = [name for name in (*stated, "coverage_ratio") if name in rows.columns]
    instant = _instant(rows) if zone is None else _instant_of_clock(path, rows, zone)
    try:
        rows = rows.with_columns(
            instant.alias("interval_start_utc"), pl.col(numbers).cast(pl.Float64)
        )
    except pl.exceptions.PolarsError as error:
        found = str(error).split("\n")[0]
        raise _refused(path, "ISO 8601 instants in UTC and numbers", found) from error
    instants = rows["interval_start_utc"]
    if rows.is_empty() or instants.null_count() or instants.is_duplicated().any():
        found = (
            f"{instants.null_count()} without a start, {instants.is_duplicated().sum()} repeated"
        )
        raise _refused(path, "one row per interval", found)
    return rows.sort("interval_start_utc")


def _instant(rows: pl.DataFrame) -> pl.Expr:
    instant = pl.col("interval_start_utc")
    if rows["interval_start_utc"].dtype == pl.String:
        text = instant.str.replace(r"Z$", "+00:00")
        instant = text.str.to_datetime(time_zone="UTC", time_unit="us")
    elif rows["interval_start_utc"].dtype.base_type() is pl.Datetime:
        zone = getattr(rows["interval_start_utc"].dtype, "time_zone", None)
        instant = instant.dt.replace_time_zone("UTC") if zone is None else instant
    return instant.cast(pl.Datetime("us", "UTC"))


def _instant_of_clock(path: Path, rows: pl.DataFrame, zone: str) -> pl.Expr:
    """Return instants of clock times; one that occurs twice or never on its day is refused."""
    clock = rows["interval_start_local"]
    try:
        if clock.dtype == pl.String:
            clock = clock.str.to_datetime(time_unit="us")
        clock = clock.dt.replace_time_zone(zone, ambiguous="raise", non_existent="raise")
    except (pl.exceptions.PolarsError, AttributeError) as error:
        expected = f"clock times of {zone} without offset, each once; others as interval_start_utc"
        raise _refused(path, expected, str(error).split("\n")[0]) from error
    return pl.lit(clock.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC")))


def _energy_kwh(rows: pl.DataFrame, interval_minutes: int) -> NDArray[np.float64]:
    if "energy_kwh" in rows.columns:
        return rows["energy_kwh"].fill_null(float("nan")).to_numpy()
    power_kw = rows["power_kw"].fill_null(float("nan")).to_numpy()
    return power_kw * (interval_minutes * S_PER_MINUTE / S_PER_H)


def _coverage_ratio(rows: pl.DataFrame) -> NDArray[np.float64]:
    if "coverage_ratio" not in rows.columns:
        return np.ones(rows.height)
    return rows["coverage_ratio"].fill_null(0.0).to_numpy()


def _refused(path: Path, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"load file {str(path)!r}",
        expected=expected,
        found=found,
        remedy="correct the file; `negawatt baseline --help` names its columns",
    )
