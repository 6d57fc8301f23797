"""Same-day baselines: the mean of the event day's own load around the event.

Here: the windows before and after, and how they combine. Not here: earlier days (x_of_y.py).
"""

import math
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.case import Case, Window
from negawatt.models.baselines.dispatch import dispatch_window
from negawatt.models.baselines.rule_windows import SameDay
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval


def same_day_kwh(case: Case, rule: SameDay) -> NDArray[np.float64]:
    r"""Return one flat baseline from the load before the event, after it, or both.

    .. math::

        b = \frac{1}{n + m} \left( \sum_{before} e_i + \sum_{after} e_j \right), \qquad
        b = \tfrac12 (\bar e_{before} + \bar e_{after}), \qquad
        b = \min(\bar e_{before}, \bar e_{after})

    for ``intervals``, ``windows`` and ``minimum``; ``highest`` takes the largest of all intervals.

    Args:
        case: What is computed.
        rule: The windows; every interval of them must lie outside all events.

    Returns:
        Energy per interval [kWh], shape (n,), the same in each.

    Raises:
        InsufficientHistoryError: More of a window is missing than the rule allows.
    """
    windows_kwh = [_known_kwh(case, rule, starts_utc) for starts_utc in _windows(case, rule)]
    means_kwh = [float(window_kwh.mean()) for window_kwh in windows_kwh]
    if rule.combine == "minimum":
        level_kwh = min(means_kwh)
    elif rule.combine == "highest":
        level_kwh = float(np.concatenate(windows_kwh).max())
    elif rule.combine == "windows":
        level_kwh = math.fsum(means_kwh) / len(means_kwh)
    else:
        level_kwh = float(np.concatenate(windows_kwh).mean())
    return np.full(len(case.event_starts_utc), level_kwh)


def _windows(case: Case, rule: SameDay) -> list[tuple[datetime, ...]]:
    edges = _edges(case, rule)
    windows = []
    if rule.before is not None:
        windows.append(rule.before.around(edges.start_utc))
    if rule.after is not None:
        windows.append(rule.after.around(edges.end_utc))
    if rule.event_length:
        windows = [_as_long(window, case.event, edges) for window in windows]
    return [case.starts_in(window) for window in windows]


def _as_long(window: Interval, event: Interval, edges: Interval) -> Interval:
    """Return a window as long as the event, with the edge that faces the event where it is."""
    length = event.end_utc - event.start_utc
    if window.start_utc < edges.start_utc:
        return Interval(window.end_utc - length, window.end_utc)
    return Interval(window.start_utc, window.start_utc + length)


def _edges(case: Case, rule: SameDay) -> Interval:
    """Return the span that the windows are counted from."""
    buffer = timedelta(minutes=rule.buffer_minutes)
    if rule.anchor == "event":
        return Interval(case.event.start_utc - buffer, case.event.end_utc + buffer)
    return dispatch_window(
        case.event,
        case.other_event_windows,
        ramp_minutes=max(case.ramp_minutes, rule.buffer_minutes),
    )


def _known_kwh(case: Case, rule: SameDay, starts_utc: tuple[datetime, ...]) -> NDArray[np.float64]:
    """Return the known values of a window, if the rule is content with them."""
    visible = timedelta(minutes=rule.into_event_minutes)
    quiet_utc = case.undisturbed(starts_utc, visible=visible)
    quiet = case.on_event_day(quiet_utc)
    measured = (1.0 - quiet.missing_ratio) * len(quiet_utc)
    whole = Window(quiet.energy_kwh, 1.0 - measured / len(starts_utc) if starts_utc else 1.0)
    known_kwh = quiet.energy_kwh[~np.isnan(quiet.energy_kwh)]
    limit = case.rule.exclusions.incomplete_days.max_missing_fraction
    if known_kwh.size == 0 or not whole.is_complete(limit):
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=len(starts_utc),
            found_count=known_kwh.size,
            unit=f"measured {case.rule.interval_minutes}-minute intervals outside all events, from "
            f"{starts_utc[0]:%Y-%m-%d %H:%M} UTC on"
            if starts_utc
            else f"{case.rule.interval_minutes}-minute intervals in a window shorter than one",
            remedy="supply more of the event day's load, or choose a program of shorter windows",
        )
    return known_kwh
