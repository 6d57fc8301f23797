"""What the tests of one event look at.

What may be missing is None, and the test that needs it says so; an empty tuple or mapping states
that there is none. Not here: the tests.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo

import numpy as np

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.uncertainty.placebo import PlaceboResult
from negawatt.models.verification.sensitivity import Sensitivity


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSpan:
    """A span in which the site would have been off: a holiday, a shutdown, an empty queue.

    Attributes:
        interval: When.
        reason: Why, in words.
    """

    interval: Interval
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScreenInputs:
    """One event with all that is known around it.

    Attributes:
        event: The event.
        result: Its baseline under the program's rule.
        load: Load at the settlement meter.
        time_zone: The program's clock, or the site's.
        is_like_day: Says whether a day is like the event's day, for example of its day type.
        other_event_windows: Other events of the site, with offers that were accepted.
        adjustment_window: Where the same-day adjustment looks, where the rule makes one.
        notified_dates: Days of which the site was told beforehand that they might be event days.
        generation: Output of everything that generates behind the meter, and of batteries.
        siblings: Load of every other meter, feeder, cluster or region that the operator controls.
        idle_spans: When the site would have been off.
        placebo: The method's errors on ordinary days.
        sensitivity: The reduction under every method that could be elected.
    """

    event: Event
    result: BaselineResult
    load: LoadSeries
    time_zone: tzinfo
    is_like_day: Callable[[date], bool]
    other_event_windows: tuple[Interval, ...] = ()
    adjustment_window: Interval | None = None
    notified_dates: frozenset[date] | None = None
    generation: Mapping[str, LoadSeries] | None = None
    siblings: Mapping[str, LoadSeries] | None = None
    idle_spans: tuple[IdleSpan, ...] | None = None
    placebo: PlaceboResult | None = None
    sensitivity: Sensitivity | None = None

    @property
    def subject(self) -> str:
        """The event, as findings name it."""
        return f"event {self.event.event_id!r}"

    @property
    def event_date(self) -> date:
        """The event's day on the clock."""
        return self.event.interval.start_utc.astimezone(self.time_zone).date()

    def claim(self) -> "Claim | None":
        """Return what the baseline claims; None where energy or baseline is not known."""
        if np.isnan(self.result.reduction_kwh).any():
            return None
        return Claim(
            reduction_kwh=math.fsum(self.result.reduction_kwh),
            baseline_kwh=math.fsum(self.result.adjusted_baseline_kwh),
            duration_h=self.event.interval.duration_h,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the baseline claims for the event.

    Attributes:
        reduction_kwh: Reduction [kWh].
        baseline_kwh: Baseline [kWh].
        duration_h: Length of the event [h].
    """

    reduction_kwh: float
    baseline_kwh: float
    duration_h: float

    @property
    def reduction_kw(self) -> float:
        """Mean reduction [kW]."""
        return self.reduction_kwh / self.duration_h

    def is_worth_explaining(self, claim_min_ratio: float) -> bool:
        """Say whether the claim is above the noise of baselines."""
        return self.reduction_kwh > claim_min_ratio * abs(self.baseline_kwh)

    def share(self, other_kw: float) -> float:
        """Return another power as a share of the claimed reduction."""
        return other_kw / self.reduction_kw
