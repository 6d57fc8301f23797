"""The corroborating models on one meter, beside the programs it could elect.

Here: what the models see for given event hours. Not here: the models and their features
(shared_ridge.py, features.py). Several meters at once, other meters and weather make them better:
see walk_forward in corroborate.py.
"""

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Final

import numpy as np

from negawatt.models.backtest.corroborate import walk_forward
from negawatt.models.backtest.features import NEAR_HOURS, Sight, features
from negawatt.models.backtest.hourly_days import hourly_days
from negawatt.models.backtest.placebos import MethodTest, judged
from negawatt.models.backtest.shared_ridge import SharedRidge
from negawatt.models.baselines.calendar import ProgramClock
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

_BEFORE_HOURS: Final = 7
_AFTER_HOURS: Final = 2
_GAP_HOURS: Final = 1
_LAST_HOUR: Final = 23
_PENALTY: Final = 0.3
"""Heavier than for many meters, which teach each other."""


def back_test_models(
    load: LoadSeries,
    windows: tuple[Interval, ...],
    clock: ProgramClock,
    hours: tuple[time, time],
    *,
    is_like: Callable[[date], bool],
) -> list[MethodTest]:
    """Return the models on placebo events: seeing the hours before, and those around.

    The last seen hour ends an hour before the event; the hours after it begin an hour later, which
    is left for recovery. The second model is left out where the day ends too early for it.

    Args:
        load: The meter's load.
        windows: The placebo events, oldest first, one a day.
        clock: Whose days and hours.
        hours: Clock hours of the events, whole ones within a day.
        is_like: Says whether a day is like the placebo days.

    Raises:
        DataRefusedError: The hours are not whole, or begin too early in the day to see any before.
        InsufficientHistoryError: Fewer than 40 like days lie before the first event.
    """
    first_day, last_day = clock.local_date(load.start_utc), clock.local_date(load.end_utc)
    dates = tuple(first_day + timedelta(day) for day in range((last_day - first_day).days + 1))
    days = hourly_days([load], clock, dates, np.array([is_like(day) for day in dates]))
    rows = [dates.index(clock.local_date(window.start_utc)) for window in windows]
    found = []
    for name, sight in _sights(hours):
        seen = features(days, np.empty((len(dates), 24, 0)), sight)
        expected_kwh = walk_forward(seen, dates, days.is_like, dates[rows[0]], _new_model)
        metered_kwh = days.energy_kwh[0][np.ix_(rows, list(sight.event_hours))]
        baseline_kwh = expected_kwh[0, rows]
        unknown = np.flatnonzero(np.isnan(baseline_kwh).any(axis=1))
        refused = {int(place): f"{name}: expected known {_KNOWN}" for place in unknown}
        found.append(judged(name, baseline_kwh, metered_kwh, refused=refused))
    return found


def _new_model() -> SharedRidge:
    return SharedRidge(shared_penalty=_PENALTY)


_KNOWN: Final = "load in the hours that the model sees, found a gap; see the data's findings"


def _sights(hours: tuple[time, time]) -> Iterator[tuple[str, Sight]]:
    start, end = hours
    before = tuple(range(max(start.hour - _GAP_HOURS - _BEFORE_HOURS, 0), start.hour - _GAP_HOURS))
    if start.minute or end.minute or end.hour <= start.hour or len(before) < NEAR_HOURS:
        raise DataRefusedError(
            thing="event hours of a corroborating model",
            expected="whole hours within a day, four or more after midnight",
            found=f"{start:%H:%M} to {end:%H:%M}",
            remedy="choose other hours, or test the programs alone",
        )
    event = tuple(range(start.hour, end.hour))
    yield "model, hours before", Sight(event_hours=event, before_hours=before)
    after = tuple(range(end.hour + _GAP_HOURS, end.hour + _GAP_HOURS + _AFTER_HOURS))
    if after[-1] <= _LAST_HOUR:
        around = Sight(event_hours=event, before_hours=before, after_hours=after)
        yield "model, hours around", around
