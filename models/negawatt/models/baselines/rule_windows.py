"""Tables of a program file that concern hours: the same-day adjustment and same-day baselines.

Here: names, types, ranges and defaults of the parameters. Not here: what they do (adjustment.py,
same_day.py). The file's own key stands beside a field where Python needs another name (``type``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from negawatt.models.domain.interval import Interval


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
        anchor: What the windows are counted from: the ``event``, or the ``dispatch``, which joins
            steps less than an hour apart and their ramps (dispatch.py).
        buffer_minutes: Moves both windows away from the event, to keep ramps out [min].
        combine: ``intervals`` weighs every interval equally, ``windows`` the two windows equally,
            ``minimum`` takes the window of lower mean.
    """

    before: HourWindow | None = None
    after: HourWindow | None = None
    anchor: Literal["event", "dispatch"] = "event"
    buffer_minutes: Annotated[int, Field(ge=0)] = 0
    combine: Literal["intervals", "windows", "minimum"] = "intervals"

    def __post_init__(self) -> None:
        if self.before is None and self.after is None:
            raise ValueError("a same-day baseline needs a window: before, after or both")
        if self.before is not None and self.before.end_h > 0:
            raise ValueError(f"before.end_h must not be after the start, got {self.before.end_h}")
        if self.after is not None and self.after.start_h < 0:
            raise ValueError(f"after.start_h must not be before the end, got {self.after.start_h}")
