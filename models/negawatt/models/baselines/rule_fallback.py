"""Steps of a program file for the case that too few days are eligible.

Here: names, types and ranges of the parameters. Not here: what the steps do (fallback.py).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAvailable:
    """Go on with fewer than Y days.

    Attributes:
        use_available_if_at_least: The fewest, or ``min_days`` for the day type's own.
    """

    use_available_if_at_least: Annotated[int, Field(ge=1)] | Literal["min_days"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmit:
    """How event days come back.

    Attributes:
        order: Which first: highest mean load in the event window, or most recent.
        until: Stop at the day type's ``min_days`` or at ``Y``.
        with_outage_days: Days of outages come back as well.
    """

    order: Literal["highest_load", "most_recent"]
    until: Literal["min_days", "Y"]
    with_outage_days: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadmitEventDays:
    """Admit event days again.

    Attributes:
        readmit_event_days: In which order, and until when.
    """

    readmit_event_days: Readmit


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendLookback:
    """Look further back.

    Attributes:
        extend_lookback_to: Calendar days before the event day that are looked at instead.
    """

    extend_lookback_to: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchTo:
    """Compute the baseline by another program's rule.

    Attributes:
        switch_to: Name of that program.
    """

    switch_to: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
