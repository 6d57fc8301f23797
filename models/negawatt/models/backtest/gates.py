"""Whether a baseline is accurate enough for a market to accept it, with a verdict in words.

The limits are those that the program files state (accuracy_gate). Not here: the accuracy itself
(accuracy.py).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from negawatt.models.backtest.accuracy import Accuracy
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_parts import AccuracyGate

EVENT_COUNT_MIN: Final = 20
"""Fewest events with which negawatt gives a verdict, where the program states no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a market asks of a baseline on ordinary days, in the hours of events.

    Attributes:
        name: The market.
        rrmse_ratio_max: Highest relative root mean square error that is accepted.
        bias_ratio_max: Highest average relative error, either way; None where none is asked.
        event_count_min: Fewest placebo events with which a verdict is given.
        to_check: What must be read before money moves on these limits.
    """

    name: str
    rrmse_ratio_max: float
    bias_ratio_max: float | None
    event_count_min: int
    to_check: tuple[str, ...]


@cache
def gates() -> tuple[Gate, ...]:
    """Return the gates of the built-in programs, one for each market, by name.

    Examples:
        >>> [(gate.name, gate.rrmse_ratio_max, gate.bias_ratio_max) for gate in gates()]
        [('AEMO', 0.2, 0.04), ('Korea', 0.3, None), ('PJM', 0.2, None)]
    """
    found: dict[str, Gate] = {}
    for rule in map(load_program, list_programs()):
        gate = rule.accuracy_gate
        if gate is not None and gate.hours == "event_hours":
            found.setdefault(rule.market, _gate(rule, gate))
    return tuple(found[name] for name in sorted(found))


def _gate(rule: BaselineRule, gate: AccuracyGate) -> Gate:
    open_facts = [f for f in rule.unverified_facts if f.parameter.startswith("accuracy_gate")]
    return Gate(
        name=rule.market,
        rrmse_ratio_max=gate.max_ratio,
        bias_ratio_max=None if gate.bias is None else gate.bias.max_abs_ratio,
        event_count_min=gate.min_days or EVENT_COUNT_MIN,
        to_check=tuple(fact.check for fact in open_facts),
    )


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
        >>> [verdict(gate, fifth_off).reason for gate in gates()[:2]]
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
