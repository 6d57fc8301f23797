"""Sealed files as a source: what was read once is read again.

Readings keep the time at which they were observed. Not here: recorded exporter pages, which the
emulator serves (negawatt.collectors.emulator).
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    PowerScope,
    Reading,
    ReadingQuality,
    Stamp,
)
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import NS_PER_MS


class ReplaySource:
    """Gives the readings of sealed files, one sequence number for each read.

    A number that no reading has is a read that gave nothing, as it was then. After the last one
    every read says ``replay_ended``.

    Args:
        paths: Files of one node, boot and source.

    Raises:
        DataRefusedError: There is no reading in them.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        tables = [pq.read_table(path, partitioning=None) for path in paths]
        rows = [row for table in tables for row in table.to_pylist()]
        if not rows:
            raise DataRefusedError(
                thing="replay",
                expected="sealed files with readings",
                found=f"{len(paths)} files without any",
                remedy="give the paths of files of raw_gpu__power_samples",
            )
        self._identities = {gpu.gpu_uuid: gpu for table in tables for gpu in _identities(table)}
        rows.sort(key=lambda row: (row["sequence_number"], row["gpu_uuid"], row["power_scope"]))
        self._next = int(rows[0]["sequence_number"])
        self._reads: Iterator[tuple[int, list[dict[str, Any]]]] = (
            (number, list(group)) for number, group in groupby(rows, lambda r: r["sequence_number"])
        )
        self._ahead = next(self._reads, None)

    async def read(self, clock: Clock) -> Batch:  # noqa: ARG002 - a recording has its own times
        """Give the readings of the next sequence number."""
        if self._ahead is None:
            return Batch.failed(GapReason.REPLAY_ENDED)
        number, rows = self._ahead
        self._next += 1
        if number >= self._next:
            return Batch()
        self._ahead = next(self._reads, None)
        return Batch(readings=tuple(self._reading(row) for row in rows))

    async def close(self) -> None:
        """Hold nothing back: the files were read at the start."""

    def _reading(self, row: dict[str, Any]) -> Reading:
        uuid: str = row["gpu_uuid"]
        field_error = row["reading_quality"] == ReadingQuality.FIELD_ERROR
        return Reading(
            identity=self._identities.get(uuid, GpuIdentity(gpu_uuid=uuid)),
            stamp=Stamp(
                observed_at_utc=row["observed_at_utc"],
                monotonic_ns=row["monotonic_ms"] * NS_PER_MS,
                read_latency_ns=row["read_latency_ns"],
            ),
            power_milliwatt=row["power_milliwatt"],
            power_instant_milliwatt=row["power_instant_milliwatt"],
            energy_total_millijoule=row["energy_total_millijoule"],
            power_limit_milliwatt=row["power_limit_milliwatt"],
            power_scope=PowerScope(row["power_scope"]),
            # Repeats, resets and zeros are found again; only the source knew of a field's error.
            reading_quality=ReadingQuality.FIELD_ERROR if field_error else ReadingQuality.OK,
        )


def _identities(table: pa.Table) -> list[GpuIdentity]:
    text = (table.schema.metadata or {}).get(b"negawatt.gpus", b"[]")
    return [GpuIdentity(**identity) for identity in json.loads(text)]
