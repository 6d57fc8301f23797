"""A fleet folder on disk: which files there are, and their rows.

Here: finding and reading the files of the exchange format. Not here: what the columns mean
(negawatt.models.counterfactual.fleet_tables).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE

_DAY_FILE: Final = re.compile(r"day=(\d+)\.parquet")
_MS: Final = pa.timestamp("ms")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerFile:
    """The readings of one day: GPU (row of ``gpus``), start [ms since 1970] and power [W]."""

    gpu_row: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetFiles:
    """A folder that has been opened; the power files are read one at a time."""

    start_utc: datetime
    n_minutes: int
    tables: dict[str, pl.DataFrame]
    events: list[dict[str, object]]
    power_files: tuple[Callable[[], PowerFile], ...]


def open_fleet_folder(folder: Path) -> FleetFiles:
    """Open a fleet folder.

    Args:
        folder: The folder that holds ``gpu_power`` and the tables.

    Raises:
        DataRefusedError: A file that every fleet has is missing or cannot be read.
    """
    days = sorted(
        (int(match[1]), path)
        for path in (folder / "gpu_power").glob("*.parquet")
        if (match := _DAY_FILE.fullmatch(path.name))
    )
    if not days:
        raise _refused(folder / "gpu_power", "files named day=NN.parquet", "none")
    tables = {path.stem: _read(path) for path in sorted(folder.glob("*.parquet"))}
    if "gpus" not in tables or "gpu" not in tables["gpus"].columns:
        raise _refused(folder / "gpus.parquet", "a table with a column gpu", "none")
    gpus = tables["gpus"]["gpu"].cast(pl.String).to_list()
    first_ms, last_ms = _first_ts_ms(days[0][1]), _last_ts_ms(days[-1][1])
    start_utc = datetime.fromtimestamp(first_ms / MS_PER_S, UTC).replace(second=0, microsecond=0)
    n_minutes = int(last_ms - start_utc.timestamp() * MS_PER_S) // (MS_PER_S * S_PER_MINUTE) + 1
    return FleetFiles(
        start_utc=start_utc,
        n_minutes=n_minutes,
        tables=tables,
        events=_events(folder / "events.json"),
        power_files=tuple(_reader(path, gpus) for _, path in days),
    )


def _reader(path: Path, gpus: list[str]) -> Callable[[], PowerFile]:
    return lambda: _read_power(path, gpus)


def _read_power(path: Path, gpus: list[str]) -> PowerFile:
    try:
        table = pq.read_table(
            path, columns=["ts", "gpu", "power_w"], read_dictionary=["gpu"], use_threads=False
        )
    except (OSError, pa.ArrowException) as error:
        raise _refused(path, "a Parquet file with ts, gpu and power_w", str(error)) from error
    return PowerFile(
        gpu_row=_gpu_rows(table["gpu"], gpus, path),
        ts_ms=table["ts"].cast(_MS, safe=False).cast(pa.int64()).to_numpy(),
        power_w=table["power_w"].to_numpy(),
    )


def _gpu_rows(column: pa.ChunkedArray, gpus: list[str], path: Path) -> NDArray[np.int64]:
    """Return the row of each reading's GPU; a dictionary is looked up once for each name."""
    names = column.combine_chunks()
    if not isinstance(names, pa.DictionaryArray):
        names = names.dictionary_encode()
    row_of = {gpu: row for row, gpu in enumerate(gpus)}
    named = [str(name) for name in names.dictionary.to_pylist()]
    unknown = [name for name in named if name not in row_of]
    if unknown:
        raise _refused(path, "GPUs of gpus.parquet", repr(unknown[0]))
    rows = np.array([row_of[name] for name in named], dtype=np.int64)
    return rows[np.asarray(names.indices, dtype=np.int64)]


def _first_ts_ms(path: Path) -> int:
    return int(_ts_ms(path).min())


def _last_ts_ms(path: Path) -> int:
    return int(_ts_ms(path).max())


def _ts_ms(path: Path) -> NDArray[np.int64]:
    try:
        ts = pq.read_table(path, columns=["ts"])["ts"]
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _refused(path, "a Parquet file with rows and a column ts", str(error)) from error
    if len(ts) == 0:
        raise _refused(path, "readings", "no rows")
    return np.asarray(ts.cast(_MS, safe=False).cast(pa.int64()), dtype=np.int64)


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _refused(path, "a Parquet file", str(error)) from error


def _events(path: Path) -> list[dict[str, object]]:
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(path, "a JSON list of events", str(error)) from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise _refused(path, "a JSON list of events", str(events)[:60])
    return events


def _refused(path: Path, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"fleet folder, {path.name}",
        expected=expected,
        found=found,
        remedy="give the folder that negawatt simulate writes as public, or one of its form",
    )
