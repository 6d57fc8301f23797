"""The plan that the demonstration runs: one June, two events, fixed dates.

Here: that plan. Not here: what a plan may hold (negawatt.models.simulation.plan).
"""

from datetime import UTC, datetime, timedelta

from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.plan import DAY, HallPlan

_EVENT_LENGTH = timedelta(hours=3)
# Tuesday; 14:00 in New York. The window ends four hours before midnight UTC, so that methods that
# read two hours after the event find them in the same folder.
_EVENT_START_UTC = datetime(2026, 6, 30, 18, tzinfo=UTC)
# Thursday, twelve days before: inside every look-back of ten weekdays or more, and not Juneteenth.
_EARLIER_EVENT_START_UTC = datetime(2026, 6, 18, 18, tzinfo=UTC)
# A round number that the hall meets on most days.
_COMMITTED_KW_PER_NODE = 1.5


def demo_plan(seed: int, *, nodes: int = 8, days: int = 29) -> HallPlan:
    """Return the demonstration's plan: a hall in June 2026 with an event on its last day.

    The event is on Tuesday 2026-06-30, 14:00 to 17:00 in New York; an earlier one is on Thursday
    2026-06-18 in the same hours, where the days reach back to it.

    Args:
        seed: Source of every random draw.
        nodes: Nodes of 8 GPUs.
        days: Days up to and including the event day.

    Examples:
        >>> plan = demo_plan(1)
        >>> plan.start_utc.date().isoformat(), [event.event_id for event in plan.events]
        ('2026-06-02', ['demo-2026-06-18', 'demo-2026-06-30'])
        >>> len(demo_plan(1, days=3).events)
        1
    """
    end_utc = datetime(2026, 7, 1, tzinfo=UTC)
    start_utc = end_utc - days * DAY
    return HallPlan(
        site_id="demo-hall",
        seed=seed,
        start_utc=start_utc,
        days=days,
        nodes=nodes,
        events=tuple(
            HallEvent(
                event_id=f"demo-{event_start_utc.date().isoformat()}",
                start_utc=event_start_utc,
                end_utc=event_start_utc + _EVENT_LENGTH,
                committed_kw=_COMMITTED_KW_PER_NODE * nodes,
            )
            for event_start_utc in (_EARLIER_EVENT_START_UTC, _EVENT_START_UTC)
            if event_start_utc - DAY >= start_utc
        ),
    )
