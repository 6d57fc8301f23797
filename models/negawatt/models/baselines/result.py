"""A computed baseline with its whole derivation, as a value.

Here: the types that baselines return and that uncertainty, verification, settlement and reports
read. Not here: how they are computed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding


class DayUse(StrEnum):
    """What became of a candidate day."""

    SELECTED = "selected"
    CONSIDERED = "considered"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateDay:
    """One day that the rule looked at.

    Attributes:
        candidate_date: The day, in the program's clock.
        use: Averaged, ranked but not averaged, or not eligible.
        reason: Why, in words an auditor can check: ``event day``, ``holiday``, ``low usage ...``.
        window_power_kw_mean: Mean power over the event window [kW], None where not known.
    """

    candidate_date: date
    use: DayUse
    reason: str
    window_power_kw_mean: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The same-day adjustment, with what it was computed from.

    Attributes:
        kind: ``none``, ``additive`` or ``multiplicative``.
        window_metered_kw: Mean metered power in the adjustment window [kW].
        window_baseline_kw: Mean unadjusted baseline in the same clock hours [kW].
        uncapped_value: Their difference [kW] or ratio, before the cap.
        applied_value: The difference [kW] or ratio that was applied.
        note: Why no adjustment was made, where none was.
    """

    kind: str
    window_metered_kw: float | None = None
    window_baseline_kw: float | None = None
    uncapped_value: float | None = None
    applied_value: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One figure on the way to a baseline, for whoever checks it by hand.

    Attributes:
        name: What it is.
        value: The figure.
        unit: Its unit.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayTable:
    """The figures of the days that were ranked, for whoever checks a baseline by hand.

    Attributes:
        days: The days, most recent first.
        interval_start_utc: Intervals of the event day whose clock times were read, length n.
        window_kwh: Energy at those clock times [kWh], shape (n_days, n).
        adjustment_start_utc: Intervals of the adjustment window on the event day, length m.
        adjustment_kwh: Energy at those clock times [kWh], shape (n_days, m).
        rank_values: What the days were ranked by, shape (n_days,); the mean energy for ``recency``.
    """

    days: tuple[date, ...]
    interval_start_utc: tuple[datetime, ...]
    window_kwh: NDArray[np.float64]
    adjustment_start_utc: tuple[datetime, ...]
    adjustment_kwh: NDArray[np.float64]
    rank_values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one method says about the intervals of one event, before floor and rounding.

    Attributes:
        baseline_kwh: Unadjusted baseline [kWh], shape (n,).
        adjusted_kwh: Adjusted baseline [kWh], shape (n,).
        adjustment: The same-day adjustment.
        days: Every candidate day, most recent first.
        day_type: Day type of the event day.
        steps: Figures on the way.
        tables: Figures of the days that were ranked.
    """

    baseline_kwh: NDArray[np.float64]
    adjusted_kwh: NDArray[np.float64]
    adjustment: Adjustment
    days: tuple[CandidateDay, ...] = ()
    day_type: str = ""
    steps: tuple[Step, ...] = ()
    tables: tuple[DayTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineResult:
    """The baseline of one event under one rule.

    All arrays have shape (n,), one value per program interval of the event, oldest first.

    Attributes:
        program_id: The program.
        rule_id: The rule with its version, as a statement cites it.
        rule_digest: SHA-256 of the rule file's bytes.
        meter_id: The meter.
        interval_minutes: Length of each interval [min].
        interval_start_utc: Start of each interval, length n.
        baseline_kwh: Unadjusted baseline [kWh].
        adjusted_baseline_kwh: Baseline after the same-day adjustment [kWh].
        metered_kwh: Metered energy [kWh]; NaN where not known.
        days: Every candidate day, most recent first; empty for same-day methods.
        adjustment: The same-day adjustment.
        findings: What an auditor should know about this baseline.
        day_type: Day type of the event day; empty for same-day methods.
        steps: Figures on the way, for methods that have others than days.
        tables: Figures of the days that were ranked, one table for each local day of the event.
    """

    program_id: str
    rule_id: str
    rule_digest: str
    meter_id: str
    interval_minutes: int
    interval_start_utc: tuple[datetime, ...]
    baseline_kwh: NDArray[np.float64]
    adjusted_baseline_kwh: NDArray[np.float64]
    metered_kwh: NDArray[np.float64]
    days: tuple[CandidateDay, ...]
    adjustment: Adjustment
    findings: tuple[Finding, ...] = ()
    day_type: str = ""
    steps: tuple[Step, ...] = ()
    tables: tuple[DayTable, ...] = ()

    @property
    def reduction_kwh(self) -> NDArray[np.float64]:
        """Adjusted baseline less metered energy [kWh], shape (n,); negative where it used more."""
        return self.adjusted_baseline_kwh - self.metered_kwh
