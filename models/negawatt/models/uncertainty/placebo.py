"""Placebo windows: the event's clock window on ordinary days, settled as if it were an event.

Nothing was reduced in them, so whatever a baseline claims there is its error. Here: which days
are ordinary, and the error of each. Not here: bands (conformal.py), and gates of programs.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

_ONE_DAY: Final = timedelta(days=1)


class BaselineFunction(Protocol):
    """A baseline with its rule already chosen, for example ``partial(compute_baseline, rule)``."""

    def __call__(
        self,
        load: LoadSeries,
        event: Interval,
        /,
        *,
        other_event_windows: Sequence[Interval] = (),
        notified_at_utc: datetime | None = None,
    ) -> BaselineResult:
        """Return the baseline of one window, or raise DataRefusedError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPlacebo:
    """An ordinary day whose window gave no error, and why."""

    placebo_date: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceboResult:
    """The errors of one baseline on ordinary days, most recent day first.

    Attributes:
        dates: The days, in the program's clock, length n.
        errors_kwh: Baseline less metered energy over the window [kWh], length n; positive where
            the baseline claims a reduction that did not happen.
        interval_errors_kwh: The same for each interval [kWh], shape (n, n_intervals).
        refused: Ordinary days that gave no error.
        rrmse_ratio: Root of the mean squared interval error over the mean metered energy; None
            where it is not defined.
        bias_ratio: Summed errors over summed metered energy; positive where the baseline is too
            high; None where it is not defined.
    """

    dates: tuple[date, ...]
    errors_kwh: tuple[float, ...]
    interval_errors_kwh: NDArray[np.float64]
    refused: tuple[RefusedPlacebo, ...]
    rrmse_ratio: float | None
    bias_ratio: float | None


def placebo_errors(  # noqa: PLR0913 - each is an independent fact about the event or its program
    baseline: BaselineFunction,
    load: LoadSeries,
    event: Interval,
    *,
    time_zone: tzinfo,
    is_like_day: Callable[[date], bool],
    other_event_windows: Sequence[Interval] = (),
    notified_at_utc: datetime | None = None,
    count_max: int = 60,
) -> PlaceboResult:
    r"""Settle the event's clock window on earlier ordinary days, and return what is left over.

    .. math::

        e_d = \sum_t (b_{d,t} - m_{d,t}), \qquad
        \mathrm{RRMSE} = \frac{\sqrt{\overline{(b - m)^2}}}{\overline{m}}, \qquad
        \mathrm{bias} = \frac{\sum (b - m)}{\sum m}

    A day is ordinary if it is like the event's day and no event touches it. Each placebo is given
    the load only as far after its window as the event's own load reaches after the event, and a
    notification as long before its start.

    Args:
        baseline: The method that settles the event.
        load: Metered load, before and around the event.
        event: The event window.
        time_zone: The program's clock.
        is_like_day: Says whether a day is like the event's day, for example of its day type.
        other_event_windows: All other events of the site; a day that one touches is not ordinary.
        notified_at_utc: When the site was told of the event, if known.
        count_max: The most recent placebos to take; about 60 is what PJM's test uses.

    Source:
        RRMSE as hourly errors on about 60 recent non-event days over the mean actual load: the
        accuracy test of PJM Manual 11, section 10.4 (read at second hand; the number of days is
        to be checked there). The bias is predicted less actual, the sign that regulators report.
    """
    event_dates = {
        day for window in (event, *other_event_windows) for day in _local_dates(window, time_zone)
    }
    after_event = max(load.end_utc - event.end_utc, timedelta(0))
    found: list[tuple[date, BaselineResult]] = []
    refused: list[RefusedPlacebo] = []
    for day in filter(is_like_day, _days_before(load, event, time_zone)):
        window = _same_clock_window(day, event, time_zone)
        if len(found) == count_max or window.start_utc < load.start_utc:
            break
        if event_dates.intersection(_local_dates(window, time_zone)):
            continue
        try:
            _require_same_clock(window, event, time_zone)
            result = baseline(
                _load_until(load, window.end_utc + after_event),
                window,
                other_event_windows=(event, *other_event_windows),
                notified_at_utc=notified_at_utc
                and window.start_utc - (event.start_utc - notified_at_utc),
            )
            _require_known(result)
        except DataRefusedError as error:
            refused.append(RefusedPlacebo(placebo_date=day, reason=str(error)))
        else:
            found.append((day, result))
    return _summary(found, refused)


def _days_before(load: LoadSeries, event: Interval, time_zone: tzinfo) -> Iterator[date]:
    """Yield the days of the load before the event's, most recent first."""
    first_date = load.start_utc.astimezone(time_zone).date()
    day = event.start_utc.astimezone(time_zone).date() - _ONE_DAY
    while day >= first_date:
        yield day
        day -= _ONE_DAY


def _same_clock_window(day: date, event: Interval, time_zone: tzinfo) -> Interval:
    """Return the event's length from the same clock time on another day."""
    start_local = event.start_utc.astimezone(time_zone)
    # Arithmetic on an aware datetime moves the wall clock, whatever the offset does meanwhile.
    start_utc = (start_local + (day - start_local.date())).astimezone(UTC)
    return Interval(start_utc, start_utc + (event.end_utc - event.start_utc))


def _require_same_clock(window: Interval, event: Interval, time_zone: tzinfo) -> None:
    for moment_utc, event_utc in (
        (window.start_utc, event.start_utc),
        (window.end_utc, event.end_utc),
    ):
        clock = moment_utc.astimezone(time_zone).time()
        if clock != event_utc.astimezone(time_zone).time():
            raise DataRefusedError(
                thing=f"placebo window at {window.start_utc.isoformat()}",
                expected="the clock times of the event",
                found=f"{clock} where the clock changes",
                remedy="settle without this day",
            )


def _require_known(result: BaselineResult) -> None:
    unknown_count = int(np.isnan(result.reduction_kwh).sum())
    if unknown_count:
        raise DataRefusedError(
            thing=f"placebo window at {result.interval_start_utc[0].isoformat()}",
            expected="known energy in every interval",
            found=f"{unknown_count} of {len(result.reduction_kwh)} not known",
            remedy="settle without this day",
        )


def _local_dates(window: Interval, time_zone: tzinfo) -> Iterator[date]:
    day = window.start_utc.astimezone(time_zone).date()
    last = (window.end_utc - timedelta(microseconds=1)).astimezone(time_zone).date()
    while day <= last:
        yield day
        day += _ONE_DAY


def _load_until(load: LoadSeries, end_utc: datetime) -> LoadSeries:
    kept_count = (end_utc - load.start_utc) // load.interval
    return replace(
        load,
        energy_kwh=load.energy_kwh[:kept_count],
        coverage_ratio=load.coverage_ratio[:kept_count],
    )


def _summary(
    found: Sequence[tuple[date, BaselineResult]], refused: Sequence[RefusedPlacebo]
) -> PlaceboResult:
    if not found:
        return PlaceboResult(
            dates=(),
            errors_kwh=(),
            interval_errors_kwh=np.empty((0, 0)),
            refused=tuple(refused),
            rrmse_ratio=None,
            bias_ratio=None,
        )
    errors_kwh = np.stack([result.reduction_kwh for _, result in found])
    metered_kwh_sum = math.fsum(value for _, result in found for value in result.metered_kwh)
    metered_kwh_mean = metered_kwh_sum / errors_kwh.size
    rmse_kwh = math.sqrt(math.fsum(errors_kwh.ravel() ** 2) / errors_kwh.size)
    return PlaceboResult(
        dates=tuple(day for day, _ in found),
        errors_kwh=tuple(math.fsum(row) for row in errors_kwh),
        interval_errors_kwh=errors_kwh,
        refused=tuple(refused),
        rrmse_ratio=rmse_kwh / metered_kwh_mean if metered_kwh_mean > 0 else None,
        bias_ratio=math.fsum(errors_kwh.ravel()) / metered_kwh_sum if metered_kwh_sum > 0 else None,
    )
