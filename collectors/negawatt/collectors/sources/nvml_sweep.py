"""One sweep over all GPUs, as fast as it can be: raw calls into arrays that are there already.

Each call asks one GPU for its powers, or for its energy as well; its return code and the time
before and after it are kept, and the answers as the driver wrote them. Nothing is decoded here, no
object is made for a reading: the arrays are taken apart once a second, elsewhere (nvml_batches).
Not here: deadlines, threads, and what becomes of a call that hangs (nvml_loop).
"""

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from negawatt.collectors.sources.nvml import RawFunction
from negawatt.collectors.sources.nvml_fields import ASKED, FIELD_VALUE, Span, question

# What stands in a return code of a GPU that was not asked, or whose call has not returned.
NOT_ASKED: Final = -1


def sweep_row(gpu_count: int) -> np.dtype[Any]:
    """Return what is kept of one sweep.

    ``tick`` is its position on the grid of the loop, ``wall_ns`` the wall clock at its start,
    ``stamp_ns`` the monotonic clock before the first call and after each, 0 where a GPU was not
    asked; ``code`` the return code of each call and ``answers`` what the driver wrote.
    """
    return np.dtype(
        [
            ("tick", "<i8"),
            ("wall_ns", "<i8"),
            ("stamp_ns", "<i8", (gpu_count + 1,)),
            ("answers", FIELD_VALUE, (gpu_count, len(ASKED))),
            ("code", "<i4", (gpu_count,)),
        ]
    )


class Call(NamedTuple):
    """What asks a GPU: its position, and what the driver's function takes."""

    gpu: int
    arguments: tuple[object, ...]


class Lane(NamedTuple):
    """One GPU that is asked: for its powers, or for everything."""

    gpu: int
    powers: Call
    everything: Call


class Sweeper:
    """Asks GPUs and remembers the newest sweeps until they are taken.

    One thread sweeps and one takes; a sweep becomes visible when it is complete. While a call
    hangs, another thread may be given the sweep (``give_to``): it finishes it with the GPUs that
    are left, and the thread that hangs finds, when its call returns, that nothing is its any more.

    Args:
        read: ``nvmlDeviceGetFieldValues``.
        gpu_count: How many GPUs there may be.
        capacity: How many sweeps are kept; while they are not taken, later ones are given up.
        wall_ns: The wall clock.
        monotonic_ns: The monotonic clock.

    Attributes:
        current: The GPU whose call has not returned, or None.
    """

    def __init__(
        self,
        read: RawFunction,
        gpu_count: int,
        capacity: int,
        *,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._read, self._capacity = read, capacity
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        row = sweep_row(gpu_count)
        blank = np.zeros(1, row)
        blank["answers"], blank["code"] = question(), NOT_ASKED
        # One row that is written again and again, and then copied: it stays in the cache.
        self._row = blank.copy()
        self._blank, self._written, self._size = _bytes(blank), _bytes(self._row), row.itemsize
        self._offsets = {name: entry[1] for name, entry in (row.fields or {}).items()}
        self._times = self._part("tick", 2)
        self._stamps, self._codes = (
            self._part("stamp_ns", gpu_count + 1),
            self._part("code", gpu_count),
        )
        self._kept = np.full(capacity * row.itemsize, 1, np.uint8).view(
            row
        )  # touched: no page waits
        self._stored = _bytes(self._kept)
        self._done = self._taken = 0
        self._holder: object = None
        self._handover = threading.Lock()
        self.current: int | None = None

    def lane(self, gpu: int, handle: ctypes.c_void_p, fields: Span) -> Lane:
        """Return how a GPU is asked; its answers have a place of their own."""
        address = self._row["answers"][0, gpu, fields.start :].ctypes.data
        # Converted now, not at each call: a parameter that is one already is taken as it is.
        powers, everything = (
            Call(
                gpu,
                (
                    ctypes.c_void_p.from_param(handle.value),
                    ctypes.c_int.from_param(end - fields.start),
                    ctypes.c_void_p.from_param(address),
                ),
            )
            for end in (fields.powers_end, fields.end)
        )
        return Lane(gpu, powers, everything)

    def give_to(self, holder: object) -> int | None:
        """Let only this holder sweep from now on; return the GPU at which the one before hangs."""
        with self._handover:
            self._holder = holder
            return self.current

    def sweep(self, tick: int, calls: Sequence[Call], holder: object) -> bool:
        """Ask all GPUs once; False where the sweep was given to another holder meanwhile.

        Args:
            tick: Position on the grid of the loop.
            calls: One for each GPU, in increasing order.
            holder: Who sweeps.
        """
        if self._done - self._taken >= self._capacity:
            return True  # given up: nobody takes the old ones
        self._written[:] = self._blank
        self._times[0], self._times[1] = tick, self._wall_ns()
        return self.go_on(calls, holder)

    def go_on(self, calls: Sequence[Call], holder: object, *, after: int = -1) -> bool:
        """Ask the GPUs behind one, and complete the sweep; as ``sweep``."""
        read, now_ns, stamps, codes = self._read, self._monotonic_ns, self._stamps, self._codes
        stamps[after + 1] = now_ns()
        for gpu, arguments in calls:
            if gpu <= after:
                continue
            self.current = gpu
            code = read(*arguments)
            if self._holder is not holder:
                return False
            stamps[gpu + 1], codes[gpu] = now_ns(), code
        with self._handover:
            if self._holder is not holder:
                return False
            self.current = None
            at = self._done % self._capacity * self._size
            self._stored[at : at + self._size] = self._written
            self._done += 1
        return True

    def take(self) -> NDArray[Any]:
        """Return copies of all complete sweeps that were not taken yet, rows of ``sweep_row``."""
        done = self._done
        sweeps = self._kept[np.arange(self._taken, done) % self._capacity]
        self._taken = done
        return sweeps

    def _part(self, name: str, count: int) -> memoryview:
        """Return a view of numbers of the row, which assigns without what numpy does for each."""
        offset = self._offsets[name]
        if name == "code":
            return self._written[offset : offset + 4 * count].cast("i")
        return self._written[offset : offset + 8 * count].cast("q")


def _bytes(array: NDArray[Any]) -> memoryview:
    return memoryview(array.view(np.uint8).reshape(-1).data)
