"""What a GPU says once a second, beside its power and energy.

That is why it is slowed, its clocks, its temperature, and the driver's own power samples. Here: the
calls, and what their answers mean; a field that the GPU does not support is None, and
never 0. Not here: when, and on which thread (nvml_slow_source).

Source: nvml.h 13, ``NVML_FI_DEV_PERF_POLICY_*``, ``NVML_FI_DEV_CLOCKS_EVENT_REASON_*`` and
``nvmlDeviceGetSamples``. In which clock the samples are stamped is not documented; on Linux it was
seen to be the time since boot.
"""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negawatt.collectors.sources.nvml import (
    NOT_FOUND,
    SUCCESS,
    DriverCallError,
    Nvml,
    RawFunction,
    error_text,
)
from negawatt.collectors.sources.nvml_fields import FIELD_VALUE, NOT_ANSWERED, decoded, low_half
from negawatt.collectors.sources.nvml_gpus import READ_FIELDS
from negawatt.models.domain.units import NS_PER_S

# How long the GPU was slowed for each reason since the driver was loaded: they only rise [ns].
_FIELDS: Final = {
    "throttled_power_cap_ns": 74,
    "throttled_thermal_ns": 75,
    "throttled_sync_boost_ns": 76,
    "throttled_board_limit_ns": 77,
    "throttled_low_utilization_ns": 78,
    "throttled_reliability_ns": 79,
    "throttled_sw_thermal_ns": 269,
    "throttled_hw_thermal_ns": 270,
    "throttled_power_brake_ns": 271,
    "power_limit_requested_milliwatt": 192,
}
_LARGEST: Final = np.array([2**31 - 1 if "milliwatt" in name else 2**63 - 1 for name in _FIELDS])
# The function was renamed; a library has the new name, the old one, or both.
_REASONS: Final = (
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
)
_SM_CLOCK, _MEMORY_CLOCK, _GPU_TEMPERATURE, _TOTAL_POWER = 1, 2, 0, 0
_SAMPLE: Final = np.dtype([("time_us", "<u8"), ("value", "<u8")])
_SAMPLE_COUNT: Final = 1024  # no driver is known to keep so many
_UNSIGNED_INT, _INTEGERS = 1, (1, 2, 3, 4)
_LARGEST_MILLIWATT = _LARGEST_NUMBER = 2**31 - 1  # what the columns hold
_NS_PER_US: Final = 1_000
_AHEAD_NS: Final = NS_PER_S  # a sample cannot be of the future: what a clock was corrected by
_BEHIND_NS: Final = 20 * NS_PER_S  # the driver keeps ten seconds
_EMPTY_LIMIT_COUNT: Final = 30  # in so many looks all that was read before has become too old


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSamples:
    """Samples that the driver itself took, oldest first.

    Attributes:
        driver_clock: The clock that stamped them.
        time_us: Their stamps [us], shape (n,).
        wall_ns: The same by the wall clock as it stood at the read [ns since 1970], shape (n,).
        milliwatt: Power [mW], shape (n,).
        refused_count: Entries without a stamp, from the future, or that are no power.
        lost_since_us: Stamp after which the driver had dropped samples before they were read.
    """

    driver_clock: str | None
    time_us: NDArray[np.int64]
    wall_ns: NDArray[np.int64]
    milliwatt: NDArray[np.int64]
    refused_count: int = 0
    lost_since_us: int | None = None


def clock_of(newest_us: int, clocks_ns: Mapping[str, int]) -> str | None:
    """Return which clock a newest sample was stamped by: the nearest of those it can be.

    Args:
        newest_us: Stamp of the newest sample [us].
        clocks_ns: What each clock shows now [ns]; of two that agree, the first is named.

    Examples:
        A machine that was booted 5,000 s ago and slept for 1,000 s of them:

        >>> clocks_ns = {"realtime": 1_780_000_000 * NS_PER_S, "boottime": 5_000 * NS_PER_S,
        ...     "monotonic": 4_000 * NS_PER_S}
        >>> clock_of(4_999_900_000, clocks_ns), clock_of(3_999_900_000, clocks_ns)
        ('boottime', 'monotonic')
        >>> clock_of(123, clocks_ns) is None
        True
    """
    ages_ns = {name: now_ns - newest_us * _NS_PER_US for name, now_ns in clocks_ns.items()}
    possible = {name: abs(a) for name, a in ages_ns.items() if -_AHEAD_NS <= a <= _BEHIND_NS}
    return min(possible, key=possible.__getitem__) if possible else None


class SlowReader:
    """Asks one GPU, and remembers which of the driver's samples it has.

    Args:
        nvml: The started library.
        monotonic_ns: The monotonic clock.

    Attributes:
        driver_ns: Time inside the driver so far [ns].
    """

    def __init__(self, nvml: Nvml, monotonic_ns: Callable[[], int]) -> None:
        self._now_ns = monotonic_ns
        self.driver_ns = 0
        self._fields = nvml.function(READ_FIELDS)
        self._reasons = nvml.function(*_REASONS)
        self._clock = nvml.function("nvmlDeviceGetClockInfo")
        self._temperature = nvml.function("nvmlDeviceGetTemperature")
        self._samples = nvml.function("nvmlDeviceGetSamples")
        self._buffer = np.zeros(_SAMPLE_COUNT, _SAMPLE)
        self._last_us = self._empty_count = 0

    def conditions(self, handle: object) -> tuple[dict[str, int | None], dict[str, str]]:
        """Return the columns of ``raw_gpu__conditions``, and why those are None that are.

        Raises:
            DriverCallError: The GPU answers nothing at all.
        """
        asked = np.zeros(len(_FIELDS), FIELD_VALUE)
        asked["field_id"], asked["result"] = list(_FIELDS.values()), NOT_ANSWERED
        place = ctypes.c_void_p(asked.ctypes.data)
        code = self._call(self._fields, handle, ctypes.c_int(len(asked)), place)
        if code != SUCCESS:
            raise DriverCallError(code)
        values, known = decoded(asked, _LARGEST)
        row: dict[str, int | None] = {
            name: value if is_known else None
            for name, value, is_known in zip(_FIELDS, values.tolist(), known, strict=True)
        }
        codes = dict(zip(_FIELDS, asked["result"].tolist(), strict=True))
        for name, function, arguments in (
            ("clock_event_reasons", self._reasons, ()),
            ("sm_clock_megahertz", self._clock, (_SM_CLOCK,)),
            ("memory_clock_megahertz", self._clock, (_MEMORY_CLOCK,)),
            ("temperature_c", self._temperature, (_GPU_TEMPERATURE,)),
        ):
            row[name], codes[name] = self._number(function, handle, arguments)
        return row, {name: _said(codes[name]) for name, value in row.items() if value is None}

    def drain(self, handle: object, clocks_ns: Mapping[str, int]) -> DriverSamples | str:
        """Return the driver's samples since the last call, or why there are none.

        Args:
            handle: The GPU.
            clocks_ns: What ``realtime`` and the other clocks show now [ns].
        """
        count, kind = ctypes.c_uint(_SAMPLE_COUNT), ctypes.c_int(-1)
        code = self._call(
            self._samples,
            handle,
            ctypes.c_int(_TOTAL_POWER),
            ctypes.c_ulonglong(self._last_us),
            ctypes.byref(kind),
            ctypes.byref(count),
            ctypes.c_void_p(self._buffer.ctypes.data),
        )
        if code not in {SUCCESS, NOT_FOUND}:
            return error_text(code)
        found = self._buffer[: count.value if code == SUCCESS else 0]
        samples = _interpreted(found, kind.value, clocks_ns, self._last_us)
        if len(samples.time_us):
            self._last_us, self._empty_count = int(samples.time_us[-1]), 0
        elif (empty_count := self._empty_count + 1) < _EMPTY_LIMIT_COUNT:
            self._empty_count = empty_count
        else:  # nothing is newer, because the driver's clock was set back: begin anew
            self._last_us = self._empty_count = 0
        return samples

    def _number(
        self, function: RawFunction, handle: object, arguments: tuple[int, ...]
    ) -> tuple[int | None, int]:
        """Return what a function writes that writes one number, and its return code."""
        written = ctypes.c_ulonglong(0)  # room for any; one of 32 bits fills the low half
        numbers = (ctypes.c_int(n) for n in arguments)
        code = self._call(function, handle, *numbers, ctypes.byref(written))
        is_known = code == SUCCESS and written.value <= _LARGEST_NUMBER
        return (written.value if is_known else None), code

    def _call(self, function: RawFunction, *arguments: object) -> int:
        start_ns = self._now_ns()
        code = function(*arguments)
        self.driver_ns += self._now_ns() - start_ns
        return code


def _interpreted(
    found: NDArray[Any], kind: int, clocks_ns: Mapping[str, int], last_us: int
) -> DriverSamples:
    time_us = found["time_us"].astype(np.int64)
    milliwatt = low_half(found["value"]) if kind == _UNSIGNED_INT else found["value"]
    clock = clock_of(int(time_us.max(initial=0)), clocks_ns)
    now_us = clocks_ns[clock] // _NS_PER_US if clock else 0
    whole = (time_us > last_us) & (time_us <= now_us + _AHEAD_NS // _NS_PER_US)
    whole &= (milliwatt <= _LARGEST_MILLIWATT) & (kind in _INTEGERS)
    order = np.argsort(time_us[whole], kind="stable")
    times_us = time_us[whole][order]
    shift_ns = clocks_ns["realtime"] - (clocks_ns[clock] if clock else 0)
    return DriverSamples(
        driver_clock=clock,
        time_us=times_us,
        wall_ns=times_us * _NS_PER_US + shift_ns,
        milliwatt=milliwatt[whole][order].astype(np.int64),
        refused_count=int((found["time_us"] != 0).sum() - whole.sum()),
        lost_since_us=last_us if last_us and _has_hole(times_us, last_us) else None,
    )


def _has_hole(time_us: NDArray[np.int64], last_us: int) -> bool:
    """Say whether the first sample comes later than the next that was due, by their own spacing."""
    if len(time_us) < 3:  # noqa: PLR2004 - a spacing needs some
        return False
    return bool(time_us[0] - last_us > 2.5 * np.median(np.diff(time_us)))


def _said(code: int) -> str:
    return "no value of a known type and range" if code == SUCCESS else error_text(code)
