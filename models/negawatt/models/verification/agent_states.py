"""What the agent that controls the load states of itself, beside the settlement meter.

An agent says that it complies where the load that it calculates is within its target. The meter
says what was drawn. Here: both, interval by interval, and why they differ. Not here: the verdicts
(verdict.py), which no statement of an agent ever changes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum, isnan
from typing import Final

from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

HOLDS: Final = timedelta(minutes=15)
"""How long a state is taken to hold where no later one came."""
_DECIMALS: Final = 3  # of kW, in words and evidence
_SHOWN: Final = 3  # intervals of disagreement that the evidence quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """One snapshot, as the agent states it.

    Attributes:
        at_utc: When it was taken.
        compliant: Its calculated load is within its target.
        calculated_kw: The load that it calculates [kW].
        limit_kw: Its lowest active target [kW]; None where it has none.
        in_flight: It is on its way from one level to another.
    """

    at_utc: datetime
    compliant: bool
    calculated_kw: float
    limit_kw: float | None
    in_flight: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """One metered interval and what the agent stated over it."""

    start_utc: datetime
    measured_kw: float
    calculated_kw: float
    meter_within: bool
    agent_within: bool
    cause: str


def agent_finding(
    states: Sequence[AgentState], load: LoadSeries, event: Event, *, tolerance_kw: float = 0.0
) -> Finding | None:
    r"""Set the states of an agent beside the meter, over the intervals of an event.

    The calculated load of an interval is the mean over time of the states that hold in it,
    :math:`\sum_s c_s h_s / \sum_s h_s`, h being how long each holds; a state holds until the next
    one, and for ``HOLDS`` at most. The agent says that it complies in an interval where all of them
    say so. An interval over part of which no state holds, or whose energy is not known, is not
    compared.

    Args:
        states: Its states, oldest first.
        load: Load at the settlement meter.
        event: The event.
        tolerance_kw: What the program tolerates above the limit [kW].

    Returns:
        A warning where agent and meter disagree on the limit in any interval, otherwise for the
        record; None where the event has no limit or the agent stated nothing in it.

    Source: DSX Flex 1.7.0, ``FeedState``: ``compliant`` is "true if the calculated load is within
    the active target constraint", and ``calculated_load`` "may differ from actual measured power".

    Examples:
        >>> import numpy as np
        >>> from datetime import UTC
        >>> start_utc = datetime(2026, 7, 1, 21, tzinfo=UTC)
        >>> event = Event(event_id="e", revision=1, site_id="s", program_id="p", limit_kw=100.0,
        ...     interval=Interval(start_utc, start_utc + timedelta(minutes=10)))
        >>> load = LoadSeries(meter_id="m", start_utc=start_utc, interval_minutes=5,
        ...     energy_kwh=np.array([8.0, 9.0]), coverage_ratio=np.ones(2))
        >>> says_so = AgentState(at_utc=start_utc, compliant=True, calculated_kw=95.0,
        ...     limit_kw=100.0, in_flight=False)
        >>> finding = agent_finding([says_so], load, event)
        >>> finding.severity, finding.evidence["agent_only_count"]
        (<Severity.WARNING: 'warning'>, 1)
    """
    if event.limit_kw is None or not states:
        return None
    window = load.enclosing(event.interval)
    energy_kwh = load.energy_kwh_in(window)
    starts = [window.start_utc + number * load.interval for number in range(len(energy_kwh))]
    compared = [
        _compared(states, Interval(start_utc, start_utc + load.interval), kwh, event, tolerance_kw)
        for start_utc, kwh in zip(starts, map(float, energy_kwh), strict=True)
    ]
    found = [one for one in compared if one is not None]
    return _finding(found, len(compared), event) if found else None


def _compared(
    states: Sequence[AgentState],
    interval: Interval,
    energy_kwh: float,
    event: Event,
    tolerance_kw: float,
) -> _Compared | None:
    held = _held(states, interval)
    length = interval.end_utc - interval.start_utc
    if isnan(energy_kwh) or sum((span for _, span in held), timedelta()) < length:
        return None
    assert event.limit_kw is not None  # the caller looked  # noqa: S101
    measured_kw = energy_kwh / interval.duration_h
    return _Compared(
        start_utc=interval.start_utc,
        measured_kw=measured_kw,
        calculated_kw=fsum(state.calculated_kw * (span / length) for state, span in held),
        meter_within=measured_kw <= event.limit_kw + tolerance_kw,
        agent_within=all(state.compliant for state, _ in held),
        cause=_cause([state for state, _ in held], event.limit_kw),
    )


def _held(states: Sequence[AgentState], interval: Interval) -> list[tuple[AgentState, timedelta]]:
    """Return the states that hold in an interval, with how long each does."""
    later_utc = [*(state.at_utc for state in states[1:]), interval.end_utc]
    ends = [min(s.at_utc + HOLDS, end) for s, end in zip(states, later_utc, strict=True)]
    spans = [
        (state, min(end, interval.end_utc) - max(state.at_utc, interval.start_utc))
        for state, end in zip(states, ends, strict=True)
    ]
    return [(state, span) for state, span in spans if span > timedelta(0)]


def _cause(states: Sequence[AgentState], limit_kw: float) -> str:
    """Say why agent and meter may disagree, as far as the states tell."""
    if any(state.limit_kw is None or state.limit_kw != limit_kw for state in states):
        return "the agent held another target than the event's limit"
    if any(state.in_flight for state in states):
        return "the agent was on its way between two levels"
    return "the load that the agent calculates is not the meter's"


def _finding(found: Sequence[_Compared], interval_count: int, event: Event) -> Finding:
    apart = [one for one in found if one.agent_within != one.meter_within]
    agent_only = [one for one in apart if one.agent_within]
    measured_kw = fsum(one.measured_kw for one in found) / len(found)
    calculated_kw = fsum(one.calculated_kw for one in found) / len(found)
    causes = Counter(one.cause for one in apart)
    why = "; ".join(f"in {count}, {cause}" for cause, count in sorted(causes.items()))
    return Finding(
        code=FindingCode.AGENT_STATES_COMPARED,
        severity=Severity.WARNING if apart else Severity.INFO,
        subject=f"event {event.event_id!r}",
        message=f"of {interval_count} intervals {len(found)} could be compared: the agent states "
        f"compliance in {sum(one.agent_within for one in found)}, the meter was within the limit "
        f"in {sum(one.meter_within for one in found)}; on average the agent calculates "
        f"{calculated_kw:.1f} kW and the meter read {measured_kw:.1f} kW"
        + (f"; they disagree in {len(apart)} intervals: {why}" if apart else ""),
        evidence={
            "interval_count": interval_count,
            "compared_count": len(found),
            "agent_only_count": len(agent_only),
            "meter_only_count": len(apart) - len(agent_only),
            "calculated_kw_mean": round(calculated_kw, _DECIMALS),
            "measured_kw_mean": round(measured_kw, _DECIMALS),
            "calculated_less_measured_kw_mean": round(calculated_kw - measured_kw, _DECIMALS),
            "first_disagreements": [
                {
                    "interval_start_utc": one.start_utc.isoformat(),
                    "agent_compliant": one.agent_within,
                    "calculated_kw": round(one.calculated_kw, _DECIMALS),
                    "measured_kw": round(one.measured_kw, _DECIMALS),
                    "cause": one.cause,
                }
                for one in apart[:_SHOWN]
            ],
        },
    )
