"""Tables of a program file that concern neither days nor hours: force, clock, gate, rounding.

Here: names, types, ranges and defaults of the parameters. Not here: the rule as a whole and its
sources (rule.py). The file's own key stands beside a field where Python needs another name
(``from``).
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field


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
class BiasGate:
    """How far the baseline may lie to one side on average.

    Attributes:
        metric: Average relative error: summed predicted less actual over summed actual.
        max_abs_ratio: Key ``max_abs``: largest size that is accepted.
    """

    metric: Literal["are"]
    max_abs_ratio: Annotated[float, Field(alias="max_abs", gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """How accurate the baseline must be on days without an event for the program to accept it.

    Attributes:
        metric: Root mean square error over mean load.
        max_ratio: Key ``max``: highest that is accepted.
        days: Days that are tested.
        hours: Hours of them that are tested.
        min_days: Fewest days with which a verdict is given.
        bias: The program's limit of the average error, if it has one.
    """

    metric: Literal["rrmse"]
    max_ratio: Annotated[float, Field(alias="max", gt=0)]
    days: Annotated[int, Field(ge=1)]
    hours: Literal["event_hours", "all"] = "event_hours"
    min_days: Annotated[int, Field(ge=1)] | None = None
    bias: BiasGate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """One rounding step. The baseline is rounded here, the other stages by the settlement.

    Attributes:
        stage: What is rounded: ``energy`` is the baseline and the metered energy of each settled
            interval.
        decimals: Decimals that are kept, of kWh or of the currency.
        mode: What becomes of a half.
    """

    stage: Literal["baseline", "energy", "reduction", "factor", "payment"]
    decimals: Annotated[int, Field(ge=0)]
    mode: Literal["half_up", "half_even", "truncate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Until when the program takes a settlement, counted from the event's local day.

    Attributes:
        count: How many.
        unit: Calendar days, business days of the program's calendar, or months.
        of: What is due then, in the program's words.
    """

    count: Annotated[int, Field(ge=1)]
    unit: Literal["calendar_days", "business_days", "months"]
    of: str
