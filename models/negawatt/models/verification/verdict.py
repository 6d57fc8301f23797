"""Two verdicts side by side: against the baseline, and against the limit. Always both.

A site can keep a limit because its load was low anyway, or miss it and still have reduced; only
the two together say which. Not here: performance factors and penalties of programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.obligation import Obligation, PowerLevel
from negawatt.models.verification.power import power_kw_in
from negawatt.models.verification.reduction import POWER_DECIMALS, EventReduction


class Outcome(StrEnum):
    """What became of an obligation."""

    MET = "met"
    NOT_MET = "not met"
    NOT_COMPUTABLE = "not computable"
    NOT_SET = "not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVerdict:
    """Delivered against committed.

    Attributes:
        outcome: Met where the mean reduction over the event is at least the commitment.
        committed_kw: The commitment [kW], None where not set or not known.
        delivered_kw_mean: Mean reduction over the event [kW], None where not known.
        delivered_ratio: Delivered over committed; negative where it used more; None where it is
            not defined.
        basis: Where the commitment comes from.
    """

    outcome: Outcome
    committed_kw: float | None
    delivered_kw_mean: float | None
    delivered_ratio: float | None
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A span of consecutive intervals above the limit with its tolerance.

    Attributes:
        interval: From the first such interval's start to the last one's end.
        exceedance_kw_max: Largest power above the limit in it [kW].
    """

    interval: Interval
    exceedance_kw_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CapVerdict:
    """Metered power against a limit; needs no baseline.

    Attributes:
        outcome: Met where every interval is within the limit with its tolerance. Not computable
            where an interval is not known and no known one is a breach.
        limit_kw: The limit [kW], None where not set or not known.
        tolerance_kw: What the program tolerates above it [kW].
        within_limit_ratio: Share of known intervals at or below the limit, 0 to 1.
        within_tolerance_ratio: Share of known intervals at or below limit and tolerance, 0 to 1.
        unknown_count: Intervals whose power is not known.
        worst_exceedance_kw: Largest power above the limit [kW]; negative where always below.
        worst_interval_start_utc: Start of that interval, the first of equals.
        breaches: Spans above limit and tolerance, oldest first.
        basis: Where the limit comes from.
    """

    outcome: Outcome
    limit_kw: float | None
    tolerance_kw: float
    within_limit_ratio: float | None
    within_tolerance_ratio: float | None
    unknown_count: int
    worst_exceedance_kw: float | None
    worst_interval_start_utc: datetime | None
    breaches: tuple[Breach, ...]
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Both verdicts of one event."""

    baseline: BaselineVerdict
    cap: CapVerdict


def judge(
    reduction: EventReduction,
    load: LoadSeries,
    event: Interval,
    obligation: Obligation,
    *,
    tolerance_kw: float = 0.0,
) -> Verdicts:
    """Return both verdicts of an event.

    Args:
        reduction: The settled reduction.
        load: Metered load, as fine as it is measured.
        event: The event window.
        obligation: What the site owed.
        tolerance_kw: What the program tolerates above the limit [kW].
    """
    return Verdicts(
        baseline=judge_baseline(reduction, obligation.committed),
        cap=judge_cap(load, event, obligation.limit, tolerance_kw=tolerance_kw),
    )


def judge_baseline(reduction: EventReduction, committed: PowerLevel) -> BaselineVerdict:
    """Compare the mean reduction over the event with the commitment."""
    delivered_kw, committed_kw = reduction.reduction_kw_mean, committed.power_kw
    if not committed.is_set:
        outcome = Outcome.NOT_SET
    elif delivered_kw is None or committed_kw is None:
        outcome = Outcome.NOT_COMPUTABLE
    else:
        is_met = round(delivered_kw - committed_kw, POWER_DECIMALS) >= 0
        outcome = Outcome.MET if is_met else Outcome.NOT_MET
    return BaselineVerdict(
        outcome=outcome,
        committed_kw=committed_kw,
        delivered_kw_mean=delivered_kw,
        delivered_ratio=delivered_kw / committed_kw
        if delivered_kw is not None and committed_kw
        else None,
        basis=committed.basis,
    )


def judge_cap(
    load: LoadSeries, event: Interval, limit: PowerLevel, *, tolerance_kw: float = 0.0
) -> CapVerdict:
    """Compare the metered power of each interval of the event with the limit."""
    power_kw = power_kw_in(load, event)
    known = ~np.isnan(power_kw)
    unknown_count = int((~known).sum())
    if limit.power_kw is None or not known.any():
        return CapVerdict(
            outcome=Outcome.NOT_COMPUTABLE if limit.is_set else Outcome.NOT_SET,
            limit_kw=limit.power_kw,
            tolerance_kw=tolerance_kw,
            within_limit_ratio=None,
            within_tolerance_ratio=None,
            unknown_count=unknown_count,
            worst_exceedance_kw=None,
            worst_interval_start_utc=None,
            breaches=(),
            basis=limit.basis,
        )
    exceedance_kw = np.round(power_kw - limit.power_kw, POWER_DECIMALS)
    worst = int(np.nanargmax(exceedance_kw))
    breaches = tuple(_breaches(exceedance_kw, tolerance_kw, load, event))
    return CapVerdict(
        outcome=_cap_outcome(has_breach=bool(breaches), has_gap=unknown_count > 0),
        limit_kw=limit.power_kw,
        tolerance_kw=tolerance_kw,
        within_limit_ratio=float(np.mean(exceedance_kw[known] <= 0)),
        within_tolerance_ratio=float(np.mean(exceedance_kw[known] <= tolerance_kw)),
        unknown_count=unknown_count,
        worst_exceedance_kw=float(exceedance_kw[worst]),
        worst_interval_start_utc=event.start_utc + worst * load.interval,
        breaches=breaches,
        basis=limit.basis,
    )


def _cap_outcome(*, has_breach: bool, has_gap: bool) -> Outcome:
    if has_breach:
        return Outcome.NOT_MET
    return Outcome.NOT_COMPUTABLE if has_gap else Outcome.MET


def _breaches(
    exceedance_kw: NDArray[np.float64], tolerance_kw: float, load: LoadSeries, event: Interval
) -> Iterator[Breach]:
    for is_breach, run in groupby(
        range(len(exceedance_kw)), key=lambda position: exceedance_kw[position] > tolerance_kw
    ):
        if is_breach:
            positions = list(run)
            yield Breach(
                interval=Interval(
                    event.start_utc + positions[0] * load.interval,
                    event.start_utc + (positions[-1] + 1) * load.interval,
                ),
                exceedance_kw_max=float(exceedance_kw[positions].max()),
            )
