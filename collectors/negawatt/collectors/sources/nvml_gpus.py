"""The GPUs of the fast loop: opened, left alone after an error, and opened again.

Everything that may hang (starting the library, looking up a GPU) is done on threads of its own, one
for each GPU: one that does not answer hides no other. Not here: sweeping (nvml_loop) and what is
read (nvml_batches).
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from negawatt.collectors.sources.nvml import (
    DRIVER_GONE,
    SUCCESS,
    DriverCallError,
    Nvml,
    OpenGpu,
    RawFunction,
    error_text,
    gap_reason,
)
from negawatt.collectors.sources.nvml_fields import Span, question, span
from negawatt.collectors.sources.nvml_loop import FastLoop
from negawatt.collectors.sources.nvml_sweep import Sweeper
from negawatt.collectors.sources.protocol import GapReason, GpuIdentity, PowerScope
from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.units import NS_PER_S

READ_FIELDS: Final = "nvmlDeviceGetFieldValues"
_PROBES: Final = 3  # a driver may answer NOT_SUPPORTED once to who asks it too fast
_FIRST_PAUSE_NS: Final = NS_PER_S // 2
_LONGEST_PAUSE_NS: Final = 32 * NS_PER_S


@dataclass(slots=True)
class Gpu:
    """One GPU by its position.

    Attributes:
        index: The position.
        opened: Its handle and identity, once it was opened.
        is_asked: Whether the loop asks it.
        asked_since_ns: Since when, by the monotonic clock [ns].
        reason: Why not.
        detail: The same, in the driver's words.
        answered: Columns that it gave before, of each scope.
        counter_is_new: Scopes whose energy was not read since it was gone.
    """

    index: int
    opened: OpenGpu | None = None
    is_asked: bool = False
    asked_since_ns: int = 0
    reason: GapReason = GapReason.TIMEOUT
    detail: str = "no answer to the first question yet"
    answered: set[tuple[PowerScope, str]] = field(default_factory=set)
    counter_is_new: set[PowerScope] = field(default_factory=set)
    is_opening: bool = False
    pause_ns: int = _FIRST_PAUSE_NS
    retry_at_ns: int = 0

    @property
    def identity(self) -> GpuIdentity | None:
        """Which GPU it is, once that is known."""
        return self.opened.identity if self.opened else None


class GpuTable:
    """Opens GPUs for a loop and keeps it from asking those that fail.

    Args:
        nvml: The started library.
        sweeper: Has a place for each GPU.
        loop: Asks those that are open.
        monotonic_ns: The monotonic clock.
    """

    def __init__(
        self, nvml: Nvml, sweeper: Sweeper, loop: FastLoop, *, monotonic_ns: Callable[[], int]
    ) -> None:
        self._nvml, self._sweeper, self._loop, self._now_ns = nvml, sweeper, loop, monotonic_ns
        self._driver_is_gone = False
        self._restarting = threading.Lock()
        self._failure: DeviceMissingError | None = None
        self.gpus = [Gpu(index) for index in range(nvml.gpu_count)]

    def open_all(self, patience_s: float) -> None:
        """Open what is not open; wait no longer than this for all together [s]."""
        threads = [self._open_later(gpu) for gpu in self.gpus]
        until_ns = self._now_ns() + round(patience_s * NS_PER_S)
        for thread in threads:
            thread.join(timeout=max(0.0, (until_ns - self._now_ns()) / NS_PER_S))

    def fail(self, gpu: Gpu, code: int) -> None:
        """Leave a GPU alone for a while, because a call gave this code."""
        self._loop.leave(gpu.index)
        gpu.is_asked, gpu.reason, gpu.detail = False, gap_reason(code), error_text(code)
        gpu.counter_is_new = set(PowerScope)
        self._driver_is_gone = self._driver_is_gone or code in DRIVER_GONE
        self._put_off(gpu)

    def mend(self) -> None:
        """Open again what is due; returns at once.

        Raises:
            DeviceMissingError: The library's file was replaced: this process cannot load it again.
        """
        if self._failure:
            raise self._failure
        now_ns = self._now_ns()
        for gpu in self.gpus:
            if not gpu.is_asked and not gpu.is_opening and gpu.retry_at_ns <= now_ns:
                self._open_later(gpu)

    def _open_later(self, gpu: Gpu) -> threading.Thread:
        gpu.is_opening = True
        name = f"nvml-open-{gpu.index}"
        thread = threading.Thread(target=self._open, args=(gpu,), name=name, daemon=True)
        thread.start()
        return thread

    def _open(self, gpu: Gpu) -> None:
        try:
            self._restart_if_gone()
            known = gpu.identity
            gpu.opened = (
                self._nvml.open_by_uuid(known.gpu_uuid)
                if known
                else self._nvml.open_by_index(gpu.index)
            )
            self._loop.ask(self._sweeper.lane(gpu.index, gpu.opened.handle, self._fields(gpu)))
            gpu.asked_since_ns = self._now_ns()
            gpu.is_asked, gpu.pause_ns = True, _FIRST_PAUSE_NS
        except DriverCallError as error:
            gpu.reason, gpu.detail = gap_reason(error.code), str(error)
            self._driver_is_gone = self._driver_is_gone or error.code in DRIVER_GONE
            self._put_off(gpu)
        except DeviceMissingError as error:
            gpu.reason, gpu.detail = GapReason.DRIVER_ERROR, error.found
            self._put_off(gpu)
        finally:
            gpu.is_opening = False

    def _restart_if_gone(self) -> None:
        with self._restarting:
            if not self._driver_is_gone:
                return
            try:
                self._nvml.refuse_replaced_library()
            except DeviceMissingError as error:
                self._failure = error
                raise
            self._nvml.restart()
            self._driver_is_gone = False

    def _fields(self, gpu: Gpu) -> Span:
        """Ask a GPU for everything, and return which fields it need be asked for."""
        read = self._nvml.function(READ_FIELDS)
        found = [self._probe(read, gpu) for _ in range(_PROBES)]
        return Span(
            min(one.start for one in found),
            max(one.powers_end for one in found),
            max(one.end for one in found),
        )

    def _probe(self, read: RawFunction, gpu: Gpu) -> Span:
        asked = question()
        handle = gpu.opened.handle if gpu.opened else None
        code = read(handle, ctypes.c_int(len(asked)), ctypes.c_void_p(asked.ctypes.data))
        if code != SUCCESS:
            raise DriverCallError(code)
        return span(np.asarray(asked))

    def _put_off(self, gpu: Gpu) -> None:
        gpu.retry_at_ns = self._now_ns() + gpu.pause_ns
        gpu.pause_ns = min(2 * gpu.pause_ns, _LONGEST_PAUSE_NS)
