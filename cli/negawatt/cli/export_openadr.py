"""``negawatt export-openadr``: a statement as the report that a VTN takes, written or sent.

Not here: what a report says (negawatt.pipelines.exports.openadr_report), and HTTP
(negawatt.collectors.openadr.vtn).
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption, WriteNothingOption
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.openadr.config import VtnConfig, load_openadr_config
from negawatt.collectors.openadr.spec import ReportRequest, read_object
from negawatt.collectors.openadr.vtn import Vtn, VtnError
from negawatt.models.domain.errors import ConfigurationError, DeviceMissingError
from negawatt.pipelines.exports.export import read_statement
from negawatt.pipelines.exports.openadr_report import Addressee, asked_by, openadr_report
from negawatt.pipelines.exports.report import event_load
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.sites import read_site


def export_openadr(
    event: Annotated[str, typer.Argument(help="A settled event.")],
    *,
    client_name: Annotated[
        str | None, typer.Option("--as", help="Our name at the VTN [that of --send].")
    ] = None,
    resource: Annotated[
        str | None, typer.Option(help="The VTN's name of the load [the site's].")
    ] = None,
    vtn_event: Annotated[
        str | None, typer.Option(help="The VTN's id of the event [that of its message].")
    ] = None,
    vtn_interval: Annotated[
        int | None, typer.Option(help="The VTN's id of its interval; goes with --vtn-event.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; by default below the warehouse's exports."),
    ] = None,
    send: Annotated[
        Path | None,
        typer.Option(help="Send it as well: the file of `negawatt listen openadr`."),
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: WriteNothingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write the newest statement of an event as an OpenADR 3.1 report, and send it with --send.

    Usage, baseline, their difference, demand and data quality of each settled interval, in KWH and
    KW, with accuracy and confidence where the statement has a band. Sent again it takes the place
    of the one before.

    Example: negawatt export-openadr srp-hold --as ven-1 --vtn-event event-999 --vtn-interval 0
    """
    vtn = load_openadr_config(send).vtn if send else None
    name = client_name or (vtn.client_name if vtn else None)
    if name is None:
        raise ConfigurationError(
            thing="--as",
            expected="our name at the VTN",
            found="neither --as nor --send",
            remedy="add --as NAME, or --send CONFIG",
        )
    layout = Layout(warehouse)
    statement = read_statement(layout, event)
    asked = statement.body.event
    vtn_id, interval_id = _named(vtn_event, vtn_interval) or asked_by(layout, asked)
    report = openadr_report(
        statement,
        event_load(layout, statement, read_site(layout, asked.site_id)),
        Addressee(
            vtn_event_id=vtn_id,
            interval_id=interval_id,
            client_name=name,
            resource_name=resource or asked.site_id,
        ),
    )
    text = json.dumps(report, indent=2)
    read_object(ReportRequest, text)  # what is not of the document never leaves
    version = f"{statement.body.statement_id}-v{statement.statement_version}"
    path = out or layout.export_path(f"{version}-openadr.json")
    if not dry_run:
        with appearing_file(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    facts = {
        "dry_run": dry_run,
        "file": str(path),
        "statement_digest": statement.statement_digest,
        "statement_version": statement.statement_version,
        "vtn_event_id": vtn_id,
        "report_id": _sent(vtn, report) if vtn and not dry_run else None,
    }
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    would_be = " would be" if dry_run else ""
    version = f"version {statement.statement_version} of {event} for event {vtn_id}"
    typer.echo(f"{version}{would_be} in {path}")
    if vtn:
        named = "" if dry_run else f" as report {facts['report_id']}"
        typer.echo(f"{would_be.strip()} sent to {vtn.url}{named}".strip())


def _named(vtn_event: str | None, vtn_interval: int | None) -> tuple[str, int] | None:
    """Return the VTN's ids of an event and of its interval; None where neither was named."""
    if vtn_event is not None and vtn_interval is not None:
        return vtn_event, vtn_interval
    if vtn_event is None and vtn_interval is None:
        return None
    raise ConfigurationError(
        thing="--vtn-event",
        expected="--vtn-event and --vtn-interval together: an event has one interval or more",
        found="--vtn-interval alone" if vtn_event is None else "no --vtn-interval",
        remedy="add the other one, as the VTN's event has it, or leave out both",
    )


def _sent(config: VtnConfig, report: Mapping[str, Any]) -> str:
    async def send() -> str:
        async with Vtn(config, SystemClock()) as vtn:
            return await vtn.report(report)

    try:
        return asyncio.run(send())
    except VtnError as error:
        raise DeviceMissingError(
            thing=f"VTN {config.url}",
            expected="that it takes the report",
            found=str(error),
            remedy="correct [vtn] in the configuration, or ask the VTN's operator; then send again",
        ) from error
