"""The tables that make up a program file, one frozen dataclass each.

Here: names, types, ranges and defaults of the parameters. Not here: the rule as a whole and its
sources (rule.py), and what the parameters do (the methods).

The file's own key stands beside a field where Python needs another name (``X``, ``from``).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from negawatt.models.domain.interval import Interval

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Days on which the rule is in force.

    Attributes:
        from_date: First day, key ``from``; None where it is not known.
        to_date: Last day, key ``to``; None while in force, or where it is not known.
    """

    from_date: Annotated[date | None, Field(alias="from")] = None
    to_date: Annotated[date | None, Field(alias="to")] = None

    def includes(self, day: date) -> bool:
        """Say whether a day is not known to lie outside."""
        after_start = self.from_date is None or self.from_date <= day
        return after_start and (self.to_date is None or day <= self.to_date)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementClock:
    """The clock in which days and hours are told.

    Attributes:
        tz: IANA time zone.
        mode: ``prevailing`` follows daylight saving; ``standard`` stays on standard time.
    """

    tz: str
    mode: Literal["prevailing", "standard"]


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
        own_event_days: Which days of other events are dropped: ``all``; ``settled_only``, for
            which the caller names the windows whose settlement was submitted and not denied;
            ``none``.
        extra_days: Days that the program or the operator declared.
        incomplete_days: When data is missing.
    """

    own_event_days: Literal["all", "settled_only", "none"] = "all"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HourWindow:
    """A window relative to an instant.

    Attributes:
        start_h: Start, hours after the instant [h]; negative before it.
        end_h: End, hours after the instant [h], itself outside.
    """

    start_h: float
    end_h: float

    def __post_init__(self) -> None:
        if self.end_h <= self.start_h:
            raise ValueError(f"end_h must be after start_h ({self.start_h}), got {self.end_h}")

    def around(self, anchor_utc: datetime) -> Interval:
        """Return the window of one instant.

        Examples:
            >>> from datetime import UTC
            >>> noon_utc = datetime(2026, 7, 1, 12, tzinfo=UTC)
            >>> HourWindow(start_h=-4, end_h=-1).around(noon_utc).duration_h
            3.0
        """
        return Interval(
            anchor_utc + timedelta(hours=self.start_h), anchor_utc + timedelta(hours=self.end_h)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Limits of the adjustment; each is stored, neither is derived from the other.

    Attributes:
        kind: ``none``, ``ratio`` for a multiplicative or ``kw`` for an additive adjustment.
        lower: Lowest ratio, or lowest difference [kW].
        upper: Highest ratio, or highest difference [kW].
    """

    kind: Literal["none", "ratio", "kw"] = "none"
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        stated = self.lower is not None and self.upper is not None
        if self.kind != "none" and not stated:
            raise ValueError(f"a cap of kind {self.kind!r} must state lower and upper")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRule:
    """The same-day adjustment.

    Attributes:
        kind: Key ``type``: ``none``, ``additive`` or ``multiplicative``.
        election: Whether the site may do without it.
        anchor: The instant that ``pre`` counts from.
        pre: Window before the event.
        post: Window counted from the end of the event, if one is used.
        basis: Baseline days that the window is compared with: the X selected or all Y considered.
        direction: Whether it may raise, lower, or both.
        cap: Its limits.
        min_denominator_kw: Below this baseline in the window no ratio is formed [kW].
        on_missing: What to do where the window's load is not known.
    """

    kind: Annotated[Literal["none", "additive", "multiplicative"], Field(alias="type")] = "none"
    election: Literal["mandatory", "optional_at_registration"] = "mandatory"
    anchor: Literal["event_start", "notification"] = "event_start"
    pre: HourWindow | None = None
    post: HourWindow | None = None
    basis: Literal["selected_days", "window_days"] = "selected_days"
    direction: Literal["symmetric", "up_only", "down_only"] = "symmetric"
    cap: Cap = field(default_factory=Cap)
    min_denominator_kw: Annotated[float, Field(ge=0)] = 0.0
    on_missing: Literal["skip_adjustment", "use_available", "fail"] = "fail"

    def __post_init__(self) -> None:
        fits = {"ratio": "multiplicative", "kw": "additive"}.get(self.cap.kind, self.kind)
        if self.kind not in ("none", fits):
            raise ValueError(f"cap kind {self.cap.kind!r} does not fit type {self.kind!r}")
        if self.kind != "none" and self.pre is None and self.post is None:
            raise ValueError(f"type {self.kind!r} needs a window: pre, post or both")


@dataclass(frozen=True, slots=True, kw_only=True)
class SameDay:
    """A baseline from the event day's own load around the event.

    Attributes:
        before: Window counted from the start of the event, if one is used.
        after: Window counted from the end of the event, if one is used.
        buffer_minutes: Moves both windows away from the event, to keep ramps out [min].
        combine: ``intervals`` weighs every interval equally, ``windows`` the two windows equally,
            ``minimum`` takes the window of lower mean.
    """

    before: HourWindow | None = None
    after: HourWindow | None = None
    buffer_minutes: Annotated[int, Field(ge=0)] = 0
    combine: Literal["intervals", "windows", "minimum"] = "intervals"

    def __post_init__(self) -> None:
        if self.before is None and self.after is None:
            raise ValueError("a same-day baseline needs a window: before, after or both")
        if self.before is not None and self.before.end_h > 0:
            raise ValueError(f"before.end_h must not be after the start, got {self.before.end_h}")
        if self.after is not None and self.after.start_h < 0:
            raise ValueError(f"after.start_h must not be before the end, got {self.after.start_h}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """How accurate the baseline must be on days without an event for the program to accept it.

    Attributes:
        metric: Root mean square error over mean load.
        max_ratio: Key ``max``: highest that is accepted.
        days: Days that are tested.
    """

    metric: Literal["rrmse"]
    max_ratio: Annotated[float, Field(alias="max", gt=0)]
    days: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """One rounding step. The baseline is rounded here, the later stages by the settlement.

    Attributes:
        stage: What is rounded.
        decimals: Decimals that are kept, of kWh or of the currency.
        mode: What becomes of a half.
    """

    stage: Literal["baseline", "reduction", "factor", "payment"]
    decimals: Annotated[int, Field(ge=0)]
    mode: Literal["half_up", "half_even", "truncate"]
