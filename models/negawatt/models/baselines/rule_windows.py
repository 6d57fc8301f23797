"""Tables of a program file that concern hours: the same-day adjustment and same-day baselines.

Here: names, types, ranges and defaults of the parameters. Not here: what they do (adjustment.py,
same_day.py). The file's own key stands beside a field where Python needs another name (``type``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE


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
        kind: ``none``; ``ratio`` for a ratio; ``kw`` or ``percent_of_baseline`` (of its mean over
            the event) for an additive adjustment.
        lower: Lowest ratio, or lowest difference [kW, or percent].
        upper: Highest ratio, or highest difference [kW, or percent].
    """

    kind: Literal["none", "ratio", "kw", "percent_of_baseline"] = "none"
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
        kind: Key ``type``: ``none``, ``additive``, ``multiplicative``, or ``weather``: the ratio of
            the load that the temperatures of the event day and of the days averaged let expect.
        election: Whether the site may do without it.
        anchor: The instant that ``pre`` counts from: the event's start, its notification, the
            instruction to dispatch or the closing of the market's gate.
        pre: Window before the event.
        post: Window counted from the end of the event, if one is used.
        basis: Baseline days that the window is compared with: the X selected or all Y considered.
        direction: Whether it may raise, lower, or both.
        cap: Its limits.
        min_denominator_kw: Below this baseline in the window no ratio is formed [kW].
        on_missing: What to do where the window's load is not known.
    """

    kind: Annotated[
        Literal["none", "additive", "multiplicative", "weather"], Field(alias="type")
    ] = "none"
    election: Literal["mandatory", "optional_at_registration"] = "mandatory"
    anchor: Literal["event_start", "notification", "dispatch_instruction", "gate_closure"] = (
        "event_start"
    )
    pre: HourWindow | None = None
    post: HourWindow | None = None
    basis: Literal["selected_days", "window_days"] = "selected_days"
    direction: Literal["symmetric", "up_only", "down_only"] = "symmetric"
    cap: Cap = field(default_factory=Cap)
    min_denominator_kw: Annotated[float, Field(ge=0)] = 0.0
    on_missing: Literal["skip_adjustment", "use_available", "fail"] = "fail"

    def __post_init__(self) -> None:
        fits = ("ratio",) if self.kind != "additive" else ("kw", "percent_of_baseline")
        if self.kind != "none" and self.cap.kind not in ("none", *fits):
            raise ValueError(f"cap kind {self.cap.kind!r} does not fit type {self.kind!r}")
        windowed = self.pre is not None or self.post is not None
        if windowed != self.by_window and self.kind != "none":
            raise ValueError(
                f"type {self.kind!r} needs "
                + ("a window: pre, post or both" if self.by_window else "no window")
            )

    @property
    def by_window(self) -> bool:
        """Whether it compares metered load with the baseline in a window of the event day."""
        return self.kind in ("additive", "multiplicative")


@dataclass(frozen=True, slots=True, kw_only=True)
class SameDay:
    """A baseline from the event day's own load around the event.

    Attributes:
        before: Window counted from the start of the event, if one is used.
        after: Window counted from the end of the event, if one is used.
        anchor: What the windows are counted from: the ``event``, or the ``dispatch``, which joins
            steps less than an hour apart and their ramps (dispatch.py).
        buffer_minutes: Moves both windows away from the event, to keep ramps out [min].
        combine: ``intervals`` weighs every interval equally, ``windows`` the two windows equally,
            ``minimum`` takes the window of lower mean, ``highest`` the highest interval of all.
        into_event_minutes: First minutes of the event that ``before`` may read [min].
        event_length: The windows are as long as the event, whatever their far edges say.
    """

    before: HourWindow | None = None
    after: HourWindow | None = None
    anchor: Literal["event", "dispatch"] = "event"
    buffer_minutes: Annotated[int, Field(ge=0)] = 0
    combine: Literal["intervals", "windows", "minimum", "highest"] = "intervals"
    into_event_minutes: Annotated[int, Field(ge=0)] = 0
    event_length: bool = False

    def __post_init__(self) -> None:
        if self.before is None and self.after is None:
            raise ValueError("a same-day baseline needs a window: before, after or both")
        latest_h = self.into_event_minutes * S_PER_MINUTE / S_PER_H
        if self.before is not None and self.before.end_h > latest_h:
            raise ValueError(f"before.end_h must not be after the start, got {self.before.end_h}")
        if self.after is not None and self.after.start_h < 0:
            raise ValueError(f"after.start_h must not be before the end, got {self.after.start_h}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineHours:
    """Hours that stand for the event's hours, where a program does not compare the same hours.

    Attributes:
        window: Hours counted from the start of the event, on every day that is averaged.
        with_event_day: The event day itself is one of the days averaged.
    """

    window: HourWindow
    with_event_day: bool = False

    def __post_init__(self) -> None:
        if self.with_event_day and self.window.end_h > 0:
            raise ValueError(
                f"with_event_day reads the event day: end_h must not be after 0, got "
                f"{self.window.end_h}"
            )
