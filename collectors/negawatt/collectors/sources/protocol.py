"""What a source is and what it gives back: readings, and why a reading is missing.

Here: values and the protocol. Not here: any way to read (the other modules of this folder), and
judgments that need the reading before (negawatt.collectors.freshness).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self, runtime_checkable

import pyarrow as pa

from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import NS_PER_MS


class PowerScope(StrEnum):
    """What a power reading covers; values of two scopes never stand in for each other."""

    GPU = "gpu"
    MODULE = "module"
    MEMORY = "memory"


class ReadingQuality(StrEnum):
    """``ok``, or what is wrong with a reading that was kept."""

    OK = "ok"
    REPEAT = "repeat"  # the energy counter did not move: no new measurement
    RESET_EPOCH = "reset_epoch"  # first reading after the energy counter decreased
    ZERO_SUSPECT = "zero_suspect"  # 0 W: what a driver says that was asked too fast
    FIELD_ERROR = "field_error"  # a value the GPU gave before could not be read; it is NULL


class GapReason(StrEnum):
    """Why a reading that should have come is missing."""

    AGENT_LOST = "agent_lost"  # the agent ended without saying so: killed, or the power failed
    AGENT_STOPPED = "agent_stopped"
    ACCESS_DENIED = "access_denied"
    BACKING_OFF = "backing_off"  # not asked, because it failed several times in a row
    CONNECTION_FAILED = "connection_failed"
    DISK_FULL = "disk_full"  # given up: only energy is kept, in space that was set aside
    DISK_LOW = "disk_low"  # given up: the newest reading of about a second is kept
    DRIVER_BACKED_OFF = "driver_backed_off"  # not asked: too much time went by inside the driver
    DRIVER_ERROR = "driver_error"
    EMPTY_PAGE = "empty_page"
    GPU_LOST = "gpu_lost"
    GPU_RESET_REQUIRED = "gpu_reset_required"
    HTTP_ERROR = "http_error"
    LOG_BACKLOG = "log_backlog"  # given up: the disk took nothing for minutes
    LOG_DAMAGED = "log_damaged"  # was written, and its checksum disagrees
    NOT_IN_ANSWER = "not_in_answer"
    NOT_UNDERSTOOD = "not_understood"
    NO_POWER_READING = "no_power_reading"
    PAGE_NOT_DELIMITED = "page_not_delimited"
    PAGE_TOO_LARGE = "page_too_large"
    PAGE_TRUNCATED = "page_truncated"
    REPLAY_ENDED = "replay_ended"
    TICK_MISSED = "tick_missed"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuIdentity:
    """Which GPU, and with which driver: a change of driver is a change of instrument.

    Attributes:
        gpu_uuid: The driver's identity of the physical GPU.
        model_name: The product, as the driver spells it, where known.
        driver_version: Version of the driver, where known.
        host_name: The node's name for itself, where known.
    """

    gpu_uuid: str
    model_name: str | None = None
    driver_version: str | None = None
    host_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a read happened: its middle, on both clocks, and how long it took.

    Attributes:
        observed_at_utc: Middle of the read, by the wall clock.
        monotonic_ns: Middle of the read, by the monotonic clock [ns].
        read_latency_ns: From asking to the answer [ns].
    """

    observed_at_utc: datetime
    monotonic_ns: int
    read_latency_ns: int | None


class StopWatch:
    """Times one read; make it before the read and ask for ``stamp`` after it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_utc = clock.now_utc()
        self._start_ns = clock.monotonic_ns()

    def stamp(self) -> Stamp:
        """Return the middle of the time since the watch was made, and its length."""
        latency_ns = self._clock.monotonic_ns() - self._start_ns
        return Stamp(
            observed_at_utc=self._start_utc + timedelta(milliseconds=latency_ns / 2 / NS_PER_MS),
            monotonic_ns=self._start_ns + latency_ns // 2,
            read_latency_ns=latency_ns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one read of one GPU gave; None where the source did not say.

    Attributes:
        identity: The GPU.
        stamp: When it was read.
        power_milliwatt: The driver's power; a mean over 1 s on Hopper and newer [mW].
        power_instant_milliwatt: The driver's instantaneous power [mW].
        energy_total_millijoule: The driver's energy counter [mJ].
        power_limit_milliwatt: The enforced power limit [mW].
        power_scope: What the values cover.
        reading_quality: What the source itself found wrong.
        counter_is_new: The GPU or its driver was gone before, so that the energy counter may have
            begun anew even where it is larger than it was.
    """

    identity: GpuIdentity
    stamp: Stamp
    power_milliwatt: int | None = None
    power_instant_milliwatt: int | None = None
    energy_total_millijoule: int | None = None
    power_limit_milliwatt: int | None = None
    power_scope: PowerScope = PowerScope.GPU
    reading_quality: ReadingQuality = ReadingQuality.OK
    counter_is_new: bool = False


class RowQuality(StrEnum):
    """``ok``, or that a meter itself gave no value."""

    OK = "ok"
    NO_READING = "no_reading"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePower:
    """What one meter of a node said, or why it said nothing.

    Attributes:
        node_id: The node.
        meter_id: Which of its meters: a chassis, a power supply; ``*`` where none is known.
        observed_at_utc: When it was read.
        power_w: Its power [W].
        energy_total_kwh: Its own energy counter [kWh].
        reading_quality: ``ok``, or why a value is missing.
    """

    node_id: str
    meter_id: str
    observed_at_utc: datetime
    power_w: float | None = None
    energy_total_kwh: float | None = None
    reading_quality: RowQuality | GapReason = RowQuality.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """The energy of one interval at a meter.

    Attributes:
        meter_id: The meter.
        interval_start_utc: First instant of the interval.
        interval_end_utc: First instant after it.
        energy_kwh: Energy; None is "not known" [kWh].
        reading_quality: ``ok``, or that the meter gave no value.
        available_at_utc: When the reading was found.
    """

    meter_id: str
    interval_start_utc: datetime
    interval_end_utc: datetime
    energy_kwh: float | None
    reading_quality: RowQuality
    available_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The answer of one source to one read.

    Attributes:
        readings: What came, at most one for each GPU and scope.
        missing: GPUs that the source named without a reading, and why.
        gap_reason: Why GPUs that it did not name are missing.
        jobs: Of each GPU that the source names, the jobs that it says hold it.
        node_powers: What meters of nodes said.
        meter_readings: Intervals of meters.
        tables: Rows of other raw tables, by its name, as they are sealed.
        findings: What an auditor should know of this read.
    """

    readings: tuple[Reading, ...] = ()
    missing: Mapping[str, GapReason] = field(default_factory=dict)
    gap_reason: GapReason = GapReason.NOT_IN_ANSWER
    jobs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    node_powers: tuple[NodePower, ...] = ()
    meter_readings: tuple[MeterReading, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @classmethod
    def failed(cls, reason: GapReason, *findings: Finding) -> Self:
        """Return the answer of a read that gave nothing."""
        return cls(gap_reason=reason, findings=findings)


@runtime_checkable
class Source(Protocol):
    """Something that can be read: an exporter, the driver, a recording."""

    async def read(self, clock: Clock) -> Batch:
        """Read once. What the world does wrong is in the batch; only defects raise."""
        ...

    async def close(self) -> None:
        """Give back what the source holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick of a source that keeps its own time.

    Attributes:
        due_utc: When the read was due, by the wall clock.
        batch: What it gave.
    """

    due_utc: datetime
    batch: Batch


@runtime_checkable
class PacedSource(Protocol):
    """A source that reads by itself, on a grid of its own, and is asked for what came.

    Attributes:
        interval_s: From one tick to the next [s].
        start_ns: When its first tick is due, by the monotonic clock [ns].
    """

    interval_s: float
    start_ns: int

    def take(self) -> tuple[Tick, ...]:
        """Return every tick since the last call, in its order, none left out."""
        ...

    async def close(self) -> None:
        """Stop reading and give back what the source holds."""
        ...
