"""Whether the machine's clock can be trusted: steps, sleeps, and what the kernel says of NTP.

Every reading carries both clocks, so that nothing depends on this for its time. Here: the same
facts said at once, for whoever runs the agent. Not here: the clocks themselves
(negawatt.collectors.clock), and what a step means for energy, which is decided from the files.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_S

_STEP_NS: Final = NS_PER_S
_UNSYNCHRONIZED: Final = 0x40  # STA_UNSYNC of timex.h
_NANOSECONDS: Final = 0x2000  # STA_NANO: the offset is in nanoseconds, otherwise microseconds
_ERROR: Final = 5  # TIME_ERROR of timex.h; 0 is no leap second near, 1 to 4 tell of one
_US_PER_S: Final = 1_000_000


class _Timex(ctypes.Structure):
    """``struct timex`` of timex.h, as far as it is read; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """What the kernel says of its wall clock.

    Attributes:
        is_synchronized: Whether something keeps it in time.
        offset_s: What it is being corrected by [s].
        most_error_s: The most that it may be off [s].
        leap_is_near: A leap second is announced or under way.
    """

    is_synchronized: bool
    offset_s: float
    most_error_s: float
    leap_is_near: bool


def kernel_clock_state() -> ClockState | None:
    """Ask the kernel; None where it does not say."""
    try:
        ask = ctypes.CDLL(None).adjtimex
    except AttributeError:
        return None
    state = _Timex()  # no mode: nothing is changed
    answer = ask(ctypes.byref(state))
    if answer < 0:
        return None
    per_s = NS_PER_S if state.status & _NANOSECONDS else _US_PER_S
    return ClockState(
        is_synchronized=answer != _ERROR and not state.status & _UNSYNCHRONIZED,
        offset_s=state.offset / per_s,
        most_error_s=state.maxerror / _US_PER_S,
        leap_is_near=0 < answer < _ERROR,
    )


def boottime_ns() -> int:
    """Return the time since the boot, sleep included [ns]."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Compares the clocks each time it is asked.

    Args:
        wall_ns: The wall clock.
        monotonic_ns: The monotonic clock, which stands while the machine sleeps.
        boot_ns: A clock that does not.
        kernel: Asks the kernel.

    Attributes:
        step_count: Steps of the wall clock so far.
        sleep_count: Sleeps of the machine so far.
        state: What the kernel said last.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        boot_ns: Callable[[], int] = boottime_ns,
        kernel: Callable[[], ClockState | None] = kernel_clock_state,
    ) -> None:
        self._wall_ns, self._monotonic_ns, self._boot_ns = wall_ns, monotonic_ns, boot_ns
        self._kernel = kernel
        self._wall_ahead_ns, self._boot_ahead_ns = self._ahead_ns()
        self.step_count = self.sleep_count = 0
        self.state: ClockState | None = None
        self._was_synchronized = True

    def look(self) -> list[Finding]:
        """Return what happened since the last call: a step, a sleep, no NTP any more."""
        wall_ns, boot_ns = self._ahead_ns()
        slept_ns = boot_ns - self._boot_ahead_ns
        stepped_ns = wall_ns - self._wall_ahead_ns - slept_ns
        self._wall_ahead_ns, self._boot_ahead_ns = wall_ns, boot_ns
        findings = []
        if slept_ns > _STEP_NS:
            self.sleep_count += 1
            findings.append(
                _finding(f"the machine slept for {slept_ns / NS_PER_S:.1f} s", slept_ns)
            )
        if abs(stepped_ns) > _STEP_NS:
            self.step_count += 1
            findings.append(_finding(f"it was set by {stepped_ns / NS_PER_S:+.1f} s", stepped_ns))
        self.state = self._kernel()
        is_synchronized = self.state is None or self.state.is_synchronized
        if self._was_synchronized and not is_synchronized:
            findings.append(_not_synchronized(self.state))
        self._was_synchronized = is_synchronized
        return findings

    def _ahead_ns(self) -> tuple[int, int]:
        monotonic_ns = self._monotonic_ns()
        return self._wall_ns() - monotonic_ns, self._boot_ns() - monotonic_ns


def _finding(found: str, by_ns: int) -> Finding:
    return Finding(
        code=FindingCode.CLOCK_STEPPED,
        severity=Severity.WARNING,
        subject="wall clock",
        message=f"expected a wall clock that keeps pace with the monotonic one, found: {found}",
        evidence={"by_s": round(by_ns / NS_PER_S, 3)},
    )


def _not_synchronized(state: ClockState | None) -> Finding:
    error_s = state.most_error_s if state else None
    return Finding(
        code=FindingCode.CLOCK_NOT_SYNCHRONIZED,
        severity=Severity.WARNING,
        subject="wall clock",
        message="expected a wall clock that NTP or PTP keeps in time, found that none does; the "
        f"kernel says that it may be off by {error_s} s",
        evidence={"most_error_s": error_s},
    )
