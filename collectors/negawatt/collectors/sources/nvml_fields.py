"""The fields that the fast loop asks, and what their answers mean.

One call asks a GPU for several of them; each answer carries its own return code and its scope, and
none stands in for another. Here: the driver's structure, the order of fields, and answers to
columns. Not here: asking (nvml_sweep), and when a GPU is asked for its energy (nvml_pace).

Source: nvml.h 13, ``nvmlFieldValue_t`` (40 bytes), ``NVML_FI_DEV_*`` and ``NVML_POWER_SCOPE_*``.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from negawatt.collectors.sources.protocol import PowerScope

FIELD_VALUE: Final = np.dtype(
    [
        ("field_id", "<u4"),
        ("scope_id", "<u4"),
        ("timestamp_us", "<i8"),
        ("latency_us", "<i8"),
        ("value_type", "<i4"),
        ("result", "<i4"),
        ("value", "<u8"),
    ]
)
# What stands in a result before the driver writes one: no answer can be taken for a newer one.
NOT_ANSWERED: Final = -1


class Asked(NamedTuple):
    """One field of the call."""

    scope: PowerScope
    column: str
    field_id: int


_AVERAGE, _INSTANT, _LIMIT = 185, 186, 190
_ENERGY, _SCOPED_ENERGY = 83, 191  # 83 is what older drivers know of the GPU's own energy
_SCOPE_ID: Final = {PowerScope.GPU: 0, PowerScope.MODULE: 1, PowerScope.MEMORY: 2}
# A call asks for fields that follow each other. Powers take the driver microseconds, an energy
# milliseconds (docs/h100.md): energies stand last, so that a call can end before them; scopes that
# few GPUs have stand first, so that a call can begin behind them.
ASKED: Final = (
    Asked(PowerScope.MODULE, "power_milliwatt", _AVERAGE),
    Asked(PowerScope.MODULE, "power_instant_milliwatt", _INSTANT),
    Asked(PowerScope.MODULE, "power_limit_milliwatt", _LIMIT),
    Asked(PowerScope.MEMORY, "power_milliwatt", _AVERAGE),
    Asked(PowerScope.GPU, "power_milliwatt", _AVERAGE),
    Asked(PowerScope.GPU, "power_instant_milliwatt", _INSTANT),
    Asked(PowerScope.GPU, "power_limit_milliwatt", _LIMIT),
    Asked(PowerScope.GPU, "energy_total_millijoule", _ENERGY),
    Asked(PowerScope.MODULE, "energy_total_millijoule", _SCOPED_ENERGY),
)
ENERGIES: Final = slice(7, None)
MEASURED: Final = frozenset(
    {"power_milliwatt", "power_instant_milliwatt", "energy_total_millijoule"}
)
SCOPES: Final = (PowerScope.GPU, PowerScope.MEMORY, PowerScope.MODULE)
_FIRST_OF_SCOPE: Final = {PowerScope.GPU: 4, PowerScope.MEMORY: 3, PowerScope.MODULE: 0}

_DOUBLE, _UNSIGNED_INT, _SIGNED_INT = 0, 1, 5
_KNOWN_TYPES: Final = (_DOUBLE, _UNSIGNED_INT, 2, 3, 4, _SIGNED_INT)  # 2 to 4: 64-bit integers
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
_LARGEST: Final = np.array(
    [2**63 - 1 if asked.column == "energy_total_millijoule" else 2**31 - 1 for asked in ASKED]
)


def question() -> NDArray[Any]:
    """Return the fields as they are put to the driver, shape (9,)."""
    asked = np.zeros(len(ASKED), FIELD_VALUE)
    asked["field_id"] = [field.field_id for field in ASKED]
    asked["scope_id"] = [_SCOPE_ID[field.scope] for field in ASKED]
    asked["result"] = NOT_ANSWERED
    return asked


class Span(NamedTuple):
    """Which of the fields a GPU is asked for.

    Attributes:
        start: The first.
        powers_end: Behind the last power.
        end: Behind the last energy.
    """

    start: int
    powers_end: int
    end: int


def span(answers: NDArray[Any]) -> Span:
    """Return which of the fields a GPU need be asked for, by its answers to all of them.

    Examples:
        >>> answers = question()
        >>> span(answers)
        Span(start=4, powers_end=7, end=8)
        >>> answers["result"][3] = 0  # it has memory power
        >>> span(answers)
        Span(start=3, powers_end=7, end=8)
    """
    known = decoded(answers)[1]
    scopes = {asked.scope for asked, is_known in zip(ASKED, known, strict=True) if is_known}
    start = min(_FIRST_OF_SCOPE[scope] for scope in {PowerScope.GPU, *scopes})
    return Span(start, ENERGIES.start, len(ASKED) - (PowerScope.MODULE not in scopes))


def low_half(raw: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return what a 32-bit answer wrote: the driver leaves the rest of its place as it was."""
    return (raw & _LOW_HALF).astype(np.uint32)


def decoded(
    answers: NDArray[Any], largest: NDArray[np.int64] = _LARGEST
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the values of answers, and which of them are values.

    Args:
        answers: Any shape whose last axis is that of ``ASKED``, or of other fields.
        largest: The largest value that each field can have, with that axis.

    Returns:
        Values [mW or mJ], and False where the field's own return code, its type or its range says
        that it is none; then the value is 0.
    """
    kind, raw = answers["value_type"], np.ascontiguousarray(answers["value"])
    low = low_half(raw)
    real = np.where(kind == _DOUBLE, raw.view(np.float64), 0.0)
    real = np.where(np.abs(real) < 2.0**62, real, -1.0)  # also where it is no number
    value = raw.view(np.int64)  # what does not fit is negative here, and refused below
    value = np.where(kind == _UNSIGNED_INT, low.astype(np.int64), value)
    value = np.where(kind == _SIGNED_INT, low.view(np.int32).astype(np.int64), value)
    value = np.where(kind == _DOUBLE, np.rint(real).astype(np.int64), value)
    known = (answers["result"] == 0) & np.isin(kind, _KNOWN_TYPES)
    known &= (value >= 0) & (value <= largest)
    return np.where(known, value, 0), known
