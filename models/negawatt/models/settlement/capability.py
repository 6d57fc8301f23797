r"""What a site can promise next: how much, how fast, how long, how often, and how sure that is.

From its settled events and its load alone, by bounds that assume no distribution. What too few
events cannot say is not said: a cell is then "not known". Here: those bounds. Not here: a promise,
which is a person's decision, and reading the warehouse.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

import numpy as np

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.uncertainty.conformal import finite_sample_quantile
from negawatt.models.verification.verdict import Outcome

SEASONS: Final = ("Dec-Feb", "Mar-May", "Jun-Aug", "Sep-Nov")
LOAD_RISK_RATIO: Final = 0.2
"""Share of the risk that is spent on the load, which has many days; the rest on the events."""
MONTH: Final = timedelta(days=30)
_ALL_COVERED: Final = 0.999
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityCell:
    """What can be promised in one local hour of one season.

    Attributes:
        season: The season, as months.
        local_hour: Hour of the site's clock, 0 to 23.
        deliverable_kw: Reduction that the next event delivers with the stated confidence [kW];
            None where that is not known.
        reason: Why it is not known.
        load_kw: Load that is there with its share of the confidence [kW], None where not known.
        day_count: Days without an event on which the hour's load is known.
        event_count: Settled events that were in this cell.
    """

    season: str
    local_hour: int
    deliverable_kw: float | None
    reason: str | None
    load_kw: float | None
    day_count: int
    event_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a site can promise; None where its events and load cannot say.

    Attributes:
        site_id: The site.
        confidence_ratio: Confidence of each bound by itself, above 0 and below 1.
        event_count: Settled events that it rests on.
        delivered_ratio_low: Share of its baseline that the next event delivers at least.
        reached_minutes_high: Time within which the next event reaches its limit [min].
        longest_met_h: Longest event that delivered its commitment [h]; nothing longer was tried.
        shortest_rest_h: Shortest time between two events that both delivered their commitment [h].
        most_in_30_days_count: Most events in 30 days, of which each delivered its commitment.
        met_count: Events that delivered their commitment.
        judged_count: Events that had one to deliver.
        met_ratio_low: Lower bound of the chance that the next one does.
        best_confidence_ratio: Highest confidence at which so many events say anything.
        cells: By season and hour.
    """

    site_id: str
    confidence_ratio: float
    event_count: int
    delivered_ratio_low: float | None
    reached_minutes_high: float | None
    longest_met_h: float | None
    shortest_rest_h: float | None
    most_in_30_days_count: int
    met_count: int
    judged_count: int
    met_ratio_low: float | None
    best_confidence_ratio: float | None
    cells: tuple[CapabilityCell, ...]


def capability(
    site_id: str,
    bodies: Iterable[StatementBody],
    load: LoadSeries | None,
    zone: tzinfo,
    *,
    confidence_ratio: float = 0.9,
) -> Capability:
    r"""Return what a site can promise for its next event.

    The next event delivers at least :math:`s \cdot L`, where s bounds the share of the baseline
    that an event delivers, from all events, and L bounds the load of the hour, from its days:

    .. math::

        P(R \ge s L) \ge 1 - \alpha_s - \alpha_L, \qquad
        \alpha_L = 0.2 \, \alpha, \quad \alpha_s = 0.8 \, \alpha

    Each is an order statistic (see ``finite_sample_quantile``), so that at 90 % confidence 12
    events and 49 days are the least that say anything. It holds for an event that is
    exchangeable with those that were: one asked for as they were, of a site that is run as it was.

    Args:
        site_id: The site.
        bodies: The newest statement of each of its events, in any order.
        load: Load of its settlement meter, in intervals that divide an hour; None where none is
            known.
        zone: The site's clock.
        confidence_ratio: Confidence of each bound, above 0 and below 1.
    """
    if not 0 < confidence_ratio < 1:
        raise ValueError(f"confidence_ratio must be above 0 and below 1, got {confidence_ratio}")
    events = sorted(bodies, key=lambda body: (body.event.interval, body.statement_id))
    risk = 1 - confidence_ratio
    shares = [share for body in events if (share := _share(body)) is not None]
    share_low = _lower_bound(shares, 1 - (1 - LOAD_RISK_RATIO) * risk)
    met = [body for body in events if body.verdicts.baseline.outcome is Outcome.MET]
    judged = [
        body for body in events if body.verdicts.baseline.outcome in (Outcome.MET, Outcome.NOT_MET)
    ]
    return Capability(
        site_id=site_id,
        confidence_ratio=confidence_ratio,
        event_count=len(events),
        delivered_ratio_low=_lower_bound(shares, confidence_ratio),
        reached_minutes_high=_reached(events, confidence_ratio),
        longest_met_h=max((body.event.interval.duration_h for body in met), default=None),
        shortest_rest_h=_shortest_rest_h(events),
        most_in_30_days_count=_most_in_a_month(events),
        met_count=len(met),
        judged_count=len(judged),
        met_ratio_low=_met_ratio_low(len(met), len(judged), confidence_ratio),
        best_confidence_ratio=len(shares) / (len(shares) + 1) if shares else None,
        cells=_cells(events, load, zone, share_low, 1 - LOAD_RISK_RATIO * risk),
    )


def season_of(month: int) -> str:
    """Return the season of a month, 1 to 12.

    Examples:
        >>> season_of(12), season_of(2), season_of(3), season_of(11)
        ('Dec-Feb', 'Dec-Feb', 'Mar-May', 'Sep-Nov')
    """
    return SEASONS[month % 12 // 3]


def _share(body: StatementBody) -> float | None:
    baseline_kwh = body.totals.adjusted_baseline_kwh
    return float(body.totals.reduction_kwh / baseline_kwh) if baseline_kwh > 0 else None


def _lower_bound(values: Sequence[float], level_ratio: float) -> float | None:
    """Return what the next value stays at or above with the given probability."""
    bound = finite_sample_quantile([-value for value in values], level_ratio)
    return None if bound is None else -bound


def _reached(events: Sequence[StatementBody], level_ratio: float) -> float | None:
    """Return the time within which the limit is reached; one that never was is later than any."""
    minutes = [
        float("inf")
        if body.response is None or body.response.limit_reached_minutes is None
        else body.response.limit_reached_minutes
        for body in events
        if body.verdicts.cap.limit_kw is not None
    ]
    bound = finite_sample_quantile(minutes, level_ratio)
    return None if bound is None or bound == float("inf") else bound


def _shortest_rest_h(events: Sequence[StatementBody]) -> float | None:
    rests_h = [
        (later.event.interval.start_utc - earlier.event.interval.end_utc) / timedelta(hours=1)
        for earlier, later in pairwise(events)
        if earlier.verdicts.baseline.outcome is later.verdicts.baseline.outcome is Outcome.MET
    ]
    return min(rests_h, default=None)


def _most_in_a_month(events: Sequence[StatementBody]) -> int:
    most = 0
    for first, body in enumerate(events):
        until_utc = body.event.interval.start_utc + MONTH
        count = 0
        for later in events[first:]:
            if later.event.interval.start_utc >= until_utc:
                break
            if later.verdicts.baseline.outcome is not Outcome.MET:
                count = 0
                break
            count += 1
        most = max(most, count)
    return most


def _met_ratio_low(met_count: int, judged_count: int, level_ratio: float) -> float | None:
    """Return the exact lower bound of a chance that was met so often (Clopper and Pearson)."""
    if not judged_count:
        return None
    if not met_count:
        return 0.0
    # SciPy takes long to import, and publishes no stubs.
    from scipy import special  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    return float(special.betaincinv(met_count, judged_count - met_count + 1, 1 - level_ratio))


def _cells(
    events: Sequence[StatementBody],
    load: LoadSeries | None,
    zone: tzinfo,
    share_low: float | None,
    load_level_ratio: float,
) -> tuple[CapabilityCell, ...]:
    hours = _hourly_kw(load, zone, [body.event.interval for body in events])
    touched: dict[tuple[str, int], set[str]] = defaultdict(set)
    for body in events:
        for line in body.lines:
            touched[_cell_of(line.interval_start_utc, zone)].add(body.statement_id)
    cells = []
    for season in SEASONS:
        for local_hour in range(24):
            loads_kw = hours.get((season, local_hour), [])
            load_kw = _lower_bound(loads_kw, load_level_ratio)
            known = load_kw is not None and share_low is not None
            cells.append(
                CapabilityCell(
                    season=season,
                    local_hour=local_hour,
                    deliverable_kw=max(0.0, share_low * load_kw)
                    if share_low is not None and load_kw is not None
                    else None,
                    reason=None if known else _why(len(events), share_low, len(loads_kw)),
                    load_kw=load_kw,
                    day_count=len(loads_kw),
                    event_count=len(touched[season, local_hour]),
                )
            )
    return tuple(cells)


def _why(event_count: int, share_low: float | None, day_count: int) -> str:
    if share_low is None:
        return f"too few events for this confidence: {event_count}"
    return f"too few days with a known load in the hour: {day_count}"


def _cell_of(moment_utc: datetime, zone: tzinfo) -> tuple[str, int]:
    local = moment_utc.astimezone(zone)
    return season_of(local.month), local.hour


def _hourly_kw(
    load: LoadSeries | None, zone: tzinfo, windows: Sequence[Interval]
) -> dict[tuple[str, int], list[float]]:
    """Return the mean load of each wholly measured hour without an event, by season and hour."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    if load is None:
        return found
    per_hour = S_PER_H // (load.interval_minutes * S_PER_MINUTE)
    since_hour = load.start_utc - load.start_utc.replace(minute=0)
    skipped = (_HOUR - since_hour) % _HOUR // load.interval
    usable = (len(load.energy_kwh) - skipped) // per_hour * per_hour
    energy_kwh = load.energy_kwh[skipped : skipped + usable].reshape(-1, per_hour).sum(axis=1)
    covered = load.coverage_ratio[skipped : skipped + usable].reshape(-1, per_hour).min(axis=1)
    start_utc = load.start_utc + skipped * load.interval
    for position in np.flatnonzero(np.isfinite(energy_kwh) & (covered >= _ALL_COVERED)):
        hour_utc = start_utc + int(position) * _HOUR
        hour = Interval(hour_utc, hour_utc + _HOUR)
        if not any(hour.overlaps(window) for window in windows):
            found[_cell_of(hour.start_utc, zone)].append(float(energy_kwh[position]))
    return found
