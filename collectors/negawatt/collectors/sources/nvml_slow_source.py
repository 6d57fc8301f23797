"""The slow loop: conditions and the driver's own samples once a second, identity once a minute.

Each GPU has a thread of its own that the fast loop never waits for; one whose call hangs stops no
other. A thread whose last two looks were long inside the driver pauses for longer, so that all
together take no more than a quarter of a percent of the time: the driver's locks are the
workload's. Not here: the calls (nvml_slow, nvml) and opening GPUs again (nvml_gpus).
"""

import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from negawatt.collectors.raw_schema import CONDITIONS, DRIVER_SAMPLES, INSTRUMENTS, SCHEMAS
from negawatt.collectors.sources.nvml import DriverCallError, OpenGpu
from negawatt.collectors.sources.nvml_batches import instant
from negawatt.collectors.sources.nvml_follower import GpuFollower, Look, SlowClock
from negawatt.collectors.sources.nvml_gpus import Gpu
from negawatt.collectors.sources.nvml_slow import DriverSamples
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import NS_PER_MS, NS_PER_S

SLOW_TIME_LIMIT_RATIO: Final = 0.0025
_INTERVAL_NS: Final = NS_PER_S
_LONGEST_PAUSE_NS: Final = 60 * NS_PER_S
_ENDING_S: Final = 1.0


class SlowSource:
    """Follows all GPUs of a source until it is closed; a read gives what came since the last.

    Args:
        source: The fast loop: it opens GPUs, and again after errors.
        node_id: This node.
        boot_id: This boot.
        clock: The machine's clock.
    """

    def __init__(self, source: NvmlSource, *, node_id: str, boot_id: str, clock: SlowClock) -> None:
        self._source, self._clock = source, clock
        self._of_node = {"node_id": node_id, "boot_id": boot_id}
        self._lock = threading.Lock()
        self._rows: dict[str, list[dict[str, object]]] = {CONDITIONS: [], INSTRUMENTS: []}
        self._samples: list[pa.Table] = []
        self._findings = list[Finding]()
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._follow, args=(gpu,), name=f"nvml-slow-{gpu.index}", daemon=True
            )
            for gpu in source.table.gpus
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, clock: Clock) -> Batch:  # noqa: ARG002 - rows have their own stamps
        """Return rows of the driver's tables since the last call."""
        if self._failure:
            raise self._failure
        with self._lock:
            rows, self._rows = self._rows, {name: [] for name in self._rows}
            samples, self._samples = self._samples, []
            findings, self._findings = self._findings, []
        tables = {
            name: pa.Table.from_pylist(of_table, schema=SCHEMAS[name])
            for name, of_table in rows.items()
        }
        tables[DRIVER_SAMPLES] = pa.concat_tables([SCHEMAS[DRIVER_SAMPLES].empty_table(), *samples])
        return Batch(tables=tables, findings=tuple(findings))

    async def close(self) -> None:
        """Stop following; a call that hangs is left behind."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=_ENDING_S)

    def _follow(self, gpu: Gpu) -> None:
        try:
            follower = GpuFollower(self._source.nvml, self._clock)
            due_ns, before_ns = self._clock.monotonic_ns(), 0
            while not self._stopped.wait(max(0, due_ns - self._clock.monotonic_ns()) / NS_PER_S):
                opened = gpu.opened if gpu.is_asked else None
                driver_ns = self._look(opened, follower) if opened else 0
                usual_ns = min(driver_ns, before_ns)  # one long call may be the machine's doing
                pause_ns = round(usual_ns * len(self._threads) / SLOW_TIME_LIMIT_RATIO)
                pause_ns = min(max(pause_ns, _INTERVAL_NS), _LONGEST_PAUSE_NS)
                before_ns = driver_ns
                due_ns = max(due_ns + pause_ns, self._clock.monotonic_ns())
        except BaseException as error:
            self._failure = error
            raise

    def _look(self, gpu: OpenGpu, follower: GpuFollower) -> int:
        """Ask a GPU, keep what it says, and return the time inside the driver [ns]."""
        start_ns = self._clock.monotonic_ns()
        try:
            found = follower.look(gpu, start_ns)
        except DriverCallError:
            found = None  # the fast loop finds the same, says it and mends it
        took_ns = self._clock.monotonic_ns() - start_ns
        middle_ns = self._clock.clocks_ns()["realtime"] - took_ns // 2
        stamp = {
            **self._of_node,
            "gpu_uuid": gpu.identity.gpu_uuid,
            "observed_at_utc": instant(middle_ns),
        }
        driver_ns = found.driver_ns if found else took_ns
        with self._lock:
            self._source.facts.slow_driver_time_s += driver_ns / NS_PER_S
            if found:
                self._keep(found, stamp, start_ns, took_ns)
        return driver_ns

    def _keep(self, found: Look, stamp: Mapping[str, object], start_ns: int, took_ns: int) -> None:
        self._findings += found.findings
        self._rows[CONDITIONS].append(
            {
                **stamp,
                **found.conditions,
                "monotonic_ms": (start_ns + took_ns // 2) // NS_PER_MS,
                "read_latency_ns": took_ns,
            }
        )
        if found.instrument:
            self._rows[INSTRUMENTS].append({**stamp, **found.instrument})
        if found.samples and len(found.samples.time_us):
            self._samples.append(_table_of(found.samples, stamp))


def _table_of(samples: DriverSamples, stamp: Mapping[str, object]) -> pa.Table:
    """Return the driver's samples as rows of ``raw_gpu__driver_samples``."""
    count = len(samples.time_us)
    columns = {
        "node_id": pa.repeat(stamp["node_id"], count),
        "boot_id": pa.repeat(stamp["boot_id"], count),
        "gpu_uuid": pa.repeat(stamp["gpu_uuid"], count),
        "observed_at_utc": pa.array(samples.wall_ns // NS_PER_MS).cast(pa.timestamp("ms", "UTC")),
        "driver_time_us": pa.array(samples.time_us),
        "driver_clock": pa.repeat(samples.driver_clock, count),
        "power_sample_milliwatt": pa.array(samples.milliwatt.astype(np.int32)),
    }
    return pa.table(columns, schema=SCHEMAS[DRIVER_SAMPLES])
