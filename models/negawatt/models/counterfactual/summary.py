"""A counterfactual as figures: interval by interval, and what the reduction is made of.

Here: means over intervals and over the event, at the GPUs or at the meter. Not here: how the
figures came about (job_aware.py), and how they are printed.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.job_aware import Counterfactual
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.uncertainty.fleet_band import FleetBand

_HOUR = 60


class Scope(StrEnum):
    """Where power is counted."""

    SITE = "site"
    GPU = "gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPart:
    """One job's mean part in the event's change at the GPUs.

    Attributes:
        job_id: The job.
        job_class: Its class.
        tier: How flexible it is.
        gpu_count: GPUs that it asks for.
        change_kw: Power that it would have drawn more [kW].
        half_width_kw: Half of the 90 % interval of that [kW]; the jobs' together give the fleet's.
        by_mechanism_kw: The same change by mechanism [kW].
        source: What its level rests on.
    """

    job_id: str
    job_class: str
    tier: int
    gpu_count: int
    change_kw: float
    half_width_kw: float
    by_mechanism_kw: dict[str, float]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an event's reduction is made of; every figure is a mean over the event.

    Attributes:
        scope: Where power is counted.
        actual_kw: What was drawn [kW].
        expected_kw: What would have been drawn [kW].
        reduction_kw: The difference [kW].
        lower_kw: Lower edge of the 90 % interval of the reduction [kW].
        upper_kw: Its upper edge [kW].
        at_least_kw: The reduction was at least this with 90 % confidence [kW].
        reduction_kwh: The reduction as energy [kWh].
        by_mechanism_kw: Its parts at the GPUs [kW], by mechanism.
        hosts_and_cooling_kw: Its part beyond the GPUs [kW], 0 at the GPUs.
        storage_kw: Its part from batteries and generators [kW], 0 at the GPUs.
        elsewhere_kw: What the operator's other sites drew more than in the hour before [kW], by
            site.
        jobs: The jobs, the largest part first.
        band: How the interval is made up.
    """

    scope: Scope
    actual_kw: float
    expected_kw: float
    reduction_kw: float
    lower_kw: float
    upper_kw: float
    at_least_kw: float
    reduction_kwh: float
    by_mechanism_kw: dict[str, float]
    hosts_and_cooling_kw: float
    storage_kw: float
    elsewhere_kw: dict[str, float]
    jobs: tuple[JobPart, ...]
    band: FleetBand


def interval_frame(
    found: Counterfactual, fleet: Fleet, *, scope: Scope, interval_minutes: int
) -> pl.DataFrame:
    """Return the estimate interval by interval.

    The band is the event's: the mean of its edges is the interval of the event's mean, and a
    single interval may stray further.

    Args:
        found: The counterfactual.
        fleet: Its fleet.
        scope: Where power is counted.
        interval_minutes: Length of the intervals [min]; the event must be a whole number of them.

    Returns:
        Columns ts (start), cf_kw, lo_kw and hi_kw [kW], one row for each interval of the event.

    Raises:
        DataRefusedError: The event is no whole number of intervals, or the site's meter is asked
            for and its response is not known.
    """
    expected_kw, _, band = _series(found, scope)
    minutes = len(expected_kw)
    if minutes % interval_minutes:
        raise DataRefusedError(
            thing=f"intervals of {interval_minutes} min",
            expected=f"a length that divides the event's {minutes} min",
            found=f"{minutes / interval_minutes:.2f} intervals",
            remedy="choose another length",
        )
    means_kw = expected_kw.reshape(-1, interval_minutes).mean(axis=1)
    starts = [
        fleet.at(found.event.start_minute + index * interval_minutes)
        for index in range(len(means_kw))
    ]
    return pl.DataFrame(
        {
            "ts": pl.Series(starts, dtype=pl.Datetime("ms", "UTC")),
            "cf_kw": means_kw,
            "lo_kw": means_kw - band.half_width_kw,
            "hi_kw": means_kw + band.half_width_kw,
        }
    )


def summarize(found: Counterfactual, fleet: Fleet, *, scope: Scope) -> Summary:
    """Return what an event's reduction is made of.

    Raises:
        DataRefusedError: The site's meter is asked for and its response is not known.
    """
    expected_kw, actual_kw, band = _series(found, scope)
    reduction_kw = float(expected_kw.mean() - actual_kw.mean())
    in_event = found.in_event
    gpu_kw = float(found.gpu_change.change_kw[in_event].mean())
    storage_kw = float(found.storage_change_kw[in_event].mean()) if scope is Scope.SITE else 0.0
    return Summary(
        scope=scope,
        actual_kw=float(actual_kw.mean()),
        expected_kw=float(expected_kw.mean()),
        reduction_kw=reduction_kw,
        lower_kw=reduction_kw - band.half_width_kw,
        upper_kw=reduction_kw + band.half_width_kw,
        at_least_kw=reduction_kw - band.one_sided_kw,
        reduction_kwh=reduction_kw * len(expected_kw) / _HOUR,
        by_mechanism_kw={
            mechanism.value: float(change_kw[in_event].mean())
            for mechanism, change_kw in found.gpu_change.by_mechanism_kw().items()
        },
        hosts_and_cooling_kw=reduction_kw - gpu_kw - storage_kw if scope is Scope.SITE else 0.0,
        storage_kw=storage_kw,
        elsewhere_kw=_elsewhere_kw(found, fleet),
        jobs=_jobs(found, fleet),
        band=band,
    )


def _series(
    found: Counterfactual, scope: Scope
) -> tuple[NDArray[np.float64], NDArray[np.float64], FleetBand]:
    """Return what would have been drawn in the event and what was [kW], and the band."""
    in_event = found.in_event
    if scope is Scope.GPU:
        actual_kw = found.gpu_kw[in_event]
        return actual_kw + found.gpu_change.change_kw[in_event], actual_kw, found.gpu_band
    if found.site_change_kw is None or found.meter_kw is None or found.site_band is None:
        raise DataRefusedError(
            thing="scope site",
            expected="a site meter whose response to the GPUs is known",
            found="; ".join(found.findings) or "none",
            remedy="give site_meter with at least three days of history, or ask for --scope gpu",
        )
    actual_kw = found.meter_kw[in_event]
    return actual_kw + found.site_change_kw[in_event], actual_kw, found.site_band


def _jobs(found: Counterfactual, fleet: Fleet) -> tuple[JobPart, ...]:
    parts = []
    for change, half_width_kw in zip(
        found.gpu_change.jobs, found.job_half_widths_kw.tolist(), strict=True
    ):
        job = fleet.jobs[change.job]
        by_mechanism_kw = {
            mechanism.value: float(kw[found.in_event].mean())
            for mechanism, kw in change.change_kw.items()
        }
        parts.append(
            JobPart(
                job_id=job.job_id,
                job_class=job.job_class,
                tier=job.tier,
                gpu_count=job.gpu_count,
                change_kw=sum(by_mechanism_kw.values()),
                half_width_kw=half_width_kw,
                by_mechanism_kw=by_mechanism_kw,
                source=change.source,
            )
        )
    return tuple(sorted(parts, key=lambda part: (-abs(part.change_kw), part.job_id)))


def _elsewhere_kw(found: Counterfactual, fleet: Fleet) -> dict[str, float]:
    event, first = found.event, found.first_minute
    return {
        site: float(
            np.nanmean(power_kw[event.start_minute : event.end_minute])
            - np.nanmean(power_kw[max(0, first - S_PER_MINUTE) : first])
        )
        for site, power_kw in fleet.other_sites_kw.items()
    }
