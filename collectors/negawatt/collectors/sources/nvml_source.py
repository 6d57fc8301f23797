"""The GPUs of this machine, as a source: the fast loop with all that belongs to it.

Here: putting the parts together, every tick accounted for, and asking less when too much time goes
by inside the driver. Not here: the parts (nvml, nvml_sweep, nvml_loop, nvml_pace, nvml_gpus,
nvml_batches).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from negawatt.collectors.sources.nvml import SUCCESS, Nvml
from negawatt.collectors.sources.nvml_batches import batches, instant, stamps
from negawatt.collectors.sources.nvml_fields import ENERGIES, NOT_ANSWERED
from negawatt.collectors.sources.nvml_gpus import READ_FIELDS, GpuTable
from negawatt.collectors.sources.nvml_loop import FastLoop
from negawatt.collectors.sources.nvml_pace import pace
from negawatt.collectors.sources.nvml_sweep import NOT_ASKED, Sweeper
from negawatt.collectors.sources.protocol import Batch, GapReason, Tick
from negawatt.models.domain.units import NS_PER_S

_OPENING_PATIENCE_S: Final = 10.0
_KEPT_S: Final = 12.0


class FastClock(Protocol):
    """A clock that gives plain numbers."""

    def wall_ns(self) -> int:
        """Return the wall clock [ns since 1970]."""
        ...

    def monotonic_ns(self) -> int:
        """Return the monotonic clock [ns]."""
        ...


@dataclass(slots=True)
class LoopFacts:
    """What the agent says of its own loop.

    Attributes:
        tick_count: Ticks that were due.
        missed_tick_count: Ticks on which the loop itself was late.
        backed_off_tick_count: Ticks that were left to the workload.
        call_count: Calls of the driver.
        failed_call_count: Those that did not succeed.
        driver_time_s: Time inside the driver, all calls together [s].
        driver_time_ratio: The same as a share of the last stretch that was taken.
        longest_call_s: The longest call of the last stretch [s].
        worst_late_s: How late the latest sweep of the last stretch began [s].
        slow_driver_time_s: Time inside the driver of the slow loop [s].
        stride: Only each so many ticks is swept.
        energy_stride: From one energy of a GPU to the next, at most [ticks].
        gpus_asked: GPUs in the loop.
        gpus_hung: GPUs that are left out because a call hangs.
        gpu_count: GPUs that the driver showed at the start.
    """

    tick_count: int = 0
    missed_tick_count: int = 0
    backed_off_tick_count: int = 0
    call_count: int = 0
    failed_call_count: int = 0
    driver_time_s: float = 0.0
    driver_time_ratio: float = 0.0
    longest_call_s: float = 0.0
    worst_late_s: float = 0.0
    slow_driver_time_s: float = 0.0
    stride: int = 1
    energy_stride: int = 1
    gpus_asked: int = 0
    gpus_hung: int = 0
    gpu_count: int = 0


class NvmlSource:
    """Reads all GPUs of this machine on a grid of its own, from now on.

    Args:
        interval_s: From one tick to the next [s].
        clock: The machine's clock.

    Attributes:
        interval_s: From one tick to the next [s].
        start_ns: When the first tick is due, by the monotonic clock [ns].
        nvml: The started library.
        table: The GPUs.
        facts: What the loop did so far.

    Raises:
        DeviceMissingError: There is no driver, or it shows no GPU.
    """

    def __init__(self, *, interval_s: float, clock: FastClock) -> None:
        self.interval_s = interval_s
        self._clock = clock
        self._interval_ns = round(interval_s * NS_PER_S)
        self.nvml = Nvml()
        self._sweeper = Sweeper(
            self.nvml.function(READ_FIELDS),
            self.nvml.gpu_count,
            max(4, round(_KEPT_S / interval_s)),
            wall_ns=clock.wall_ns,
            monotonic_ns=clock.monotonic_ns,
        )
        self._loop = FastLoop(
            self._sweeper,
            self._interval_ns,
            wall_ns=clock.wall_ns,
            monotonic_ns=clock.monotonic_ns,
        )
        self.table = GpuTable(self.nvml, self._sweeper, self._loop, monotonic_ns=clock.monotonic_ns)
        self.table.open_all(_OPENING_PATIENCE_S)
        self.facts = LoopFacts(gpu_count=self.nvml.gpu_count)
        self._next_tick = 0
        self._powers_ns = self._energy_ns = 0.0
        self._loop.start()
        self.start_ns = self._taken_ns = self._loop.start_ns

    def take(self) -> tuple[Tick, ...]:
        """Return every tick since the last call; the ones left out say why.

        Raises:
            DeviceMissingError: The driver's library was replaced: start the agent again.
        """
        self._loop.raise_failure()
        now_ns = self._clock.monotonic_ns()
        wall_less_monotonic_ns = self._clock.wall_ns() - now_ns
        stride, begun_tick = (
            self._loop.pace.stride,
            self._loop.tick,
        )  # before what is complete is taken
        sweeps = self._sweeper.take()
        read = batches(sweeps, self.table.gpus, self._loop.hung)
        ticks: list[Tick] = []
        offsets_ns = (sweeps["wall_ns"] - sweeps["stamp_ns"][:, 0]).tolist()
        for tick, offset_ns, batch in zip(sweeps["tick"].tolist(), offsets_ns, read, strict=True):
            ticks += self._left_out(tick, offset_ns, stride)
            ticks.append(Tick(due_utc=self._due_utc(tick, offset_ns), batch=batch))
            self._next_tick = tick + 1
        # Of the one that is begun and not complete, and of all after it, the next call will tell.
        ticks += self._left_out(begun_tick, wall_less_monotonic_ns, stride)
        self._next_tick = max(self._next_tick, begun_tick)
        self._note(sweeps, ticks, now_ns)
        self._fail(sweeps)
        self.table.mend()
        return tuple(ticks)

    async def close(self) -> None:
        """Stop the loop and let go of the driver."""
        self._loop.stop()
        self.nvml.stop()

    def cpu_time_s(self) -> float:
        """Return what the sampling thread has used of a core [s]."""
        return self._loop.cpu_time_s()

    def _due_utc(self, tick: int, offset_ns: int) -> datetime:
        return instant(self._loop.start_ns + tick * self._interval_ns + offset_ns)

    def _left_out(self, until: int, offset_ns: int, stride: int) -> list[Tick]:
        """Return the ticks before one that nothing was read on, and why."""
        return [
            Tick(
                due_utc=self._due_utc(tick, offset_ns),
                batch=Batch.failed(
                    GapReason.DRIVER_BACKED_OFF if tick % stride else GapReason.TICK_MISSED
                ),
            )
            for tick in range(self._next_tick, until)
        ]

    def _fail(self, sweeps: NDArray[Any]) -> None:
        """Leave GPUs alone whose newest call failed."""
        if not len(sweeps):
            return
        for gpu in self.table.gpus:
            code = int(sweeps["code"][-1, gpu.index])
            if gpu.is_asked and code not in {SUCCESS, NOT_ASKED}:
                self.table.fail(gpu, code)

    def _note(self, sweeps: NDArray[Any], ticks: list[Tick], now_ns: int) -> None:
        """Bring the facts up to date, and keep the pace that the time inside the driver allows."""
        facts = self.facts
        # How long a call took that did not return is not known; its GPU is found hung.
        call_ns = np.diff(stamps(sweeps), axis=1) * (sweeps["code"] != NOT_ASKED)
        due_ns = self._loop.start_ns + sweeps["tick"] * self._interval_ns
        late_ns = sweeps["stamp_ns"][:, 0] - due_ns
        reasons = [tick.batch.gap_reason for tick in ticks if not tick.batch.readings]
        facts.tick_count += len(ticks)
        facts.missed_tick_count += reasons.count(GapReason.TICK_MISSED)
        facts.backed_off_tick_count += reasons.count(GapReason.DRIVER_BACKED_OFF)
        facts.call_count += int((call_ns > 0).sum())
        facts.failed_call_count += int((~np.isin(sweeps["code"], (SUCCESS, NOT_ASKED))).sum())
        driver_s = float(call_ns.sum()) / NS_PER_S
        facts.driver_time_s += driver_s
        facts.driver_time_ratio = driver_s * NS_PER_S / max(now_ns - self._taken_ns, 1)
        facts.longest_call_s = float(call_ns.max(initial=0)) / NS_PER_S
        facts.worst_late_s = float(late_ns.max(initial=0)) / NS_PER_S
        facts.gpus_asked = sum(gpu.is_asked for gpu in self.table.gpus)
        facts.gpus_hung = len(self._loop.hung)
        self._taken_ns = now_ns
        self._keep_pace(sweeps, call_ns)
        facts.stride, facts.energy_stride = self._loop.pace.stride, self._loop.pace.energy_stride

    def _keep_pace(self, sweeps: NDArray[Any], call_ns: NDArray[np.int64]) -> None:
        """Find what calls take, the median because one may wait for a core, and the pace."""
        has_returned = sweeps["code"] != NOT_ASKED
        has_energy = (sweeps["answers"]["result"][:, :, ENERGIES] != NOT_ANSWERED).any(axis=2)
        powers_ns, whole_ns = call_ns[has_returned & ~has_energy], call_ns[has_energy]
        if len(powers_ns):
            self._powers_ns = float(np.median(powers_ns))
        if len(whole_ns):
            self._energy_ns = max(float(np.median(whole_ns)) - self._powers_ns, 0.0)
        self._loop.pace = pace(
            self._powers_ns, self._energy_ns, max(self.facts.gpus_asked, 1), self._interval_ns
        )
