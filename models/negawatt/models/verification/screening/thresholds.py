"""Where each test draws its line, as data: thresholds.toml, read once and validated.

Not here: the tests.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, TypeAdapter

Ratio = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeDayLimits:
    """What an event day is compared with, and from which claim on."""

    count: Count
    count_min: Count
    spread_min_ratio: Ratio
    claim_min_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLimits:
    """Adjustment window."""

    z_max: Ratio
    excess_min_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySetLimits:
    """Days that carry the baseline."""

    high_ratio: Ratio
    followed_count_min: Count
    followed_share_min_ratio: Ratio
    lift_min_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLimits:
    """Days that could have renewed the baseline."""

    lookback_days: Count
    event_day_max_ratio: Ratio
    run_max_count: Count
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationLimits:
    """Generation behind the meter."""

    share_max_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacementLimits:
    """Other meters of the operator."""

    z_max: Ratio
    share_max_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReboundLimits:
    """Hours around the event."""

    before_h: Count
    after_h: Count
    z_max: Ratio
    share_max_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoActionLimits:
    """Load that was absent anyway."""

    idle_max_ratio: Ratio
    absent_max_ratio: Ratio
    z_max: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboLimits:
    """Payments on ordinary days."""

    count_min: Count
    z_max: Ratio
    bias_max_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodLimits:
    """Methods that could be elected."""

    method_count_min: Count
    advantage_max_ratio: Ratio
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The lines of all tests; each table says where its figures are from."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    like_days: LikeDayLimits
    window_inflation: WindowLimits
    day_set: DaySetLimits
    frozen_baseline: FrozenLimits
    generation_swap: GenerationLimits
    displacement: DisplacementLimits
    rebound: ReboundLimits
    no_action: NoActionLimits
    placebo: PlaceboLimits
    method_shopping: MethodLimits


_THRESHOLDS: Final = TypeAdapter(Thresholds)


@cache
def default_thresholds() -> Thresholds:
    """Return negawatt's own thresholds.

    Examples:
        >>> default_thresholds().window_inflation.z_max
        3.0
    """
    file = files("negawatt.models.verification.screening") / "thresholds.toml"
    return _THRESHOLDS.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
