"""What is done with samples of power that are not plain samples.

Here: the choices, with defaults that invent nothing. Not here: the integration (power_samples.py).
"""

from dataclasses import dataclass
from enum import StrEnum

# What the meters of published power logs report for "no reading" [W].
METER_SENTINELS_W = (-1.0, -2.0)


class Between(StrEnum):
    """What the power was between two samples."""

    TRAPEZOID = "trapezoid"  # it went in a straight line from one to the next
    HOLD = "hold"  # it stayed at the earlier one


class RepeatedStamp(StrEnum):
    """What is done with samples that have one time stamp but different values."""

    DISCARD = "discard"  # none is used: nothing tells which is right
    MEAN = "mean"  # their mean is used


class AcrossGap(StrEnum):
    """What is done between samples that are too far apart."""

    NOT_KNOWN = "not_known"  # the energy of every interval that touches the gap is NaN
    BRIDGE = "bridge"  # integrated as between any two samples; coverage still falls


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRules:
    """How samples become energy. The defaults invent nothing.

    Attributes:
        max_gap_s: Longest time between samples that still counts as measured [s].
        between: What the power was between two samples.
        repeated: What is done with samples of one stamp that differ; equal ones count once.
        across_gap: What is done where samples are farther apart than ``max_gap_s``.
        sentinels_w: Values that mean "no reading" [W].
        lowest_w: Values below are no power of this source [W].
    """

    max_gap_s: float
    between: Between = Between.TRAPEZOID
    repeated: RepeatedStamp = RepeatedStamp.DISCARD
    across_gap: AcrossGap = AcrossGap.NOT_KNOWN
    sentinels_w: tuple[float, ...] = METER_SENTINELS_W
    lowest_w: float = 0.0

    def __post_init__(self) -> None:
        if not self.max_gap_s > 0:
            raise ValueError(f"max_gap_s must be more than 0, got {self.max_gap_s}")
