"""``negawatt counterfactual``: what a fleet would have drawn in an event.

Here: options, the progress of the steps, the file and the words. Not here: the method
(negawatt.models.counterfactual) and the folder's format (negawatt.warehouse.fleet_folder).
"""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.fleet_input import read_fleet
from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.collectors.clock import SystemClock
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.counterfactual.job_aware import METHOD_ID, Counterfactual, job_aware
from negawatt.models.counterfactual.summary import Scope, Summary, interval_frame, summarize
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.event import Event
from negawatt.warehouse.estimate_tables import basis_digest, record_estimate
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout, appearing_file

_JOBS_SHOWN = 12
_STEPS = 4


def counterfactual(  # noqa: PLR0917 - one argument per option of the command
    folder: Annotated[
        Path, typer.Argument(help="Fleet folder: gpu_power, gpus, jobs, placements, events, ...")
    ],
    event: Annotated[
        str, typer.Option(help="Which event: last, or its place in events.json from 1.")
    ] = "last",
    scope: Annotated[
        Scope, typer.Option(help="Count power at the site's meter or at the GPUs.")
    ] = Scope.SITE,
    minutes: Annotated[int, typer.Option(min=1, help="Length of the intervals [min].")] = 15,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write: ts, cf_kw, lo_kw, hi_kw.")
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(metavar="EVENT", help="Record it beside this event of the warehouse."),
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Estimate what a fleet would have drawn in an event, and what its reduction is made of.

    Every job that control touched gets its own level and its own work, starts that were held are
    replayed through the queue, and everything else keeps its actual power. lo_kw and hi_kw are
    the 90 % band of the event's mean. Recorded beside an event, its next statement says whether
    the settled reduction lies in that band; it settles nothing.

    Example: negawatt counterfactual hall/public --event last --scope site --out est.parquet
    """
    registered = None if record is None else _registered(Layout(warehouse), record, scope)
    quiet = json_output or not sys.stderr.isatty()
    with typer.progressbar(
        length=_days(folder) + _STEPS, label="reading", hidden=quiet, file=sys.stderr
    ) as progress:
        fleet = read_fleet(folder, on_day=lambda: progress.update(1))
        chosen = _event(fleet, event)
        found = job_aware(fleet, chosen, on_step=lambda _: progress.update(1))
    summary = summarize(found, fleet, scope=scope)
    frame = interval_frame(found, fleet, scope=scope, interval_minutes=minutes)
    if out is not None:
        with appearing_file(out) as temporary:
            frame.write_parquet(temporary)
    if registered is not None:
        record_estimate(
            Layout(warehouse),
            registered,
            frame,
            method_id=METHOD_ID,
            basis_sha256=basis_digest(folder, f"{event} {scope} {minutes}"),
            available_at_utc=SystemClock().now_utc(),
        )
    if json_output:
        typer.echo(json.dumps(_facts(found, fleet, summary, out), allow_nan=False, default=str))
    else:
        typer.echo("\n".join(_words(found, fleet, summary, out)))
        if registered is not None:
            typer.echo(f"recorded          beside event {record}: settle it again to state it")


def _registered(layout: Layout, event_id: str, scope: Scope) -> Event:
    if scope is not Scope.SITE:
        raise ConfigurationError(
            thing="--record",
            expected="--scope site, where the event is settled",
            found=f"--scope {scope}",
            remedy="leave out --scope",
        )
    return find_event(layout, event_id)


def _days(folder: Path) -> int:
    return len(list((folder / "gpu_power").glob("*.parquet")))


def _event(fleet: Fleet, text: str) -> FleetEvent:
    if text == "last":
        return fleet.events[-1]
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= len(fleet.events):
        return fleet.events[int(text) - 1]
    raise ConfigurationError(
        thing="--event",
        expected=f"last, or a number from 1 to {len(fleet.events)}",
        found=repr(text),
        remedy="count the entries of events.json from 1",
    )


def _words(found: Counterfactual, fleet: Fleet, summary: Summary, out: Path | None) -> list[str]:
    event = found.event
    start, end = fleet.at(event.start_minute), fleet.at(event.end_minute)
    between = f"90 % interval {summary.lower_kw:.1f} to {summary.upper_kw:.1f} kW"
    where = "the site's meter" if summary.scope is Scope.SITE else "the GPUs"
    lines = [
        f"event             {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC, counted at {where}",
        f"would have drawn  {summary.expected_kw:.1f} kW",
        f"drew              {summary.actual_kw:.1f} kW",
        f"reduction         {summary.reduction_kw:.1f} kW ({summary.reduction_kwh:.1f} kWh), "
        + between,
        f"at least          {summary.at_least_kw:.1f} kW with 90 % confidence",
        "",
        "of the reduction, mean over the event",
    ]
    lines += [f"  {name:<20}{kw:>9.1f} kW" for name, kw in _parts(summary)]
    lines += _job_words(summary)
    lines += ["", *_basis(found, summary)]
    lines += [
        f"elsewhere         {s} drew {kw:+.1f} kW against the hour before: not deducted"
        for s, kw in summary.elsewhere_kw.items()
    ]
    lines += [f"note              {finding}" for finding in found.findings]
    return lines if out is None else [*lines, f"written           {out}"]


def _parts(summary: Summary) -> list[tuple[str, float]]:
    names = {
        "capped": "capped jobs",
        "paused": "paused jobs",
        "migrated": "migrated jobs",
        "held": "held starts",
        "ended": "ended later",
        "displaced": "started instead",
    }
    parts = [(names[name], kw + 0.0) for name, kw in summary.by_mechanism_kw.items()]
    if summary.scope is Scope.SITE:
        parts.append(("hosts and cooling", summary.hosts_and_cooling_kw))
    if summary.storage_kw:
        parts.append(("storage", summary.storage_kw))
    return parts


def _job_words(summary: Summary) -> list[str]:
    if not summary.jobs:
        return []
    shown = summary.jobs[:_JOBS_SHOWN]
    lines = ["", "jobs, the largest part first (at the GPUs)"]
    for part in shown:
        how = ", ".join(part.by_mechanism_kw)
        lines.append(
            f"  {part.job_id:<24}{part.job_class:<18}tier {part.tier}  {part.gpu_count:>4} GPUs"
            f"{part.change_kw:>9.2f} ± {part.half_width_kw:.2f} kW  {how}; level from {part.source}"
        )
    if len(summary.jobs) > len(shown):
        rest_kw = sum(part.change_kw for part in summary.jobs[_JOBS_SHOWN:])
        lines.append(f"  and {len(summary.jobs) - len(shown)} more{rest_kw:>57.2f} kW")
    return lines


def _basis(found: Counterfactual, summary: Summary) -> list[str]:
    band, fit = summary.band, found.policy
    chosen = f"by {fit.policy.order.value}, backfill {fit.policy.backfill.value}"
    within = f"busy GPUs within {fit.busy_error_gpus:.1f} over {fit.case_count} quiet windows"
    placebos = f"{band.placebo_kw:.1f} kW from {band.placebo_count} quiet windows"
    others = f"{band.held_kw:.1f} kW for held starts, {band.other_kw:.1f} kW for other errors"
    lines = [f"band              {placebos}, {others}", f"scheduler         {chosen}; {within}"]
    if band.reason:
        lines.append(f"wide because      {band.reason}")
    if found.response is not None and summary.scope is Scope.SITE:
        gain = found.response.gain_ratio(found.response.mean_temp_c)
        lines.append(
            f"meter             {gain:.3f} kW for each kW of GPUs, cooling follows in "
            f"{found.response.tau_minutes:.0f} min, {found.response.n_days} days"
        )
    return lines


def _facts(
    found: Counterfactual, fleet: Fleet, summary: Summary, out: Path | None
) -> dict[str, object]:
    event = found.event
    facts = asdict(summary)
    facts["band"] |= {"reason": summary.band.reason or None}
    return {
        "event_start_utc": fleet.at(event.start_minute).isoformat(),
        "event_end_utc": fleet.at(event.end_minute).isoformat(),
        **facts,
        "scheduler": {
            "order": found.policy.policy.order.value,
            "backfill": found.policy.policy.backfill.value,
            "patience_s": _known(found.policy.policy.patience_s),
            "busy_error_gpus": _known(found.policy.busy_error_gpus),
            "case_count": found.policy.case_count,
        },
        "inflation_ratio": _known(found.inflation.ratio) if found.inflation else None,
        "gain_ratio": found.response.gain_ratio(found.response.mean_temp_c)
        if found.response
        else None,
        "findings": found.findings,
        "output": None if out is None else str(out),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
