"""Whether a baseline is accurate enough for a program to accept it, with a verdict in words.

Not here: the accuracy itself (accuracy.py).
"""

from dataclasses import dataclass
from typing import Final

from negawatt.models.backtest.accuracy import Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a program asks of a baseline on ordinary days.

    Attributes:
        name: Who asks.
        rrmse_ratio_max: Highest relative root mean square error that is accepted.
        bias_ratio_max: Highest average relative error, either way; None where none is asked.
        event_count_min: Fewest placebo events with which a verdict is given.
        source: Where the limits were read.
    """

    name: str
    rrmse_ratio_max: float
    bias_ratio_max: float | None
    event_count_min: int
    source: str


EVENT_COUNT_MIN: Final = 20
GATES: Final = (
    Gate(
        name="PJM",
        rrmse_ratio_max=0.20,
        bias_ratio_max=None,
        event_count_min=EVENT_COUNT_MIN,
        source="PJM Manual 11 section 10.4 (second hand; the number of days is to be checked)",
    ),
    Gate(
        name="AEMO",
        rrmse_ratio_max=0.20,
        bias_ratio_max=0.04,
        event_count_min=EVENT_COUNT_MIN,
        source="AEMO WDR baseline methodology register (second hand; the 4 % is to be checked)",
    ),
    Gate(
        name="Korea",
        rrmse_ratio_max=0.30,
        bias_ratio_max=None,
        event_count_min=EVENT_COUNT_MIN,
        source="Electimes columns on the Korean rules, 2019 (second hand)",
    ),
)
"""The number of events below which negawatt gives no verdict is its own choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """A gate held against one accuracy.

    Attributes:
        gate: The gate.
        passed: True or False; None where there are too few events to say.
        reason: Why, with the figures.
    """

    gate: Gate
    passed: bool | None
    reason: str


def verdict(gate: Gate, found: Accuracy) -> GateVerdict:
    """Hold an accuracy against a gate; a figure exactly at a limit passes.

    Examples:
        >>> from negawatt.models.backtest.accuracy import accuracy
        >>> import numpy as np
        >>> fifth_off = accuracy(np.full((30, 1), 12.0), np.full((30, 1), 10.0))
        >>> [verdict(gate, fifth_off).reason for gate in GATES[1:]]
        ['RRMSE 20.0 % of at most 20 %; bias +20.0 % outside 4 %', 'RRMSE 20.0 % of at most 30 %']
    """
    if found.event_count < gate.event_count_min:
        reason = f"{found.event_count} placebo events, {gate.event_count_min} are needed"
        return GateVerdict(gate=gate, passed=None, reason=reason)
    passed = found.rrmse_ratio <= gate.rrmse_ratio_max
    link = "of at most" if passed else "above"
    reason = f"RRMSE {found.rrmse_ratio:.1%} {link} {gate.rrmse_ratio_max:.0%}"
    if gate.bias_ratio_max is not None:
        is_small = abs(found.bias_ratio) <= gate.bias_ratio_max
        passed = passed and is_small
        link = "within" if is_small else "outside"
        reason += f"; bias {found.bias_ratio:+.1%} {link} {gate.bias_ratio_max:.0%}"
    return GateVerdict(gate=gate, passed=passed, reason=reason.replace("%", " %"))
