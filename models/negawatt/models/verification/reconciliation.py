"""Whether GPUs and meter agree in an event, measured by what they leave on ordinary days.

A reduction can be traced to GPUs and jobs only where the meter follows them. Here: the residual of
an event against the site's own overhead, and where it is too large to attribute anything. Not here:
the overhead (negawatt.models.reconciliation.overhead), and the attribution (attribution.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MS_PER_S, S_PER_H, S_PER_MINUTE, W_PER_KW
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.reconciliation.clocks import clock_finding, clock_lag
from negawatt.models.reconciliation.overhead import Overhead, SiteHistory, fit_overhead
from negawatt.models.uncertainty.conformal import LEVEL_RATIO, finite_sample_quantile

RESIDUAL_LIMIT_RATIO: Final = 0.03
"""Largest share of the metered load that may be left unexplained; a site replaces it."""
READING_HOLDS: Final = timedelta(minutes=90)
"""How long a temperature is taken to hold: stations report hourly."""
CLOCK_REACH: Final = timedelta(hours=2)
"""Longest shift of the meter against GPUs that is looked for: an hour's zone and more."""
RECONCILED_HISTORY: Final = timedelta(days=28)
"""As far back as an overhead is learned from: four of each weekday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdoorReading:
    """One reading of a weather station.

    Attributes:
        at_utc: When.
        outdoor_c: Air temperature [°C].
    """

    at_utc: datetime
    outdoor_c: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReconciliationInputs:
    """What a site's GPUs drew before and in an event, and how warm it was.

    Attributes:
        gpu_load: All GPUs together; NaN where one of them is not known.
        outdoor: Outdoor temperatures, oldest first; empty where none are known.
        limit_ratio: Largest share of the metered load that may be left unexplained.
    """

    gpu_load: LoadSeries
    outdoor: tuple[OutdoorReading, ...]
    limit_ratio: float = RESIDUAL_LIMIT_RATIO


def reconciliation_findings(
    inputs: ReconciliationInputs,
    load: LoadSeries,
    event: Event,
    *,
    dispatch: Interval,
    other_event_windows: Sequence[Interval],
    outputs: Sequence[LoadSeries] = (),
) -> tuple[Finding, ...]:
    r"""Say how much of the meter GPUs and overhead leave unexplained in an event.

    .. math:: \rho = \frac{\sum_t (M_t - \hat M_t)}{\sum_t M_t}

    over the event, M being the meter and M-hat what the overhead makes of the GPUs. The overhead is
    learned on the days before that no event touches. Windows of the event's length on those days,
    each by a fit without its own days, say what is ordinary: the next such window's mean residual
    stays within the 90 % quantile of theirs. An event is a lower load at a certain hour, so that
    its own may lie beyond.

    Args:
        inputs: GPUs, weather and limit.
        load: Load at the settlement meter.
        event: The event.
        dispatch: The span in which the site was not left alone.
        other_event_windows: Other events of the site.
        outputs: What generation and storage behind the meter gave; M is meter and output together.

    Returns:
        ``site_reconciled`` for the record; ``reconciliation_residual_high`` where the residual, or
        what ordinary windows leave, is above the limit; ``site_not_reconciled`` where it cannot be
        said. And ``clocks_apart`` where the same days show the meter earlier or later than GPUs.
    """
    windows = (*other_event_windows, event.interval)
    history = _history(inputs, (load, *outputs), dispatch, windows)
    clock = None if history is None else _clock(history, load)
    found = _residual(inputs, history, load, event)
    return (found,) if clock is None else (found, clock)


def _residual(
    inputs: ReconciliationInputs, history: SiteHistory | None, load: LoadSeries, event: Event
) -> Finding:
    if history is None:
        return _not_reconciled(
            load,
            f"expected intervals of meters that divide {inputs.gpu_load.interval_minutes} min, "
            "found longer ones",
        )
    window = inputs.gpu_load.enclosing(event.interval)
    first, until = (inputs.gpu_load.index_of(edge) for edge in (window.start_utc, window.end_utc))
    if not 0 <= first < until <= len(history.gpu_kw):
        return _not_reconciled(load, "expected GPU power in the event, found none")
    try:
        overhead = fit_overhead(history)
    except DataRefusedError as error:
        return _not_reconciled(load, f"expected {error.expected}, found {error.found}")
    metered_kw = history.site_kw[first:until]
    expected_kw = overhead.expected_kw(history)[first:until]
    is_unknown = np.isnan(metered_kw) | np.isnan(expected_kw)
    if is_unknown.any():
        return _not_reconciled(
            load,
            "expected meter, GPUs and weather throughout the event and before it, found "
            f"{int(is_unknown.sum())} of {until - first} intervals without",
        )
    if not metered_kw.mean() > 0:
        return _not_reconciled(load, "expected a load in the event, found none at the meter")
    return _finding(
        overhead,
        load,
        limit_ratio=inputs.limit_ratio,
        metered_kw=float(metered_kw.mean()),
        expected_kw=float(expected_kw.mean()),
        length=until - first,
    )


def _history(
    inputs: ReconciliationInputs,
    meters: Sequence[LoadSeries],
    dispatch: Interval,
    windows: Sequence[Interval],
) -> SiteHistory | None:
    """Return meters, GPUs and weather on one grid; None where a meter's intervals are longer."""
    gpus = inputs.gpu_load
    if any(gpus.interval_minutes % meter.interval_minutes for meter in meters):
        return None
    starts = [gpus.start_utc + number * gpus.interval for number in range(len(gpus.energy_kwh))]
    touched = {day for window in (*windows, dispatch) for day in _days(window)}
    return SiteHistory(
        interval_minutes=gpus.interval_minutes,
        site_kw=np.array([_rolled_kw(meter, gpus) for meter in meters]).sum(axis=0),
        gpu_kw=gpus.power_kw,
        outdoor_c=_held_c(inputs.outdoor, starts),
        day=np.array([start.toordinal() for start in starts]),
        hour=np.array([start.hour for start in starts]),
        is_usable=np.array(
            [start < dispatch.start_utc and start.date() not in touched for start in starts]
        ),
    )


def _clock(history: SiteHistory, load: LoadSeries) -> Finding | None:
    """Return the finding that the meter shows the GPUs' load earlier or later than they do.

    Changes from one interval to the next are compared: levels go up and down with the day, and a
    warm afternoon would look like a meter that is hours late.
    """
    step_ms = history.interval_minutes * S_PER_MINUTE * MS_PER_S
    time_ms = step_ms * np.arange(len(history.gpu_kw))
    usable = np.where(history.is_usable, 0.0, np.nan)
    gpu_w, site_w = (
        np.diff((power_kw + usable) * W_PER_KW) for power_kw in (history.gpu_kw, history.site_kw)
    )
    gpus_known, site_known = ~np.isnan(gpu_w), ~np.isnan(site_w)
    try:
        lag = clock_lag(
            time_ms[1:][gpus_known],
            gpu_w[gpus_known],
            time_ms[1:][site_known],
            site_w[site_known],
            step_ms=step_ms,
            reach_s=CLOCK_REACH / timedelta(seconds=1),
            are_means=True,
        )
    except DataRefusedError:
        return None  # a flat load or a short history shows no clock
    return clock_finding(lag, first="all GPUs", second=load.meter_id)


def _days(window: Interval) -> list[date]:
    """Return the UTC days that a window touches."""
    first = window.start_utc.date()
    last = (window.end_utc - timedelta(microseconds=1)).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _rolled_kw(load: LoadSeries, grid: LoadSeries) -> NDArray[np.float64]:
    """Return the meter's power on the GPUs' intervals [kW]; NaN where a part is not known."""
    parts = grid.interval_minutes // load.interval_minutes
    energy_kwh = load.energy_kwh_in(Interval(grid.start_utc, grid.end_utc))
    rolled: NDArray[np.float64] = energy_kwh.reshape(-1, parts).sum(axis=1)
    return rolled * (S_PER_H / (grid.interval_minutes * S_PER_MINUTE))


def _held_c(outdoor: Sequence[OutdoorReading], starts: Sequence[datetime]) -> NDArray[np.float64]:
    """Return the newest temperature at the start of each interval; NaN where it is too old."""
    found_c = np.full(len(starts), np.nan)
    position = -1
    for number, start in enumerate(starts):
        while position + 1 < len(outdoor) and outdoor[position + 1].at_utc <= start:
            position += 1
        if position >= 0 and start - outdoor[position].at_utc <= READING_HOLDS:
            found_c[number] = outdoor[position].outdoor_c
    return found_c


def _finding(
    overhead: Overhead,
    load: LoadSeries,
    *,
    limit_ratio: float,
    metered_kw: float,
    expected_kw: float,
    length: int,
) -> Finding:
    ordinary_kw = overhead.window_residuals_kw(length)
    ordinary_90_kw = finite_sample_quantile(map(abs, ordinary_kw), LEVEL_RATIO)
    residual_ratio = (metered_kw - expected_kw) / metered_kw
    ordinary_90_ratio = None if ordinary_90_kw is None else ordinary_90_kw / overhead.site_kw_mean
    reasons = []
    if abs(residual_ratio) > limit_ratio:
        reasons.append(f"{residual_ratio:+.1%} of the metered load is left unexplained")
    if ordinary_90_ratio is not None and ordinary_90_ratio > limit_ratio:
        reasons.append(f"one ordinary window in ten leaves {ordinary_90_ratio:.1%} or more")
    limit = f"; expected at most {100 * limit_ratio:g}% unexplained, found that "
    beyond = limit + " and ".join(reasons) if reasons else ""
    hours = overhead.hourly_bias_ratio
    worst = int(np.nanargmax(np.abs(hours)))
    return Finding(
        code=FindingCode.RECONCILIATION_RESIDUAL_HIGH if reasons else FindingCode.SITE_RECONCILED,
        severity=Severity.WARNING if reasons else Severity.INFO,
        subject=_subject(load),
        message=f"over the event GPUs and overhead explain {expected_kw:.1f} kW of "
        f"{metered_kw:.1f} kW{beyond or f', {residual_ratio:+.2%} is left'}",
        evidence={
            "metered_kw_mean": metered_kw,
            "expected_kw_mean": expected_kw,
            "residual_ratio": residual_ratio,
            "limit_ratio": limit_ratio,
            "ordinary_window_90_ratio": ordinary_90_ratio,
            "window_count": len(ordinary_kw),
            "day_count": overhead.day_count,
            "bias_ratio": overhead.bias_ratio,
            "cv_rmse_ratio": overhead.cv_rmse_ratio,
            "mad_ratio": overhead.mad_ratio,
            "drift_ratio_per_week": overhead.drift_ratio_per_week,
            "worst_hour_utc": worst,
            "worst_hour_bias_ratio": float(hours[worst]),
            "terms": dict(zip(overhead.form.names, overhead.coefficients, strict=True)),
            "tau_minutes": overhead.form.tau_minutes,
            "threshold_c": overhead.form.threshold_c,
            "outdoor_temperature_known": not overhead.without_weather,
        },
    )


def _not_reconciled(load: LoadSeries, why: str) -> Finding:
    return Finding(
        code=FindingCode.SITE_NOT_RECONCILED,
        severity=Severity.INFO,
        subject=_subject(load),
        message=f"whether GPUs and meter agree in the event is not known: {why}",
    )


def _subject(load: LoadSeries) -> str:
    return f"meter {load.meter_id!r}"
