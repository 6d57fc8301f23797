"""``negawatt settle``: one event to its statement and report.

Not here: the settlement; this runs the same Dagster jobs that run on a schedule.
"""

import json
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.cli.words import settlement_words, statement_facts
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.lifecycle import Decision, DecisionKind
from negawatt.warehouse.layout import Layout


def settle(  # noqa: PLR0917 - one argument per option of the command
    event: Annotated[str, typer.Argument(help="Event to settle.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    override: Annotated[
        list[str] | None,
        typer.Option(help="CODE:SUBJECT:REASON, settle in spite of a blocking finding; repeat."),
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
    """Meter the days that an event looks at, settle it, publish its statement, write its report.

    Settling again publishes a new version only where the statement says something else. An
    interrupted run leaves the old version. What is final stays as it is until it is reopened; the
    statement of an event that was cancelled is voided. Overrides stand over later versions.

    Example: negawatt settle srp-hold --warehouse negawatt-data/phoenix
    """
    decided = [_override(text, by) for text in override or []]
    decision = _decision(by, final=final, reopen=reopen)
    from negawatt.pipelines import run  # noqa: PLC0415 - Dagster takes seconds to import
    from negawatt.pipelines.assets.out import OverrideConfig  # noqa: PLC0415 - as above

    layout = Layout(warehouse)
    if not metered:
        day_count = run.run_metering_for_event(layout, event)
        typer.echo(f"metered {day_count} site days", err=True)
    overrides = [OverrideConfig(**decision) for decision in decided]
    statement = run.run_event_settlement(layout, event, overrides, decision=decision)
    folder = layout.report_folder(statement.body.statement_id)
    if json_output:
        facts = statement_facts(statement) | {"report": str(folder / "report.html")}
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    typer.echo(settlement_words(statement))
    typer.echo(f"report            {folder / 'report.html'}")


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
