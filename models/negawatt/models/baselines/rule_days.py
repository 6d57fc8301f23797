"""Tables of a program file that concern days: types, look-back, exclusions, screens, ranking.

Here: names, types, ranges and defaults of the parameters. Not here: what they do (eligibility.py,
low_usage.py, x_of_y.py), what is done with too few days (rule_fallback.py). The file's own key
stands beside a field where Python needs another name (``X``, ``in``).
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
        selected_count: X, the days averaged; 0 where the rule ranks no days.
        considered_count: Y, the most recent eligible days that are ranked; 0 likewise.
        min_days: Fewest days that suffice; 0 likewise.
        screened: Event days and low-usage days are dropped; False where the program keeps them.
        weights: Weights of the selected days, most recent first, for ``weighted_mean``.
    """

    name: str
    dows: tuple[Annotated[int, Field(ge=1, le=7)], ...]
    holiday_as: str | None = None
    selected_count: Annotated[int, Field(alias="X", ge=0)] = 0
    considered_count: Annotated[int, Field(alias="Y", ge=0)] = 0
    min_days: Annotated[int, Field(ge=0)] = 0
    screened: bool = True
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.min_days <= self.considered_count >= self.selected_count:
            raise ValueError(
                f"day type {self.name!r}: X and min_days must not exceed Y, got "
                f"X={self.selected_count}, Y={self.considered_count}, min_days={self.min_days}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Months that belong together.

    Attributes:
        name: What the program calls them.
        months: 1 January to 12 December.
    """

    name: str
    months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """Where candidate days are sought.

    Attributes:
        max_calendar_days: The oldest candidate lies this many calendar days before the event day.
        max_candidate_days: No more than this many days of the event day's type are looked at.
        gap_days: The nearest candidate lies this many before: 1 admits the day before, 2 does not.
        direction: ``past``, or ``both`` to look as far ahead as back.
        season_bound: Only days of the event day's season are eligible.
    """

    max_calendar_days: Annotated[int, Field(ge=1)]
    max_candidate_days: Annotated[int, Field(ge=1)] | None = None
    gap_days: Annotated[int, Field(ge=1)] = 1
    direction: Literal["past", "both"] = "past"
    season_bound: bool = False


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
class ShutdownDays:
    """Days of shutdown that the site declared to the program.

    Attributes:
        max_per_season: How many the program takes out of one season; None where it sets no limit.
    """

    max_per_season: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """Days that are not eligible although their type fits.

    Attributes:
        own_event_days: Which days of other events are dropped: ``all``, ``settled_only`` (not
            those whose payment was denied or never asked for) or ``none``.
        other_program_event_days: Days of events of the site's other programs are dropped.
        notified_not_dispatched: Days of a notification without a dispatch are dropped.
        outage_days: Days of outages that the site states are dropped.
        declared_shutdown_days: Days of shutdown that the site declares are dropped, if stated.
        extra_days: Days that the program or the operator declared.
        incomplete_days: When data is missing.
    """

    own_event_days: Literal["all", "settled_only", "none"] = "all"
    other_program_event_days: bool = False
    notified_not_dispatched: bool = False
    outage_days: bool = False
    declared_shutdown_days: ShutdownDays | None = None
    extra_days: tuple[date, ...] = ()
    incomplete_days: IncompleteDays = field(default_factory=IncompleteDays)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowUsage:
    """Which days are too unlike the others to be compared.

    Attributes:
        metric: What is compared: the mean over the event window, or the energy of the day.
        reference: What it is compared with: the mean of the nearest days that are still in, the
            highest hourly load of the event's hours in the last 30 days, or the mean of that
            highest load and of the days kept so far (``running_mean``).
        reference_count: How many days make the mean of candidates; None for Y.
        threshold: A day below this share of the reference is dropped.
        upper_threshold: A day above this multiple of the reference is dropped, if set.
        upper_in_second_pass: The upper limit is applied after the lower one is done, against the
            mean of what it left.
        iterative: Renew the reference when an older day moves up.
    """

    metric: Literal["mean_event_window", "daily_energy"] = "mean_event_window"
    reference: Literal[
        "mean_of_candidates", "max_hourly_in_event_window_30d", "running_mean", "none"
    ] = "none"
    reference_count: Annotated[int, Field(ge=1)] | None = None
    threshold: Annotated[float, Field(ge=0)] = 0.0
    upper_threshold: Annotated[float, Field(gt=0)] | None = None
    upper_in_second_pass: bool = False
    iterative: bool = True

    def __post_init__(self) -> None:
        of_candidates = self.reference == "mean_of_candidates"
        if not of_candidates and (self.reference_count or self.upper_in_second_pass):
            raise ValueError(
                "reference_count and upper_in_second_pass need reference 'mean_of_candidates'"
            )
        if self.upper_in_second_pass and self.upper_threshold is None:
            raise ValueError("upper_in_second_pass needs an upper_threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Hours whose load is compared where days are ranked by ``shape_distance``.

    Attributes:
        days_before: Whole days before the event day that are compared as well.
        buffer_h: Hours on either side of the event that are not compared [h].
        after_event: Whether the hours after the event are compared.
    """

    days_before: Annotated[int, Field(ge=0, le=7)] = 0
    buffer_h: Annotated[float, Field(ge=0)] = 0.0
    after_event: bool = True


_ORDERS_OF = {
    "recency": {"most_recent"},
    "shape_distance": {"nearest"},
    "temperature_distance": {"nearest"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """How X are chosen of Y.

    Attributes:
        scope: Rank whole days, or the values of each interval by themselves.
        metric: What days are ranked by; intervals are ranked by their energy or by recency.
            ``shape_distance`` is the sum of squared differences from the event day's load in the
            hours of ``shape``; ``temperature_distance`` the difference of the daily maxima.
        order: Which are kept. Of equal ones the more recent is kept.
        shape: Hours that are compared, for ``shape_distance``.
    """

    scope: Literal["day", "interval"] = "day"
    metric: Literal[
        "mean_event_window",
        "daily_energy",
        "max_event_window",
        "recency",
        "shape_distance",
        "temperature_distance",
    ]
    order: Literal["highest", "lowest", "middle", "most_recent", "nearest"]
    shape: Shape | None = None

    def __post_init__(self) -> None:
        if self.order not in _ORDERS_OF.get(self.metric, {"highest", "lowest", "middle"}):
            raise ValueError(
                "metric 'recency' and order 'most_recent' belong together, and a distance with "
                f"'nearest'; got metric {self.metric!r}, order {self.order!r}"
            )
        if (self.shape is not None) != (self.metric == "shape_distance"):
            raise ValueError("metric 'shape_distance' needs a table shape, and no other takes one")
        if self.scope == "interval" and self.order == "nearest":
            raise ValueError("a distance ranks whole days: it needs scope 'day'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """A mean that every new day moves a little, for the aggregator ``rolling``.

    Attributes:
        initial_days: The oldest days, whose mean is the first value.
        newest_weight: Weight of each day after them, 0 to 1; the value before it has the rest.
    """

    initial_days: Annotated[int, Field(ge=1)]
    newest_weight: Annotated[float, Field(gt=0, lt=1)]
