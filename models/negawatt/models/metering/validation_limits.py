"""Where the checks of interval meters draw their lines, as data: validation.toml.

Not here: the checks (meter_checks.py, register_check.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLimits:
    """The lines; each has its reason and source in validation.toml.

    Attributes:
        spike_ratio_max: An interval over the highest of the two before it and the two after it.
        flat_h_min: How long one value other than zero must stay to be called flat [h].
        register_tolerance_ratio: How far the intervals may miss the register, as share of it.
        clock_early_s_max: How long before its interval ended a reading may have been had [s].
    """

    spike_ratio_max: float
    flat_h_min: float
    register_tolerance_ratio: float
    clock_early_s_max: float


@cache
def default_limits() -> ValidationLimits:
    """Return negawatt's own limits.

    Examples:
        >>> default_limits().spike_ratio_max
        2.0
    """
    text = (files("negawatt.models.metering") / "validation.toml").read_text(encoding="utf-8")
    return ValidationLimits(**{name: rule["value"] for name, rule in tomllib.loads(text).items()})


def limits_with(changes: Mapping[str, float]) -> ValidationLimits:
    """Return the limits of a site that replaces some.

    Examples:
        >>> limits_with({"flat_h_min": 12.0}).flat_h_min
        12.0
    """
    return replace(default_limits(), **changes)
