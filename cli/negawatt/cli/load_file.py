"""One meter's load from a CSV or Parquet file, for commands that work without a warehouse.

Here: the columns, the grid and what is refused. Not here: importing into the warehouse
(imports.py).
"""

from datetime import UTC
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

COLUMNS_HELP: Final = (
    "CSV or Parquet file with the columns interval_start_utc (ISO 8601, UTC) and either energy_kwh "
    "(energy of the interval) or power_kw (its mean power); coverage_ratio (0 to 1) is optional. "
    "Empty and missing intervals are not known, never zero."
)
_VALUES: Final = ("energy_kwh", "power_kw")


def read_load(path: Path) -> LoadSeries:
    """Return the load of a file on a grid as long as its shortest step.

    Args:
        path: The file; its name without the ending becomes the meter's.

    Raises:
        DataRefusedError: The file cannot be read, lacks a column, repeats an interval, or has
            intervals of uneven length.
    """
    rows = _checked(path, _read(path))
    start_s = rows["interval_start_utc"].dt.epoch("s").to_numpy()
    step_s = int(np.diff(start_s).min()) if len(start_s) > 1 else 0
    if step_s == 0 or step_s % S_PER_MINUTE:
        raise _refused(path, "two or more intervals of whole minutes", f"a step of {step_s} s")
    positions, rest_s = np.divmod(start_s - start_s[0], step_s)
    if rest_s.any():
        raise _refused(path, f"starts on a grid of {step_s} s", "starts between its lines")
    interval_minutes = step_s // S_PER_MINUTE
    energy_kwh = np.full(int(positions[-1]) + 1, np.nan)
    coverage_ratio = np.zeros_like(energy_kwh)
    energy_kwh[positions] = _energy_kwh(rows, interval_minutes)
    coverage_ratio[positions] = _coverage_ratio(rows)
    start_utc = rows["interval_start_utc"][0].astimezone(UTC)
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


def _checked(path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    values = [name for name in _VALUES if name in rows.columns]
    if "interval_start_utc" not in rows.columns or len(values) != 1:
        columns = ", ".join(rows.columns)
        raise _refused(path, "interval_start_utc and energy_kwh or power_kw", f"columns {columns}")
    numbers = [name for name in (*values, "coverage_ratio") if name in rows.columns]
    try:
        rows = rows.with_columns(_instant(rows), pl.col(numbers).cast(pl.Float64))
    except pl.exceptions.PolarsError as error:
        found = str(error).split("\n")[0]
        raise _refused(path, "ISO 8601 instants in UTC and numbers", found) from error
    starts = rows["interval_start_utc"]
    if rows.is_empty() or starts.null_count() or starts.is_duplicated().any():
        found = f"{starts.null_count()} without a start, {starts.is_duplicated().sum()} repeated"
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
