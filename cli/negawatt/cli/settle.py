"""``negawatt settle``: events to their statements and reports.

Not here: the settlement; this runs the same Dagster jobs that run on a schedule.
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
from negawatt.cli.progress import settlements_shown
from negawatt.cli.text_table import table_lines
from negawatt.cli.words import settlement_words, statement_facts
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, NegawattError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.lifecycle import Decision, DecisionKind
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout

if TYPE_CHECKING:
    from negawatt.pipelines.many import Settled


def settle(  # noqa: PLR0917 - one argument per option of the command
    events: Annotated[
        list[str] | None, typer.Argument(help="Events to settle; several are settled in one run.")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    site: SiteOption = None,
    program: ProgramOption = None,
    month: MonthOption = None,
    override: Annotated[
        list[str] | None,
        typer.Option(
            help="CODE:SUBJECT:REASON, settle in spite of a finding that blocks, or attribute in "
            "spite of one that withholds; repeat."
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="Who decides; recorded in the statement.")] = "",
    final: Annotated[
        bool, typer.Option("--final", help="Declare the statement final, as it was published last.")
    ] = False,
    reopen: Annotated[
        str | None, typer.Option(metavar="REASON", help="Restate a final statement; say why.")
    ] = None,
    metered: Annotated[
        bool, typer.Option("--metered", help="Settle from what is metered already.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Meter the days that events look at, settle them, publish statements, write reports.

    Name the events, or choose them by site, program and month. One that is refused stops no other.

    Settling again publishes a new version only where the statement says something else. An
    interrupted run leaves the old version. What is final stays as it is until it is reopened; the
    statement of an event that was cancelled is voided. Overrides stand over later versions.

    Example: negawatt settle srp-hold --warehouse negawatt-data/phoenix
    """
    decided = [_override(text, by) for text in override or []]
    decision = _decision(by, final=final, reopen=reopen)
    named = tuple(dict.fromkeys(events or ()))
    chosen = (site, program, month) != (None, None, None)
    if bool(named) == chosen or (len(named) != 1 and (decided or decision)):
        raise ConfigurationError(
            thing="events to settle",
            expected="names, or --site, --program, --month; one name where a person decides",
            found=f"{len(named)} names{' and a choice' if chosen else ''}",
            remedy="name them, as in `negawatt settle EVENT`, or choose them with --month 2026-06",
        )
    from negawatt.pipelines import run  # noqa: PLC0415 - Dagster takes seconds to import
    from negawatt.pipelines.assets.out import OverrideConfig  # noqa: PLC0415 - as above

    layout = Layout(warehouse)
    if chosen:
        named = _chosen(layout, site=site, program=program, month=month)
    if len(named) != 1:
        _say_many(_settled(layout, named, metered=metered), json_output=json_output)
        return
    if not metered:
        day_count = run.run_metering_for_events(layout, named)
        typer.echo(f"metered {day_count} site days", err=True)
    overrides = [OverrideConfig(**decision) for decision in decided]
    statement = run.run_event_settlement(layout, named[0], overrides, decision=decision)
    folder = layout.report_folder(statement.body.statement_id)
    if json_output:
        facts = statement_facts(statement) | {"report": str(folder / "report.html")}
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    typer.echo(settlement_words(statement))
    typer.echo(f"report            {folder / 'report.html'}")


def _chosen(
    layout: Layout, *, site: str | None, program: str | None, month: str | None
) -> tuple[str, ...]:
    from negawatt.pipelines.selection import Selection, selected  # noqa: PLC0415 - as above

    chosen = selected(layout, Selection(site_id=site, program_id=program, month=month))
    # An event that was cancelled before it was ever settled has nothing to void.
    found = tuple(one.event.event_id for one in chosen if one.statement or not one.event.cancelled)
    if not found:
        raise ConfigurationError(
            thing="--site, --program, --month",
            expected="a choice that some event meets",
            found=f"none of site {site!r}, program {program!r}, month {month!r}",
            remedy="ask which there are: negawatt sql 'SELECT * FROM raw_grid__events'",
        )
    return found


def _settled(layout: Layout, named: tuple[str, ...], *, metered: bool) -> "list[Settled]":
    """Meter each site and settle the events of those whose days could be metered."""
    from negawatt.pipelines import run  # noqa: PLC0415 - as above
    from negawatt.pipelines.many import Settled  # noqa: PLC0415 - as above

    of_site: dict[str, list[str]] = {}
    for event_id in named:
        of_site.setdefault(find_event(layout, event_id).site_id, []).append(event_id)
    refused = []
    for site_id, events in () if metered else of_site.items():
        try:
            day_count = run.run_metering_for_events(layout, events)
        except NegawattError as error:
            refused += [Settled(event_id=one, refusal=str(error)) for one in events]
        else:
            typer.echo(f"metered {day_count} days of {site_id}", err=True)
    left = [one for one in named if one not in {each.event_id for each in refused}]
    with settlements_shown(len(left)):
        return refused + (run.run_many_settlements(layout, left) if left else [])


def _say_many(settled: "list[Settled]", *, json_output: bool) -> None:
    refused = [one for one in settled if one.refusal]
    stated = [one.statement for one in settled if one.statement is not None]
    if json_output:
        facts = {
            "settled": [statement_facts(one) for one in stated],
            "refused": {one.event_id: one.refusal for one in refused},
        }
        typer.echo(json.dumps(facts, sort_keys=True))
    else:
        heads = ("event", "version", "reduction kWh", "baseline verdict", "cap verdict")
        rows = [
            (
                one.body.event.event_id,
                f"{one.statement_version} {one.stage.value}",
                str(one.body.totals.reduction_kwh),
                one.body.verdicts.baseline.outcome.value,
                one.body.verdicts.cap.outcome.value,
            )
            for one in stated
        ]
        for line in table_lines(heads, rows, right=(2,)) if rows else ():
            typer.echo(line)
        for refusal in refused:
            typer.echo(f"{refusal.event_id}: {refusal.refusal}")
    if refused:
        raise DataRefusedError(
            thing=f"{len(refused)} of {len(settled)} events",
            expected="data that settles",
            found="refusals, listed above with their reasons",
            remedy="mend what they name and settle these events again",
        )


def _override(text: str, by: str) -> dict[str, str]:
    code, _, rest = text.partition(":")
    subject, _, reason = rest.rpartition(":")
    if code not in set(FindingCode) or not subject or not reason or not by:
        raise ConfigurationError(
            thing=f"override {text!r}",
            expected="CODE:SUBJECT:REASON with a known finding code, and --by NAME",
            found=f"code {code!r}, subject {subject!r}, reason {reason!r}, by {by!r}",
            remedy="copy code and subject from the message that refused the settlement",
        )
    return {"finding_code": code, "subject": subject, "reason": reason, "decided_by": by}


def _decision(by: str, *, final: bool, reopen: str | None) -> Decision | None:
    if not final and reopen is None:
        return None
    if not by.strip() or (final and reopen is not None) or not (final or reopen):
        raise ConfigurationError(
            thing="--final or --reopen",
            expected="one of the two, a reason with --reopen, and --by NAME",
            found=f"final {final}, reopen {reopen!r}, by {by!r}",
            remedy="say who decides: --final --by NAME, or --reopen REASON --by NAME",
        )
    kind = DecisionKind.FINALIZE if final else DecisionKind.REOPEN
    return Decision(kind=kind, decided_by=by, reason=reopen or "")
