"""Tables of a program file that concern days: types, look-back, exclusions, screens, ranking.

Here: names, types, ranges and defaults of the parameters. Not here: what they do (eligibility.py,
low_usage.py, fallback.py, x_of_y.py). The file's own key stands beside a field where Python needs
another name (``X``, ``in``).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayType:
    """Days that are compared with each other: "X of Y".

    Attributes:
        name: What the program calls them.
        dows: Days of the week, 1 Monday to 7 Sunday.
        holiday_as: Day type that a holiday on these days belongs to; None: to no day type.
        selected_count: X, the days averaged.
        considered_count: Y, the most recent eligible days that are ranked.
        min_days: Fewest days that suffice.
        screened: Event days and low-usage days are dropped; False where the program keeps them.
        weights: Weights of the selected days, most recent first, for ``weighted_mean``.
    """

    name: str
    dows: tuple[Annotated[int, Field(ge=1, le=7)], ...]
    holiday_as: str | None = None
    selected_count: Annotated[int, Field(alias="X", ge=1)]
    considered_count: Annotated[int, Field(alias="Y", ge=1)]
    min_days: Annotated[int, Field(ge=1)]
    screened: bool = True
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.min_days <= self.considered_count >= self.selected_count:
            raise ValueError(
                f"day type {self.name!r}: X and min_days must not exceed Y, got "
                f"X={self.selected_count}, Y={self.considered_count}, min_days={self.min_days}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """Where candidate days are sought.

    Attributes:
        max_calendar_days: The oldest candidate lies this many calendar days before the event day.
        gap_days: The nearest candidate lies this many before: 1 admits the day before, 2 does not.
        direction: ``past``, or ``both`` to look as far ahead as back.
    """

    max_calendar_days: Annotated[int, Field(ge=1)]
    gap_days: Annotated[int, Field(ge=1)] = 1
    direction: Literal["past", "both"] = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteDays:
    """When a day has too little data.

    Attributes:
        max_missing_fraction: Share of the window that may be unmeasured. An event interval
            without any value always drops the day.
        within: Key ``in``: where it is looked for.
    """

    max_missing_fraction: Share = 0.0
    within: Annotated[Literal["event_and_adjustment_window", "whole_day"], Field(alias="in")] = (
        "event_and_adjustment_window"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Days that are not eligible although their type fits.

    Attributes:
        own_event_days: Which days of other events are dropped: ``all`` or ``none``.
        extra_days: Days that the program or the operator declared.
        incomplete_days: When data is missing.
    """

    own_event_days: Literal["all", "none"] = "all"
    extra_days: tuple[date, ...] = ()
    incomplete_days: IncompleteDays = field(default_factory=IncompleteDays)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowUsage:
    """Which days are too unlike the others to be compared.

    Attributes:
        metric: What is compared: the mean over the event window, or the energy of the day.
        reference: What it is compared with.
        threshold: A day below this share of the reference is dropped.
        upper_threshold: A day above this multiple of the reference is dropped, if set.
        iterative: Renew the reference when an older day moves up.
    """

    metric: Literal["mean_event_window", "daily_energy"] = "mean_event_window"
    reference: Literal["mean_of_candidates", "max_hourly_in_event_window_30d", "none"] = "none"
    threshold: Annotated[float, Field(ge=0)] = 0.0
    upper_threshold: Annotated[float, Field(gt=0)] | None = None
    iterative: bool = True


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
    """

    order: Literal["highest_load", "most_recent"]
    until: Literal["min_days", "Y"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadmitEventDays:
    """Admit event days again.

    Attributes:
        readmit_event_days: In which order, and until when.
    """

    readmit_event_days: Readmit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """How X are chosen of Y.

    Attributes:
        scope: Rank whole days, or the values of each interval by themselves.
        metric: What days are ranked by; intervals are ranked by their energy or by recency.
        order: Which are kept. Of equal ones the more recent is kept.
    """

    scope: Literal["day", "interval"] = "day"
    metric: Literal["mean_event_window", "daily_energy", "max_event_window", "recency"]
    order: Literal["highest", "lowest", "middle", "most_recent"]

    def __post_init__(self) -> None:
        if (self.metric == "recency") != (self.order == "most_recent"):
            raise ValueError("metric 'recency' and order 'most_recent' belong together")
