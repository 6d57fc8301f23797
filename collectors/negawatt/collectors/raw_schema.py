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
CONDITIONS: Final = "raw_gpu__conditions"
DRIVER_SAMPLES: Final = "raw_gpu__driver_samples"
INSTRUMENTS: Final = "raw_gpu__instruments"
GRID_EVENTS: Final = "raw_grid__events"
GRID_MESSAGES: Final = "raw_grid__messages"
AGENT_STATES: Final = "raw_grid__agent_states"
TOPOLOGY: Final = "raw_site__topology"
MARKET_PRICES: Final = "raw_market__prices"
GRID_STRESS: Final = "raw_grid__stress"

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
    CONDITIONS: _schema(
        CONDITIONS,
        [
            _column("node_id", pa.string()),
            _column("boot_id", pa.string()),
            _column("gpu_uuid", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("monotonic_ms", pa.int64(), unit="ms"),
            _column("clock_event_reasons", pa.int64(), optional=True),
            _column("throttled_power_cap_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_thermal_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_sync_boost_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_board_limit_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_low_utilization_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_reliability_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_sw_thermal_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_hw_thermal_ns", pa.int64(), unit="ns", optional=True),
            _column("throttled_power_brake_ns", pa.int64(), unit="ns", optional=True),
            _column("sm_clock_megahertz", pa.int32(), unit="MHz", optional=True),
            _column("memory_clock_megahertz", pa.int32(), unit="MHz", optional=True),
            _column("temperature_c", pa.int32(), unit="degC", optional=True),
            _column("power_limit_requested_milliwatt", pa.int32(), unit="mW", optional=True),
            _column("read_latency_ns", pa.int64(), unit="ns", optional=True),
        ],
    ),
    DRIVER_SAMPLES: _schema(
        DRIVER_SAMPLES,
        [
            _column("node_id", pa.string()),
            _column("boot_id", pa.string()),
            _column("gpu_uuid", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("driver_time_us", pa.int64(), unit="us"),
            _column("driver_clock", pa.string()),
            _column("power_sample_milliwatt", pa.int32(), unit="mW"),
        ],
    ),
    INSTRUMENTS: _schema(
        INSTRUMENTS,
        [
            _column("node_id", pa.string()),
            _column("boot_id", pa.string()),
            _column("gpu_uuid", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("model_name", pa.string(), optional=True),
            _column("driver_version", pa.string(), optional=True),
            _column("serial", pa.string(), optional=True),
            _column("vbios_version", pa.string(), optional=True),
            _column("mig_mode", pa.string(), optional=True),
            _column("persistence_mode", pa.string(), optional=True),
        ],
    ),
    GRID_EVENTS: _schema(
        GRID_EVENTS,
        [
            _column("event_id", pa.string()),
            _column("revision", pa.int32(), unit="count"),
            _column("site_id", pa.string()),
            _column("program_id", pa.string()),
            _column("event_start_utc", _INSTANT),
            _column("event_end_utc", _INSTANT),
            _column("notified_at_utc", _INSTANT, optional=True),
            _column("committed_kw", pa.float64(), unit="kW", optional=True),
            _column("target_reduction_ratio", pa.float64(), unit="ratio", optional=True),
            _column("limit_kw", pa.float64(), unit="kW", optional=True),
            _column("ramp_minutes", pa.float64(), unit="min"),
            _column("event_kind", pa.string()),
            _column("cancelled", pa.bool_()),
            _column("event_source", pa.string()),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    GRID_MESSAGES: _schema(
        GRID_MESSAGES,
        [
            _column("message_sha256", pa.string()),
            _column("message_topic", pa.string()),
            _column("message_id", pa.string(), optional=True),
            _column("message_type", pa.string(), optional=True),
            _column("message_source", pa.string(), optional=True),
            _column("message_outcome", pa.string()),
            _column("signing_key_id", pa.string(), optional=True),
            _column("jws", pa.string(), optional=True),
            _column("jws_sha256", pa.string(), optional=True),
            _column("message_text", pa.string()),
            _column("message_byte_count", pa.int64(), unit="count"),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    AGENT_STATES: _schema(
        AGENT_STATES,
        [
            _column("feed_tag", pa.string()),
            _column("observed_at_utc", _INSTANT),
            _column("agent_compliant", pa.bool_()),
            _column("calculated_load_w", pa.float64(), unit="W"),
            _column("agent_limit_w", pa.float64(), unit="W", optional=True),
            _column("in_flight", pa.bool_()),
            _column("agent_trigger", pa.string()),
            _column("jws_sha256", pa.string()),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    TOPOLOGY: _schema(
        TOPOLOGY,
        [
            _column("object_id", pa.string()),
            _column("object_type", pa.string()),
            _column("object_name", pa.string(), optional=True),
            _column("associate_id", pa.string(), optional=True),
            _column("serves_ids_json", pa.string()),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    MARKET_PRICES: _schema(
        MARKET_PRICES,
        [
            _column("series_id", pa.string()),
            _column("interval_start_utc", _INSTANT),
            _column("interval_end_utc", _INSTANT),
            _column("price_amount", pa.decimal128(24, 12), optional=True),
            _column("price_currency", pa.string()),
            _column("price_unit", pa.string()),
            _column("available_at_utc", _INSTANT),
        ],
    ),
    GRID_STRESS: _schema(
        GRID_STRESS,
        [
            _column("series_id", pa.string()),
            _column("interval_start_utc", _INSTANT),
            _column("interval_end_utc", _INSTANT, optional=True),
            _column("stress_value", pa.float64(), optional=True),
            _column("stress_unit", pa.string(), optional=True),
            _column("stress_level", pa.string(), optional=True),
            _column("available_at_utc", _INSTANT),
        ],
    ),
}
