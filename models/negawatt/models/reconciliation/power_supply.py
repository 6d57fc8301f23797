"""What power supplies lose between their AC and their DC side.

Here: a loss fitted to meters on both sides, and what a day tells of it. Not here: meters of several
nodes added up (feeds.py).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.least_squares import least_squares, product
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import J_PER_KWH, S_PER_MINUTE
from negawatt.models.reconciliation.feeds import METERED, LevelEnergy

Floats = NDArray[np.float64]

_RULE: Final = "power supply loss"
_KEPT: Final = 10
MIN_PAIRS: Final = 30
MIN_INPUT_W_PER_W: Final = 0.9
"""A watt more below takes a watt more above; a tenth is left to the errors of two meters."""
MIN_SPREAD_PER_RESIDUAL: Final = 10.0
"""A scatter of the output meter of a tenth of the load's spread flattens the line by 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLoss:
    """Input power as a straight line of output power.

    Attributes:
        fixed_w: Input without output [W].
        input_w_per_w: Input for each watt of output beyond it.
        residual_w: Root mean square of what the line leaves of the input [W].
        efficiency_ratio: Mean output over mean input of the pairs: no model.
        above_one_ratio: Share of the pairs in which more came out than went in, which no supply
            does: two meters that do not read the same span, or the error of either.
        pair_count: Pairs that it rests on.
    """

    fixed_w: float
    input_w_per_w: float
    residual_w: float
    efficiency_ratio: float
    above_one_ratio: float
    pair_count: int


def fit_loss(input_w: Floats, output_w: Floats) -> FittedLoss:
    r"""Fit what a supply takes to what it gives.

    .. math:: P_\text{in} = a + b\,P_\text{out}

    The scatter of the output meter flattens the line by :math:`\sigma^2 / s^2`, s being the spread
    of the load: from a steady load no loss can be told, and it is refused.

    Args:
        input_w: Means on the AC side [W], shape (n,); NaN where not known.
        output_w: Means on the DC side over the same spans [W], shape (n,).

    Raises:
        DataRefusedError: Fewer than 30 pairs are known, the output varies by less than ten times
            what the line leaves, or the input hardly rises with it.
        ValueError: The arrays have different shapes.

    Source:
        Attenuation: Fuller, Measurement Error Models, 1987, section 1.1.

    Examples:
        A supply that takes 100 W without a load, and 1.03 W for each watt.

        >>> output_w = np.linspace(2000.0, 6000.0, 40)
        >>> found = fit_loss(100 + 1.03 * output_w, output_w)
        >>> round(found.fixed_w, 6), round(found.input_w_per_w, 6)
        (100.0, 1.03)
    """
    if input_w.shape != output_w.shape:
        raise ValueError(f"arrays must have one shape, got {input_w.shape}, {output_w.shape}")
    is_known = ~(np.isnan(input_w) | np.isnan(output_w))
    given, taken = output_w[is_known], input_w[is_known]
    if len(given) < MIN_PAIRS:
        raise _too_little(f"{MIN_PAIRS} spans in which both sides are known", f"{len(given)}")
    design = np.column_stack([np.ones(len(given)), given])
    line = least_squares(design, taken, rule_id=_RULE, remedy="give a longer span")
    residual_w = _root_mean_square(taken - product(design, line))
    spread_w = _root_mean_square(given - given.mean())
    if spread_w <= MIN_SPREAD_PER_RESIDUAL * residual_w:
        raise _too_little(
            f"a load that varies more than {MIN_SPREAD_PER_RESIDUAL:g} times what a line leaves",
            f"a spread of {spread_w:.0f} W, and {residual_w:.0f} W left",
        )
    if line[1] < MIN_INPUT_W_PER_W:
        raise _too_little(
            f"{MIN_INPUT_W_PER_W:g} W more above for each watt more below, at least",
            f"{line[1]:.2f} W: the two sides do not see one load",
        )
    return FittedLoss(
        fixed_w=float(line[0]),
        input_w_per_w=float(line[1]),
        residual_w=residual_w,
        efficiency_ratio=float(given.sum()) / float(taken.sum()),
        above_one_ratio=float((given > taken).mean()),
        pair_count=len(given),
    )


def loss_findings(found: Sequence[LevelEnergy], minutes: int) -> list[Finding]:
    """Return one finding of what feeds lose to what they serve, where meters on both sides tell it.

    Args:
        found: The levels of a day.
        minutes: Length of their intervals [min].

    Returns:
        Nothing where the load of every feed was too steady, or no level has two meters.
    """
    w_per_kwh = J_PER_KWH / (minutes * S_PER_MINUTE)
    losses, refused_count = {}, 0
    for level in found:
        if level.kind != METERED:
            continue
        try:
            losses[level.name] = fit_loss(level.above_kwh * w_per_kwh, level.below_kwh * w_per_kwh)
        except DataRefusedError:
            refused_count += 1
    if not losses:
        return []
    each = list(losses.values())
    fixed_w = statistics.median(loss.fixed_w for loss in each)
    input_w_per_w = statistics.median(loss.input_w_per_w for loss in each)
    return [
        Finding(
            code=FindingCode.SUPPLY_LOSS_FITTED,
            severity=Severity.INFO,
            subject=f"{len(each)} feeds",
            message=f"meters on both sides tell what {len(each)} feeds take: in the median "
            f"{fixed_w:.0f} W and {input_w_per_w:.4f} W for each watt below; {refused_count} "
            "others tell none. No energy is corrected by it",
            evidence={
                "fixed_w_median": fixed_w,
                "input_w_per_w_median": input_w_per_w,
                "residual_w_max": max(loss.residual_w for loss in each),
                "efficiency_ratio_min": min(loss.efficiency_ratio for loss in each),
                "efficiency_ratio_max": max(loss.efficiency_ratio for loss in each),
                "refused_count": refused_count,
                "first_feeds": sorted(losses)[:_KEPT],
            },
        )
    ]


def _root_mean_square(values: Floats) -> float:
    return math.sqrt(float((values * values).mean()))


def _too_little(expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=_RULE,
        expected=expected,
        found=found,
        remedy="give spans from idle to full load, or leave the loss inside the overhead",
    )
