"""Readings that wait in memory to be written to the log, as rows.

Here: the step from readings to columns. Not here: durability; what waits here, at most about a
second, is lost in a crash.
"""

import pyarrow as pa

from negawatt.collectors.freshness import Judgment
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import Reading
from negawatt.models.domain.units import NS_PER_MS


class SampleBuffer:
    """Rows of ``raw_gpu__power_samples`` of one node and boot."""

    def __init__(self, *, node_id: str, boot_id: str) -> None:
        self._node_id = node_id
        self._boot_id = boot_id
        self._rows: list[tuple[object, ...]] = []

    def add(self, reading: Reading, judgment: Judgment, sequence_number: int) -> None:
        """Append one reading."""
        stamp = reading.stamp
        self._rows.append(
            (
                self._node_id,
                self._boot_id,
                reading.identity.gpu_uuid,
                stamp.observed_at_utc,
                stamp.monotonic_ns // NS_PER_MS,
                sequence_number,
                judgment.counter_epoch,
                reading.power_milliwatt,
                reading.power_instant_milliwatt,
                reading.energy_total_millijoule,
                reading.power_limit_milliwatt,
                reading.power_scope.value,
                judgment.reading_quality.value,
                stamp.read_latency_ns,
            )
        )

    def __len__(self) -> int:
        return len(self._rows)

    def take(self) -> pa.RecordBatch:
        """Return all rows and forget them."""
        schema = SCHEMAS[POWER_SAMPLES]
        rows, self._rows = self._rows, []
        columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
        arrays = [
            pa.array(values, type=column.type)
            for values, column in zip(columns, schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
