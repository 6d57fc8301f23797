"""``negawatt export``: the tables of a statement for a spreadsheet or another program.

Not here: what they hold (negawatt.pipelines.exports).
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.pipelines.exports.formats import Format, format_of
from negawatt.warehouse.layout import Layout

FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="The ending of --out by default, else xlsx."),
]


def export(
    event: Annotated[str, typer.Argument(help="A settled event.")],
    kind: FormatOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File or folder to write; by default below the warehouse's exports."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Version of the statement [the newest].")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Write the tables of an event's statement as XLSX, JSON, CSV or Parquet.

    Lines, payments, measures, baseline days, other methods, jobs, findings and decisions, each with
    its units. CSV and XLSX are for people, with local time beside UTC; JSON and Parquet keep every
    digit and name. An empty cell is not known.

    Example: negawatt export srp-hold --warehouse negawatt-data/phoenix --format json --out srp.json
    """
    from negawatt.pipelines.exports.export import (  # noqa: PLC0415 - Polars takes long
        event_export,
        read_statement,
        write_export,
    )

    layout = Layout(warehouse)
    statement = read_statement(layout, event, version)
    name = f"{statement.body.statement_id}-v{statement.statement_version}"
    wanted = format_of(kind, out)
    path = out or layout.export_path(f"{name}{wanted.suffix}")
    files = write_export(event_export(layout, statement), wanted, path)
    facts = {
        "files": sorted(map(str, files)),
        "statement_digest": statement.statement_digest,
        "statement_id": statement.body.statement_id,
        "statement_version": statement.statement_version,
    }
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    typer.echo(f"version {statement.statement_version} of {statement.body.statement_id}")
    typer.echo("\n".join(f"    {file}" for file in sorted(map(str, files))))
