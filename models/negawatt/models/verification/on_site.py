"""Generation and storage behind the meter, kept apart from load that was given up.

A meter falls as well when a battery discharges. Here: the reduction of the load itself, by the same
rule, beside that of the meter. Not here: which of them a program pays.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import Context, OnSiteKind, OnSiteMeter


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSiteOutput:
    """One meter behind the settlement meter in the event.

    Attributes:
        meter_id: The meter.
        kind: Generation or storage.
        event_kwh: What it gave in the event [kWh], negative where charged; None where not known.
    """

    meter_id: str
    kind: OnSiteKind
    event_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSite:
    """What stood behind the meter, and the reduction with and without it.

    Attributes:
        is_declared: Somebody said what stands behind the meter, if only that nothing does.
        counts: The program counts it as reduction; None where nobody said so.
        outputs: Each declared meter, by name.
        metered_reduction_kwh: Reduction at the meter, with all of it [kWh].
        load_reduction_kwh: Reduction of the load itself, meter and outputs added up, by the same
            rule [kWh]; None where it cannot be computed.
        on_site_reduction_kwh: The first less the second [kWh]: what generation and storage gave.
        note: Why a figure is missing.
        findings: STORAGE_DISCHARGED where storage gave energy that the program does not count.
    """

    is_declared: bool
    counts: bool | None = None
    outputs: tuple[OnSiteOutput, ...] = ()
    metered_reduction_kwh: float | None = None
    load_reduction_kwh: float | None = None
    on_site_reduction_kwh: float | None = None
    note: str = ""
    findings: tuple[Finding, ...] = ()


def on_site_of(
    reduction_kwh: float | None,
    load: LoadSeries,
    event: Interval,
    context: Context,
    baseline_of: Callable[[LoadSeries], BaselineResult],
) -> OnSite:
    """Compute the reduction of the load itself, as if nothing stood behind the meter.

    Args:
        reduction_kwh: The settled reduction [kWh], None where not known.
        load: Load at the settlement meter.
        event: The event window.
        context: What was declared.
        baseline_of: Computes the event's baseline of a load by the settled rule, or raises
            DataRefusedError.
    """
    if context.on_site is None:
        return OnSite(is_declared=False, metered_reduction_kwh=reduction_kwh)
    meters = sorted(context.on_site, key=lambda meter: meter.meter_id)
    outputs = tuple(_output(meter, event) for meter in meters)
    own_kwh, note = _load_reduction_kwh(load, meters, baseline_of)
    return OnSite(
        is_declared=True,
        counts=context.counts_on_site,
        outputs=outputs,
        metered_reduction_kwh=reduction_kwh,
        load_reduction_kwh=own_kwh,
        on_site_reduction_kwh=None
        if reduction_kwh is None or own_kwh is None
        else reduction_kwh - own_kwh,
        note=note,
        findings=() if context.counts_on_site else tuple(map(_discharged, _storage(outputs))),
    )


def _output(meter: OnSiteMeter, event: Interval) -> OnSiteOutput:
    event_kwh = None
    if meter.output is not None and meter.output.enclosing(event) == event:
        energy_kwh = meter.output.energy_kwh_in(event)
        event_kwh = None if np.isnan(energy_kwh).any() else math.fsum(energy_kwh)
    return OnSiteOutput(meter_id=meter.meter_id, kind=meter.kind, event_kwh=event_kwh)


def _load_reduction_kwh(
    load: LoadSeries,
    meters: list[OnSiteMeter],
    baseline_of: Callable[[LoadSeries], BaselineResult],
) -> tuple[float | None, str]:
    """Return the reduction of meter and outputs together, or why there is none."""
    energy_kwh, whole = load.energy_kwh, Interval(load.start_utc, load.end_utc)
    for meter in meters:
        if meter.output is None:
            return None, f"meter {meter.meter_id!r} is declared, and was not measured"
        if meter.output.interval_minutes != load.interval_minutes:
            return None, f"meter {meter.meter_id!r} has intervals of another length"
        energy_kwh = energy_kwh + meter.output.energy_kwh_in(whole)
    try:
        result = baseline_of(replace(load, energy_kwh=energy_kwh))
    except DataRefusedError as error:
        return None, str(error)
    if np.isnan(result.reduction_kwh).any():
        return None, "energy or baseline of an interval is not known"
    return math.fsum(result.reduction_kwh), ""


def _storage(outputs: tuple[OnSiteOutput, ...]) -> list[OnSiteOutput]:
    return [
        output
        for output in outputs
        if output.kind is OnSiteKind.STORAGE
        and output.event_kwh is not None
        and output.event_kwh > 0
    ]


def _discharged(output: OnSiteOutput) -> Finding:
    return Finding(
        code=FindingCode.STORAGE_DISCHARGED,
        severity=Severity.WARNING,
        subject=f"meter {output.meter_id!r}",
        message="storage behind the meter gave energy in the event, and the program is not known "
        "to count it as reduction",
        evidence={"event_kwh": output.event_kwh},
    )
