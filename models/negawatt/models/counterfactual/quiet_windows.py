"""Stretches of a fleet's history in which no event had its hand: what methods are tried on.

Here: which stretches. Not here: what is tried on them (policy.py, placebo.py).
"""

from typing import Final

from negawatt.models.counterfactual.fleet import Fleet, FleetEvent

_BEFORE_EVENT_MINUTES: Final = 180
_AFTER_EVENT_MINUTES: Final = 300
"""Control prepares an event, and the queue that it held back drains after it."""
_STEP_MINUTES: Final = 240
_FIRST_MINUTES: Final = 720


def quiet_windows(
    fleet: Fleet, event: FleetEvent, *, length_minutes: int, margin_minutes: int
) -> list[int]:
    """Return the first minutes of quiet stretches, the latest first.

    They start at the event's clock time and at every fourth hour before it, day by day, so that
    each time of day is tried and the event's own most directly.

    Args:
        fleet: The fleet.
        event: The event; only what lies before its preparation is used.
        length_minutes: Length of a stretch [min].
        margin_minutes: Quiet minutes that each needs before and after [min].
    """
    last_end = event.start_minute - max(_BEFORE_EVENT_MINUTES, margin_minutes)
    loud = [
        (other.start_minute - _BEFORE_EVENT_MINUTES, other.end_minute + _AFTER_EVENT_MINUTES)
        for other in fleet.events
    ]
    starts = []
    first = event.start_minute - _STEP_MINUTES
    for start in range(first, _FIRST_MINUTES + margin_minutes - 1, -_STEP_MINUTES):
        end = start + length_minutes
        whole = (start - margin_minutes, end + margin_minutes)
        if end <= last_end and not any(
            whole[0] < stop and whole[1] > begin for begin, stop in loud
        ):
            starts.append(start)
    return starts
