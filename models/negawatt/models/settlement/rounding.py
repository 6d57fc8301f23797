"""The one place where a settled figure is rounded: by a named rule, once.

Money starts as the shortest decimal of a float (negawatt.models.domain.units.exact_decimal). Not
here: which figures are settled (build.py).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.units import exact_decimal

P = ParamSpec("P")
T = TypeVar("T")

# Our own context: the caller's thread may have set another precision.
_CONTEXT: Final = Context(prec=60, traps=[DivisionByZero, InvalidOperation, Overflow])

MODES: Final = frozenset(
    {"ROUND_HALF_EVEN", "ROUND_HALF_UP", "ROUND_HALF_DOWN", "ROUND_DOWN", "ROUND_UP"}
)

_MODE_OF: Final = {
    "half_up": "ROUND_HALF_UP",
    "half_even": "ROUND_HALF_EVEN",
    "truncate": "ROUND_DOWN",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingRule:
    """How a program rounds energy; money is rounded by its payment rule.

    Baseline and metered energy of each interval are rounded. The reduction is the difference of two
    rounded figures and a total is the sum of rounded figures: neither is rounded again, so that a
    reader can check both with a pencil.

    Attributes:
        name: What a statement cites.
        energy_decimals: Decimals of an energy in kWh.
        mode: A rounding mode of Python's ``decimal`` module.
        source: Document and section the rule was read from.
    """

    name: str
    energy_decimals: int
    mode: str
    source: str

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {sorted(MODES)}, got {self.mode!r}")
        if not 0 <= self.energy_decimals <= 9:  # noqa: PLR2004 - a billionth is beyond any meter
            raise ValueError(f"energy_decimals must be between 0 and 9, got {self.energy_decimals}")


DEFAULT_ROUNDING: Final = RoundingRule(
    name="kwh-3-half-even",
    energy_decimals=3,
    mode="ROUND_HALF_EVEN",
    source="negawatt's own convention; no program manual that was read states a full rule",
)
"""Of values that no program file stands behind; a program's file states its own."""


def rounding_of(rule: BaselineRule) -> RoundingRule:
    """Return how a program rounds the energy of an interval, as its file states it.

    Raises:
        ConfigurationError: The file states no rounding of energy.

    Examples:
        >>> from negawatt.models.baselines.registry import load_program
        >>> rounding_of(load_program("pjm_economic_3day")).name
        'kwh-3-half-even'
    """
    steps = [step for step in rule.rounding if step.stage == "energy"]
    if len(steps) != 1:
        raise ConfigurationError(
            thing=f"program {rule.program_id!r}, key 'rounding'",
            expected="one step of the stage 'energy'",
            found=str(len(steps)),
            remedy="state how baseline and metered energy of an interval are rounded",
        )
    stated = [fact for fact in rule.facts if fact.parameter == "rounding.energy"]
    return RoundingRule(
        name=f"kwh-{steps[0].decimals}-{steps[0].mode.replace('_', '-')}",
        energy_decimals=steps[0].decimals,
        mode=_MODE_OF[steps[0].mode],
        source=" ".join(fact.statement for fact in stated) or "the program file does not say",
    )


def settled_kwh(energy_kwh: float, rule: RoundingRule) -> Decimal:
    """Round the energy of one interval.

    Args:
        energy_kwh: Energy [kWh]; must be finite.
        rule: The program's rule.

    Returns:
        Energy with exactly the rule's decimals [kWh].

    Raises:
        DataRefusedError: The energy is not known (NaN) or not finite.

    Examples:
        Half to even: 0.0125 lies between 0.012 and 0.013, and goes to the even one.

        >>> settled_kwh(0.0125, DEFAULT_ROUNDING)
        Decimal('0.012')
    """
    if not math.isfinite(energy_kwh):
        raise DataRefusedError(
            thing="an interval of the statement",
            expected="known energy",
            found=repr(float(energy_kwh)),
            remedy="import the missing readings and settle again; an override invents no energy",
        )
    return quantized(exact_decimal(energy_kwh), rule.energy_decimals, rule.mode)


def difference(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """Subtract exactly, whatever the thread's decimal context."""
    return _CONTEXT.subtract(minuend, subtrahend)


def total(figures: Iterable[Decimal]) -> Decimal:
    """Add rounded figures exactly.

    Examples:
        >>> total([Decimal("0.333"), Decimal("0.333"), Decimal("0.333")])
        Decimal('0.999')
    """
    result = Decimal(0)
    for figure in figures:
        result = _CONTEXT.add(result, figure)
    return result


def exactly(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function's decimal arithmetic with 60 digits, whatever the thread's context.

    Examples:
        >>> exactly(lambda: Decimal("1E+20") + Decimal("1E-20"))()
        Decimal('100000000000000000000.00000000000000000001')
    """

    @wraps(function)
    def in_our_context(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(_CONTEXT):
            return function(*args, **kwargs)

    return in_our_context


def quantized(value: Decimal, decimals: int, mode: str) -> Decimal:
    """Round to a number of decimals; there is no negative zero.

    Args:
        value: The figure.
        decimals: Decimals that are kept.
        mode: A rounding mode of Python's ``decimal`` module.

    Examples:
        >>> quantized(Decimal("-0.004"), 2, "ROUND_HALF_UP")
        Decimal('0.00')
    """
    result = value.quantize(Decimal(1).scaleb(-decimals), rounding=mode, context=_CONTEXT)
    return abs(result) if result.is_zero() else result


_NOISE_DECIMALS: Final = 40
"""Far below any amount, far above the last of 60 digits."""


def without_noise(value: Decimal) -> Decimal:
    """Return the value that divisions which do not end have missed by their last digit.

    A tie is a tie again, and a threshold that was reached is reached.

    Examples:
        Three times a third of a half, of 60 digits, is a hair below a half:

        >>> exactly(lambda: without_noise(sum([Decimal("0.5") / 3] * 3)))() == Decimal("0.5")
        True
    """
    return quantized(value, _NOISE_DECIMALS, ROUND_HALF_EVEN)


def plain(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without exponent: one text per number.

    Examples:
        >>> plain(Decimal("0.0500")), plain(Decimal("1E+2"))
        (Decimal('0.05'), Decimal('100'))
    """
    text = format(value, "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


FIGURE_DECIMALS: Final = 6
"""Decimals of corroborating figures: far finer than any meter, coarser than binary noise."""


def rounded_figures(value: T) -> T:
    """Round every float inside a value to six decimals, so that its text is one on any machine.

    For what corroborates a statement and is not paid: bands, verdicts, sensitivities, evidence.

    Raises:
        DataRefusedError: A figure is NaN or infinite; what is not known is None.

    Examples:
        >>> rounded_figures(({"spread_ratio": 0.1 + 0.2}, -1e-9))
        ({'spread_ratio': 0.3}, 0.0)
    """
    return _rounded(value)  # type: ignore[no-any-return]  # the same shape comes back


def _rounded(value: Any) -> Any:  # noqa: ANN401 - walks any value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataRefusedError(
                thing="a figure of the statement",
                expected="a finite number, or None where it is not known",
                found=repr(value),
                remedy="report this as a bug in the function that computed it",
            )
        return round(float(value), FIGURE_DECIMALS) + 0.0  # no negative zero
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _rounded(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_rounded(item) for item in value)
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
