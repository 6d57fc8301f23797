"""Sealed files: a raw table as Parquet that appears whole, once, and never changes.

The name says what is inside and ends in the hash of the file's bytes, so a copy can be checked and
sealing the same rows again changes nothing. Not here: from which rows (sealing), and what is
missing (ledger).
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from negawatt.collectors.raw_schema import (
    AGENT_STATES,
    ALLOCATIONS,
    CONDITIONS,
    DRIVER_SAMPLES,
    GAPS,
    GRID_EVENTS,
    GRID_MESSAGES,
    GRID_STRESS,
    INSTRUMENTS,
    MARKET_PRICES,
    METER_READINGS,
    NODE_POWER,
    POWER_SAMPLES,
    SCHEMAS,
    TOPOLOGY,
)
from negawatt.collectors.sources.protocol import GpuIdentity
from negawatt.collectors.spool.disk import publish
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.identifiers import checked_name
from negawatt.models.domain.units import MS_PER_S, S_PER_H

_MS_PER_DAY: Final = 24 * S_PER_H * MS_PER_S
_ROW_GROUP_ROWS: Final = 500_000
_HASH_DIGITS: Final = 16
_NAME: Final = re.compile(r".+_[^_]+_[^_]+_\d+_\d+_[0-9a-f]{16}\.parquet")
_TIME_COLUMN: Final = {
    POWER_SAMPLES: "observed_at_utc",
    GAPS: "gap_start_utc",
    NODE_POWER: "observed_at_utc",
    METER_READINGS: "interval_start_utc",
    ALLOCATIONS: "allocation_start_utc",
    CONDITIONS: "observed_at_utc",
    DRIVER_SAMPLES: "observed_at_utc",
    INSTRUMENTS: "observed_at_utc",
    GRID_EVENTS: "event_start_utc",
    MARKET_PRICES: "interval_start_utc",
    GRID_STRESS: "interval_start_utc",
    GRID_MESSAGES: "available_at_utc",
    AGENT_STATES: "observed_at_utc",
    TOPOLOGY: "available_at_utc",
}
_SPAN_COLUMNS: Final = {
    POWER_SAMPLES: ("sequence_number", "sequence_number"),
    GAPS: ("gap_start_utc", "gap_end_utc"),
    NODE_POWER: ("observed_at_utc", "observed_at_utc"),
    METER_READINGS: ("interval_start_utc", "interval_end_utc"),
    ALLOCATIONS: ("allocation_start_utc", "allocation_start_utc"),
    CONDITIONS: ("monotonic_ms", "monotonic_ms"),
    DRIVER_SAMPLES: ("driver_time_us", "driver_time_us"),
    INSTRUMENTS: ("observed_at_utc", "observed_at_utc"),
    GRID_EVENTS: ("event_start_utc", "event_start_utc"),
    MARKET_PRICES: ("interval_start_utc", "interval_start_utc"),
    GRID_STRESS: ("interval_start_utc", "interval_start_utc"),
    GRID_MESSAGES: ("available_at_utc", "available_at_utc"),
    AGENT_STATES: ("observed_at_utc", "observed_at_utc"),
    TOPOLOGY: ("available_at_utc", "available_at_utc"),
}
_SORT_COLUMNS: Final = {
    POWER_SAMPLES: ("gpu_uuid", "observed_at_utc", "sequence_number", "power_scope"),
    GAPS: ("gpu_uuid", "gap_start_utc"),
    NODE_POWER: ("node_id", "meter_id", "observed_at_utc"),
    METER_READINGS: ("meter_id", "interval_start_utc"),
    ALLOCATIONS: ("job_id", "gpu_uuid", "allocation_start_utc", "available_at_utc"),
    CONDITIONS: ("gpu_uuid", "monotonic_ms"),
    DRIVER_SAMPLES: ("gpu_uuid", "driver_time_us"),
    INSTRUMENTS: ("gpu_uuid", "observed_at_utc"),
    GRID_EVENTS: ("event_id", "revision"),
    MARKET_PRICES: ("series_id", "interval_start_utc", "available_at_utc"),
    GRID_STRESS: ("series_id", "interval_start_utc", "available_at_utc"),
    GRID_MESSAGES: ("message_sha256", "available_at_utc", "message_outcome"),
    AGENT_STATES: ("feed_tag", "observed_at_utc", "available_at_utc"),
    TOPOLOGY: ("object_id", "available_at_utc"),
}


def seal(
    samples: pa.Table,
    *,
    root: Path,
    site_id: str,
    source: str,
    identities: Iterable[GpuIdentity] = (),
) -> list[Path]:
    """Write the readings of one node, one file for each UTC day.

    Args:
        samples: Rows with the columns of ``raw_gpu__power_samples``, in any order, of one node and
            one boot.
        root: Folder of the raw tables; files go below
            ``<root>/raw_gpu__power_samples/site=<site_id>/date=<UTC day>/``.
        site_id: The site the node stands in.
        source: Short name of the source: ``dcgm``, ``nvml``; no underscore.
        identities: Models and driver versions of the GPUs, kept in the file's metadata.

    Returns:
        The files that now hold the rows, oldest day first; existing ones are left alone.

    Raises:
        DataRefusedError: Columns, types or NULLs break the schema, or there is more than one node
            or boot.
        ConfigurationError: A name cannot be part of a file name.
    """
    gpus = {identity.gpu_uuid: asdict(identity) for identity in identities}
    metadata = {"negawatt.gpus": _json([gpus[uuid] for uuid in sorted(gpus)])}
    return _seal(
        POWER_SAMPLES, samples, _site_folder(root, POWER_SAMPLES, site_id), source, metadata
    )


def seal_gaps(gaps: pa.Table, *, root: Path, site_id: str, source: str) -> list[Path]:
    """Write the gaps of one node, one file for each UTC day on which a gap starts.

    As ``seal``, with the columns of ``raw_gpu__gaps``; a gap has no sequence number, so the name
    states first start and last end instead, in milliseconds since 1970.
    """
    return _seal(GAPS, gaps, _site_folder(root, GAPS, site_id), source, {})


def seal_facts(
    name: str, rows: pa.Table, *, root: Path, site_id: str, writer: tuple[str, str, str]
) -> list[Path]:
    """Write rows of a table whose rows name no boot, one file for each UTC day.

    Args:
        name: The table.
        rows: Its rows.
        root: Folder of the raw tables.
        site_id: The site.
        writer: Who writes, for the file's name: what is read, the boot and the source.
    """
    if not rows.num_rows:
        return []
    who, boot_id, source = writer
    prefix = "_".join((checked_name("node", who), _part("boot", boot_id), _part("source", source)))
    return _publish_days(name, _checked(name, rows, {}), _site_folder(root, name, site_id), prefix)


def is_sealed(path: Path) -> bool:
    """Say whether a name is one that a collector gives to a sealed file."""
    return _NAME.fullmatch(path.name) is not None


def verify_sealed(path: Path) -> None:
    """Recompute the hash that a sealed file's name states.

    Raises:
        DataRefusedError: The name states none, or the bytes are not those that were sealed.
    """
    stated = path.stem.rpartition("_")[2]
    found = content_hash(path.read_bytes())
    if stated != found:
        raise DataRefusedError(
            thing=f"sealed file {path}",
            expected=f"bytes whose SHA-256 begins with {stated}",
            found=found,
            remedy="fetch the file from the node again; do not rename or repair it",
        )


def _seal(
    name: str, rows: pa.Table, site_folder: Path, source: str, metadata: dict[str, str]
) -> list[Path]:
    if not rows.num_rows:
        return []
    table = _checked(name, rows, metadata)
    prefix = "_".join((*_node_and_boot(name, table), _part("source", source)))
    return _publish_days(name, table, site_folder, prefix)


def _publish_days(name: str, table: pa.Table, site_folder: Path, prefix: str) -> list[Path]:
    table = table.sort_by([(column, "ascending") for column in _SORT_COLUMNS[name]])
    return [
        _publish(name, part, site_folder / f"date={day}", prefix)
        for day, part in _by_utc_day(table, _TIME_COLUMN[name])
    ]


def _site_folder(root: Path, name: str, site_id: str) -> Path:
    return root / name / f"site={checked_name('site', site_id)}"


def _checked(name: str, rows: pa.Table, metadata: dict[str, str]) -> pa.Table:
    schema = SCHEMAS[name]
    try:
        table = rows.select(schema.names).cast(schema)
    except (KeyError, ValueError) as error:  # pa.ArrowInvalid is a ValueError
        raise DataRefusedError(
            thing=f"rows of {name}",
            expected=f"the columns {', '.join(schema.names)} with their types",
            found=str(error),
            remedy="build the rows with negawatt.collectors.raw_schema.SCHEMAS",
        ) from error
    return table.replace_schema_metadata({**(schema.metadata or {}), **metadata})


def _node_and_boot(name: str, table: pa.Table) -> tuple[str, str]:
    node_ids = pc.unique(table["node_id"]).to_pylist()
    boot_ids = pc.unique(table["boot_id"]).to_pylist()
    if len(node_ids) != 1 or len(boot_ids) != 1:
        raise DataRefusedError(
            thing=f"rows of {name}",
            expected="one node and one boot in a file",
            found=f"nodes {node_ids[:3]}, boots {boot_ids[:3]}",
            remedy="seal the rows of each node and boot on their own",
        )
    return checked_name("node", node_ids[0]), _part("boot", boot_ids[0])


def _part(kind: str, name: str) -> str:
    """Return a name that may stand between the underscores of a file name."""
    if "_" in checked_name(kind, name):
        raise ConfigurationError(
            thing=f"{kind} name {name!r}",
            expected="no underscore: file names are taken apart at them",
            found=repr(name),
            remedy="use a hyphen",
        )
    return name


def _by_utc_day(table: pa.Table, time_column: str) -> list[tuple[date, pa.Table]]:
    """Split rows by the UTC day of a time column, oldest day first; order inside is kept."""
    days = table[time_column].cast(pa.int64()).to_numpy() // _MS_PER_DAY
    return [
        (
            datetime.fromtimestamp(int(day) * 24 * S_PER_H, tz=UTC).date(),
            table if (days == day).all() else table.filter(pa.array(days == day)),
        )
        for day in np.unique(days)
    ]


def _publish(name: str, table: pa.Table, folder: Path, prefix: str) -> Path:
    """Let a file appear under its final name, or find it there; never change one."""
    data = _parquet(table)
    first_column, last_column = _SPAN_COLUMNS[name]
    first = pc.min(table[first_column].cast(pa.int64())).as_py()
    last = pc.max(table[last_column].cast(pa.int64())).as_py()
    path = folder / f"{prefix}_{first:012d}_{last:012d}_{content_hash(data)}.parquet"
    if not path.exists():
        publish(path, data)
    return path


def _parquet(table: pa.Table) -> memoryview:
    """Encode rows: the same rows give the same bytes.

    Text and decimals are dictionary-encoded; other numbers and times are stored as differences,
    which DuckDB, Polars and Spark read, and which take less than half of the defaults' bytes.
    """
    text = [
        column.name
        for column in table.schema
        if pa.types.is_string(column.type) or pa.types.is_decimal(column.type)
    ]
    flags = [column.name for column in table.schema if pa.types.is_boolean(column.type)]
    encodings = {
        column.name: "BYTE_STREAM_SPLIT"
        if pa.types.is_floating(column.type)
        else "DELTA_BINARY_PACKED"
        for column in table.schema
        if column.name not in (*text, *flags)
    }
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=3,
        use_dictionary=text,
        column_encoding=encodings,
        row_group_size=_ROW_GROUP_ROWS,
        write_page_checksum=True,
        write_page_index=True,
    )
    return memoryview(sink.getvalue())


def content_hash(data: bytes | memoryview) -> str:
    """Return the hash that ends a sealed file's name: 16 hex digits of the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
