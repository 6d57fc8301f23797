"""The columns of the raw tables that collectors write, version 1.

The catalog of the warehouse states the same columns; a test holds the two together, because a node
has no warehouse to ask. Not here: how the files are laid out (negawatt.collectors.spool.segment).
"""

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
POWER_SAMPLES: Final = "raw_gpu__power_samples"
GAPS: Final = "raw_gpu__gaps"
NODE_POWER: Final = "raw_node__power_samples"
METER_READINGS: Final = "raw_meter__readings"
ALLOCATIONS: Final = "raw_job__allocations"

_INSTANT: Final = pa.timestamp("ms", tz="UTC")


def _column(
    name: str, kind: pa.DataType, *, unit: str | None = None, optional: bool = False
) -> pa.Field:
    return pa.field(name, kind, nullable=optional, metadata={"unit": unit} if unit else None)


def _schema(table_name: str, columns: list[pa.Field]) -> pa.Schema:
    return pa.schema(
        columns,
        metadata={
            "negawatt.table": table_name,
            "negawatt.schema_version": str(SCHEMA_VERSION),
        },
    )


SCHEMAS: Final = {
    POWER_SAMPLES: _schema(
        POWER_SAMPLES,
        [
            _column("node_id", pa.string()),
            _column("boot_id", pa.string()),
            _column("gpu_uuid", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("monotonic_ms", pa.int64(), unit="ms"),
            _column("sequence_number", pa.int64(), unit="count"),
            _column("counter_epoch", pa.int32(), unit="count"),
            _column("power_milliwatt", pa.int32(), unit="mW", optional=True),
            _column("power_instant_milliwatt", pa.int32(), unit="mW", optional=True),
            _column("energy_total_millijoule", pa.int64(), unit="mJ", optional=True),
            _column("power_limit_milliwatt", pa.int32(), unit="mW", optional=True),
            _column("power_scope", pa.string()),
            _column("reading_quality", pa.string()),
            _column("read_latency_ns", pa.int64(), unit="ns", optional=True),
        ],
    ),
    GAPS: _schema(
        GAPS,
        [
            _column("node_id", pa.string()),
            _column("boot_id", pa.string()),
            _column("gpu_uuid", pa.string()),
            _column("gap_start_utc", _INSTANT),
            _column("gap_end_utc", _INSTANT),
            _column("expected_count", pa.int64(), unit="count"),
            _column("received_count", pa.int64(), unit="count"),
            _column("gap_reason", pa.string()),
        ],
    ),
    NODE_POWER: _schema(
        NODE_POWER,
        [
            _column("node_id", pa.string()),
            _column("meter_id", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("power_w", pa.float64(), unit="W", optional=True),
            _column("energy_total_kwh", pa.float64(), unit="kWh", optional=True),
            _column("reading_quality", pa.string()),
        ],
    ),
    METER_READINGS: _schema(
        METER_READINGS,
        [
            _column("meter_id", pa.string()),
            _column("interval_start_utc", _INSTANT),
            _column("interval_end_utc", _INSTANT),
            _column("energy_kwh", pa.float64(), unit="kWh", optional=True),
            _column("reading_quality", pa.string()),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    ALLOCATIONS: _schema(
        ALLOCATIONS,
        [
            _column("job_id", pa.string()),
            _column("job_class", pa.string(), optional=True),
            _column("flexibility_tier", pa.int32(), unit="count", optional=True),
            _column("gpu_uuid", pa.string()),
            _column("node_id", pa.string(), optional=True),
            _column("allocation_start_utc", _INSTANT),
            _column("allocation_end_utc", _INSTANT, optional=True),
            _column("available_at_utc", _INSTANT),
        ],
    ),
}
