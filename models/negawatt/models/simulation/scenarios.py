"""Named plans that an estimator is tried on, each with one thing that may mislead it.

Here: the scenarios as plans. Not here: what a plan may hold (negawatt.models.simulation.plan) and
the demonstration (negawatt.models.simulation.demo).
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from negawatt.models.simulation.equipment import (
    GpuModel,
    HostModel,
    Instruments,
    OverheadModel,
    TrafficModel,
    WeatherModel,
)
from negawatt.models.simulation.hall_event import HallEvent, TargetOf
from negawatt.models.simulation.incidents import (
    Battery,
    BigJob,
    Burst,
    Churn,
    FailureModel,
    Incidents,
    Inflation,
    SecondSite,
    TrafficChange,
)
from negawatt.models.simulation.plan import DAY, HallPlan
from negawatt.models.simulation.randomness import Stream, generator
from negawatt.models.simulation.workloads import JobMix

_HOUR = timedelta(hours=1)
# Thursday 2026-06-25 and Saturday 2026-06-27 at 16:00 in London: six hours of the folder's last
# day are left after the event, in which held and paused work comes back.
_WEEKDAY_START_UTC = datetime(2026, 6, 25, 15, tzinfo=UTC)
_WEEKEND_START_UTC = datetime(2026, 6, 27, 15, tzinfo=UTC)
_EVENT_LENGTH = 3 * _HOUR
_NOTICE = 5 * _HOUR
# Tuesday and Monday before: ordinary weekdays, far enough apart for every look-back.
_EARLIER_EVENTS_UTC = (
    datetime(2026, 6, 8, 15, tzinfo=UTC),
    datetime(2026, 6, 16, 15, tzinfo=UTC),
)
_HOLDS_LOGGED_SHARE = 0.5
# One node in every eight is reserved for large training jobs.
_RESERVED_SHARE = 8
_LEAST_NODES = _RESERVED_SHARE
_LEAST_DAYS = 2


class Scenario(StrEnum):
    """What happens beside the ordinary.

    Attributes:
        ORDINARY: An event of 25 % for three hours.
        NULL_EVENT: The event is announced and nobody acts.
        JOB_ENDS: A big job ends during the event, by itself.
        HELD_STARTS: Many jobs are submitted as the event begins, and held.
        TRAFFIC_UP: Requests rise to 1.7 times during the event.
        TRAFFIC_DOWN: Requests fall to 0.45 times during the event.
        NODE_CHURN: An eighth of the nodes fails around the event.
        INFLATION: The load is inflated for the four hours before the event.
        NON_COMPLIANCE: 35 % of the jobs take no notice of caps.
        WEEKEND: The event is on a Saturday.
        MIGRATION: Paused work goes on at a second site.
        BATTERY: A battery behind the meter helps.
    """

    ORDINARY = "ordinary"
    NULL_EVENT = "null_event"
    JOB_ENDS = "job_ends"
    HELD_STARTS = "held_starts"
    TRAFFIC_UP = "traffic_up"
    TRAFFIC_DOWN = "traffic_down"
    NODE_CHURN = "node_churn"
    INFLATION = "inflation"
    NON_COMPLIANCE = "non_compliance"
    WEEKEND = "weekend"
    MIGRATION = "migration"
    BATTERY = "battery"


def scenario_plan(scenario: Scenario, seed: int, *, nodes: int = 64, days: int = 29) -> HallPlan:
    """Return a plan: history with two earlier events, and the event on the last day.

    The ordinary jobs, people, weather and instruments of a seed are the same in every scenario
    on the same days.

    Args:
        scenario: What happens beside the ordinary.
        seed: Source of every random draw.
        nodes: Nodes of 8 GPUs, at least 8: fewer leave none to reserve.
        days: Days up to and including the event's, at least 2.

    Raises:
        ValueError: There are too few nodes or days.

    Examples:
        >>> plan = scenario_plan(Scenario.ORDINARY, 7)
        >>> plan.gpu_count, len(plan.events), plan.events[-1].start_utc.isoformat()
        (512, 3, '2026-06-25T15:00:00+00:00')
    """
    if nodes < _LEAST_NODES or days < _LEAST_DAYS:
        raise ValueError(
            f"a scenario needs {_LEAST_NODES} nodes and {_LEAST_DAYS} days, got {nodes} and {days}"
        )
    weekend = scenario is Scenario.WEEKEND
    start_utc = _WEEKEND_START_UTC if weekend else _WEEKDAY_START_UTC
    first_utc = start_utc.replace(hour=0) - (days - 1) * DAY
    random = generator(seed, Stream.SCENARIO)
    log_holds = bool(random.random() < _HOLDS_LOGGED_SHARE)
    ordinary: dict[str, Any] = {
        "site_id": f"{scenario.value.replace('_', '-')}-hall",
        "seed": seed,
        "start_utc": first_utc,
        "days": days,
        "time_zone": "Europe/London",
        "nodes": nodes,
        "reserved_nodes": nodes // _RESERVED_SHARE,
        "mix": JobMix.CLUSTER,
        "batch_load_ratio": 0.92,
        "backfill": True,
        # A peak of half leaves room for a surge. In the published hour of Azure's conversation
        # service (Patel et al., ISCA 2024) generated tokens a minute vary by 12 %, half of it slow.
        "traffic": TrafficModel(night_load=0.2, peak_load=0.55, wander_sd=0.06),
        "failures": FailureModel(per_1000_node_days=6.5),
        "log_holds": log_holds,
        "gpu": GpuModel(idle_w=75.0, spread_ratio=0.025),
        "host": HostModel(idle_w=1400.0, per_gpu_ratio=0.05, per_busy_gpu_w=25.0),
        "overhead": OverheadModel(
            fixed_w=60.0 * nodes,
            daily_w=60.0 * nodes,
            cooling_ratio=0.09,
            cooling_ratio_per_c=0.006,
            free_cooling_c=14.0,
        ),
        "weather": WeatherModel(mean_c=17.0),
        "instruments": Instruments(losses_per_day=nodes / 16),
        "events": tuple(
            _event(event_utc)
            for event_utc in (*_EARLIER_EVENTS_UTC, start_utc)
            if event_utc - DAY >= first_utc
        ),
    }
    return HallPlan(**(ordinary | _changes(scenario, ordinary["events"], random, nodes)))


def _event(start_utc: datetime) -> HallEvent:
    return HallEvent(
        event_id=f"event-{start_utc.date().isoformat()}",
        start_utc=start_utc,
        end_utc=start_utc + _EVENT_LENGTH,
        notified_utc=start_utc - _NOTICE,
        target_of=TargetOf.GPUS,
        ramp_down_minutes=15,
        hold_starts=True,
    )


def _changes(
    scenario: Scenario,
    events: tuple[HallEvent, ...],
    random: np.random.Generator,
    nodes: int,
) -> dict[str, Any]:
    """Return the fields of the plan in which a scenario differs from the ordinary one."""
    event = events[-1]
    match scenario:
        case Scenario.NULL_EVENT:
            quiet = event.model_copy(update={"carried_out": False, "hold_starts": False})
            return {"events": (*events[:-1], quiet)}
        case Scenario.HELD_STARTS:
            return {"batch_load_ratio": 0.72, "incidents": _incidents(scenario, event, random)}
        case Scenario.NON_COMPLIANCE:
            return {"noncompliant_ratio": 0.35}
        case Scenario.MIGRATION:
            return {"second_site": SecondSite(site_id="second-hall", base_kw=5.0 * nodes)}
        case Scenario.BATTERY:
            return {"battery": Battery(discharge_kw=0.6 * nodes)}
        case _:
            return {"incidents": _incidents(scenario, event, random)}


def _incidents(scenario: Scenario, event: HallEvent, random: np.random.Generator) -> Incidents:
    start_utc, end_utc = event.window.start_utc, event.window.end_utc
    ramp_utc = event.controlled.start_utc
    match scenario:
        case Scenario.JOB_ENDS:
            # In the first two thirds of the event, so that what follows is inside it.
            ends_utc = start_utc + timedelta(minutes=int(random.integers(20, 120)))
            started_utc = ends_utc - timedelta(minutes=int(random.integers(8 * 60, 14 * 60)))
            return Incidents(
                big_job=BigJob(start_utc=started_utc, end_utc=ends_utc, gpu_ratio=0.16)
            )
        case Scenario.HELD_STARTS:
            return Incidents(
                burst=Burst(start_utc=ramp_utc, end_utc=start_utc + _HOUR, gpu_ratio=0.15)
            )
        case Scenario.TRAFFIC_UP | Scenario.TRAFFIC_DOWN:
            factor = 1.7 if scenario is Scenario.TRAFFIC_UP else 0.45
            return Incidents(
                traffic=TrafficChange(start_utc=start_utc, end_utc=end_utc + _HOUR, factor=factor)
            )
        case Scenario.NODE_CHURN:
            return Incidents(
                churn=Churn(start_utc=start_utc - _HOUR, end_utc=end_utc, node_ratio=0.125)
            )
        case Scenario.INFLATION:
            return Incidents(
                inflation=Inflation(
                    start_utc=ramp_utc - 4 * _HOUR,
                    end_utc=ramp_utc,
                    busier_ratio=0.07,
                    filler_gpu_ratio=0.12,
                )
            )
        case _:
            return Incidents()
