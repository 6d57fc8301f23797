"""The fast loop: sweeps on a fixed grid, from a thread of its own.

Deadlines are absolute on the monotonic clock; a tick that comes too late is left out, never made
up for. A call that hangs in the driver takes its GPU out of the loop and its thread with it:
another thread finishes the sweep and goes on with the other GPUs. Not here: one sweep
(nvml_sweep), and opening GPUs again after errors (nvml_gpus).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from negawatt.collectors.sources.nvml_pace import Pace, next_energy
from negawatt.collectors.sources.nvml_sweep import Call, Lane, Sweeper
from negawatt.models.domain.units import NS_PER_S

_LEAST_PATIENCE_NS: Final = NS_PER_S // 20  # an H100 was seen to take 17 ms for its energy
_MINUTE_NS: Final = 60 * NS_PER_S
_FIRST_PAUSE_NS: Final = NS_PER_S
_LONGEST_PAUSE_NS: Final = 64 * NS_PER_S
_FORGOTTEN_AFTER_NS: Final = 600 * NS_PER_S
_ENDING_S: Final = 1.0


@dataclass(slots=True)
class _Hang:
    """A call that did not return in time.

    Attributes:
        since_ns: When it was noticed [ns].
        pause_ns: How long its GPU is left alone after the call returned [ns].
        returned_ns: When it returned, or None [ns].
    """

    since_ns: int
    pause_ns: int
    returned_ns: int | None = None


class FastLoop:
    """Sweeps until it is stopped.

    Args:
        sweeper: Asks and remembers.
        interval_ns: From one tick to the next [ns].
        wall_ns: The wall clock.
        monotonic_ns: The monotonic clock.

    Attributes:
        start_ns: When tick 0 is due, by the monotonic clock [ns].
        pace: How often GPUs are asked; at first, for their energy once a second.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        interval_ns: int,
        *,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._sweeper, self._interval_ns = sweeper, interval_ns
        self._wall_ns, self._now_ns = wall_ns, monotonic_ns
        self._patience_ns = max(interval_ns // 2, _LEAST_PATIENCE_NS)
        self._asked: dict[int, Lane] = {}
        self._lanes: tuple[Lane, ...] = ()
        self._powers: tuple[Call, ...] = ()
        self._everything: tuple[Call, ...] = ()
        self._energy_due: dict[int, int] = {}  # of each GPU, on which tick
        self._next_energy_tick = 0
        self._hangs: dict[int, _Hang] = {}
        self._gpu_of_hung: dict[threading.Thread | None, int] = {}
        self._changes = threading.Lock()
        self._tick = -1
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self.start_ns = monotonic_ns()
        self.pace = Pace(1, max(NS_PER_S // interval_ns, 1), 1)

    @property
    def hung(self) -> frozenset[int]:
        """GPUs that are left out because a call hangs, or did a moment ago."""
        return frozenset(gpu for gpu, hang in self._hangs.items() if not self._is_over(hang))

    @property
    def tick(self) -> int:
        """The last tick that was begun."""
        return self._tick

    def cpu_time_s(self) -> float:
        """Return what the sampling thread has used of a core since it began [s]."""
        thread = self._thread
        if thread is None or thread.ident is None or not thread.is_alive():
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))

    def start(self) -> None:
        """Begin: tick 0 is due now."""
        self.start_ns = self._now_ns()
        self._sweep_from_a_new_thread(after=-1)
        threading.Thread(target=self._watch, name="nvml-watch", daemon=True).start()

    def stop(self) -> None:
        """End after the sweep that is going on; a call that hangs is left behind."""
        self._stopped.set()
        if self._thread:
            self._thread.join(timeout=_ENDING_S)

    def ask(self, lane: Lane) -> None:
        """Take a GPU into the loop, or exchange its handle."""
        with self._changes:
            self._asked[lane.gpu] = lane
            self._arrange()

    def leave(self, gpu: int) -> None:
        """Take a GPU out of the loop."""
        with self._changes:
            self._asked.pop(gpu, None)
            self._arrange()

    def raise_failure(self) -> None:
        """Raise what ended the sampling thread, if a defect did."""
        if self._failure:
            raise self._failure

    def _arrange(self) -> None:
        hung = self.hung
        self._lanes = tuple(lane for gpu, lane in sorted(self._asked.items()) if gpu not in hung)
        self._powers = tuple(lane.powers for lane in self._lanes)
        self._everything = tuple(lane.everything for lane in self._lanes)
        self._next_energy_tick = 0  # there may be one whose energy was never read

    def _sweep_from_a_new_thread(self, *, after: int) -> None:
        thread = threading.Thread(target=self._run, args=(after,), name="nvml-sample", daemon=True)
        self._thread = thread
        self._sweeper.give_to(thread)
        thread.start()

    def _run(self, after: int) -> None:
        """Sweep; first finish the sweep that was left by a thread that hangs behind a GPU."""
        me = threading.current_thread()
        try:
            is_mine = after < 0 or self._sweeper.go_on(self._powers, me, after=after)
            while is_mine and not self._stopped.is_set():
                self._wait_for_next_tick()
                is_mine = self._sweeper.sweep(self._tick, self._calls(), me)
        except BaseException as error:
            self._failure = error
            raise
        if not is_mine:
            self._come_back(me)

    def _wait_for_next_tick(self) -> None:
        elapsed_ns = self._now_ns() - self.start_ns
        tick = max(self._tick + 1, elapsed_ns // self._interval_ns)
        tick += -tick % self.pace.stride
        wait_ns = tick * self._interval_ns - elapsed_ns
        if wait_ns > 0:
            time.sleep(wait_ns / NS_PER_S)
        self._tick = tick

    def _calls(self) -> tuple[Call, ...]:
        """Return what is asked on this tick."""
        if self.pace.energy_stride == 1:
            return self._everything
        if self._tick < self._next_energy_tick:
            return self._powers
        return self._calls_with_energy(self._tick, self._lanes, self.pace)

    def _calls_with_energy(
        self, tick: int, lanes: tuple[Lane, ...], pace: Pace
    ) -> tuple[Call, ...]:
        due_of, interval_ns = self._energy_due, self._interval_ns
        first_wall_ns = self._wall_ns() - (self._now_ns() - self.start_ns)
        minute_tick = -first_wall_ns % _MINUTE_NS / interval_ns
        due = [(due_of.get(lane.gpu, 0), rank) for rank, lane in enumerate(lanes)]
        ranks = {rank for due_tick, rank in sorted(due)[: pace.at_once] if due_tick <= tick}
        for rank in ranks:
            minute_ticks = _MINUTE_NS / interval_ns
            due_of[lanes[rank].gpu] = next_energy(tick, rank, pace, minute_tick, minute_ticks)
        self._next_energy_tick = min((due_of.get(lane.gpu, 0) for lane in lanes), default=tick + 1)
        return tuple(
            lane.everything if rank in ranks else lane.powers for rank, lane in enumerate(lanes)
        )

    def _watch(self) -> None:
        """Look whether a call hangs: whether one and the same is still going on."""
        seen: tuple[int, int | None] = (-1, None)
        since_ns = self._now_ns()
        while not self._stopped.wait(self._patience_ns / 2 / NS_PER_S):
            now_ns = self._now_ns()
            found = (self._tick, self._sweeper.current)
            if found != seen or found[1] is None:
                seen, since_ns = found, now_ns
            elif now_ns - since_ns >= self._patience_ns:
                self._leave_behind(found[1], now_ns)
            if self._hangs:  # one that came back is asked again after its pause
                with self._changes:
                    self._arrange()

    def _leave_behind(self, gpu: int, now_ns: int) -> None:
        hung_thread = self._thread
        before = self._hangs.get(gpu)
        pause_ns = _FIRST_PAUSE_NS
        if before and now_ns - before.since_ns < _FORGOTTEN_AFTER_NS:
            pause_ns = min(2 * before.pause_ns, _LONGEST_PAUSE_NS)
        with self._changes:
            self._hangs[gpu] = _Hang(now_ns, pause_ns)
            self._gpu_of_hung[hung_thread] = gpu
            self._arrange()
        self._sweep_from_a_new_thread(after=gpu)

    def _come_back(self, thread: threading.Thread) -> None:
        with self._changes:
            self._hangs[self._gpu_of_hung.pop(thread)].returned_ns = self._now_ns()

    def _is_over(self, hang: _Hang) -> bool:
        return hang.returned_ns is not None and self._now_ns() - hang.returned_ns >= hang.pause_ns
