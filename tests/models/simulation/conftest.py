"""One small hall that the simulation's tests share: 16 GPUs, three days, two events."""

from datetime import UTC, datetime

import pytest

from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord


def event_on(day: int) -> HallEvent:
    return HallEvent(
        event_id=f"event-{day}",
        start_utc=datetime(2026, 6, day, 18, tzinfo=UTC),
        end_utc=datetime(2026, 6, day, 20, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def small_plan() -> HallPlan:
    """Return 8 batch GPUs, 4 serving, 4 for development; its seed has caps and pauses."""
    return HallPlan(
        site_id="small",
        seed=9,
        start_utc=datetime(2026, 6, 23, tzinfo=UTC),
        days=3,
        nodes=4,
        gpus_per_node=4,
        events=(event_on(24), event_on(25)),
    )


@pytest.fixture(scope="session")
def small_hall(small_plan: HallPlan) -> HallRecord:
    return simulate(small_plan)
