"""``negawatt restate``: every statement whose inputs changed, stated again.

Not here: the settlement; each runs as a job, as ``negawatt settle`` does.
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from negawatt.cli.options import (
    DEFAULT_WAREHOUSE,
    JsonOption,
    MonthOption,
    ProgramOption,
    SiteOption,
    WarehouseOption,
)
from negawatt.cli.progress import bar_shown
from negawatt.cli.text_table import table_lines
from negawatt.warehouse.layout import Layout

if TYPE_CHECKING:
    from negawatt.pipelines.restate import Restatement


def restate(
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    site: SiteOption = None,
    program: ProgramOption = None,
    month: MonthOption = None,
    metered: Annotated[
        bool, typer.Option("--metered", help="Compare with what is metered already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be stated; publish nothing.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """State again every statement whose inputs changed since it was issued, and only those.

    Readings that came since are metered first; with --metered nothing is. What is final is listed
    and left alone. A dry run meters too, and publishes nothing.

    Example: negawatt restate --month 2026-06 --dry-run
    """
    from negawatt.pipelines import run  # noqa: PLC0415 - Dagster takes seconds to import
    from negawatt.pipelines.resources import ClockResource  # noqa: PLC0415 - as above
    from negawatt.pipelines.restate import restate as restated  # noqa: PLC0415 - as above
    from negawatt.pipelines.selection import Selection, selected  # noqa: PLC0415 - as above

    layout = Layout(warehouse)
    selection = Selection(site_id=site, program_id=program, month=month)
    events = selected(layout, selection)
    stated = [one.event.event_id for one in events if one.statement]
    if not metered:
        day_count = run.run_metering_for_events(layout, stated)
        typer.echo(f"metered {day_count} site days", err=True)
    now_utc = ClockResource().now_utc()
    with bar_shown(len(events)) as advance:
        found = list(restated(layout, selection, now_utc, dry_run=dry_run, advance=advance))
    if json_output:
        facts = {"statements": len(stated), "dry_run": dry_run, "changed": list(map(_facts, found))}
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    for line in _lines(found):
        typer.echo(line)
    typer.echo(f"statements: {len(stated)}, from inputs that changed: {len(found)}")
    if dry_run:
        typer.echo("a dry run: nothing was published")


def _lines(found: "list[Restatement]") -> list[str]:
    if not found:
        return []
    heads = ("event", "version", "reduction kWh", "moved kWh", "outcome")
    rows = [
        (
            one.event_id,
            str(one.old.statement_version)
            if one.new is None
            else f"{one.old.statement_version} to {one.new.statement_version}",
            f"{one.old.body.totals.reduction_kwh}",
            "" if one.moved_kwh is None else f"{one.moved_kwh:+}",
            one.outcome.value,
        )
        for one in found
    ]
    lines = [*table_lines(heads, rows, right=(2, 3)), ""]
    for one in found:
        lines += [f"{one.event_id}: {cause}" for cause in one.causes]
        lines += [f"{one.event_id}: {one.message}"] if one.message else []
    return [*lines, ""]


def _facts(one: "Restatement") -> dict[str, object]:
    return {
        "event_id": one.event_id,
        "outcome": one.outcome.value,
        "old_version": one.old.statement_version,
        "new_version": None if one.new is None else one.new.statement_version,
        "old_reduction_kwh": str(one.old.body.totals.reduction_kwh),
        "moved_kwh": None if one.moved_kwh is None else str(one.moved_kwh),
        "causes": list(one.causes),
        "message": one.message or None,
    }
