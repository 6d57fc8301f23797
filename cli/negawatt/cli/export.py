"""``negawatt export``: the tables of a statement for a spreadsheet or another program.

Not here: what they hold (negawatt.pipelines.exports).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption, WriteNothingOption
from negawatt.models.domain.errors import ConfigurationError
from negawatt.pipelines.exports.formats import Format, format_of
from negawatt.warehouse.layout import Layout, appearing_file

if TYPE_CHECKING:
    from negawatt.models.settlement.statement import Statement

FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="The ending of --out by default, else xlsx."),
]


def export(
    event: Annotated[str, typer.Argument(help="A settled event.")],
    *,
    kind: FormatOption = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Write a utility's own layout: a TOML file, or a built-in sample."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File or folder to write; by default below the warehouse's exports."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Version of the statement [the newest].")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: WriteNothingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write the tables of an event's statement as XLSX, JSON, CSV or Parquet.

    Lines, payments, measures, baseline days, other methods, jobs, findings and decisions, each with
    its units. CSV and XLSX are for people, with local time beside UTC; JSON and Parquet keep every
    digit and name. An empty cell is not known. With --profile the statement becomes the one file
    that a utility takes; every figure that its layout rounds is reported.

    Example: negawatt export srp-hold --warehouse negawatt-data/phoenix --format json --out srp.json
    """
    from negawatt.pipelines.exports.export import (  # noqa: PLC0415 - Polars takes long
        event_export,
        read_statement,
        write_export,
    )

    if profile is not None and kind is not None:
        raise ConfigurationError(
            thing="--profile with --format",
            expected="one of them",
            found="both",
            remedy="leave --format out: the profile says how its file is written",
        )
    layout = Layout(warehouse)
    statement = read_statement(layout, event, version)
    name = f"{statement.body.statement_id}-v{statement.statement_version}"
    facts: dict[str, Any] = {
        "dry_run": dry_run,
        "statement_digest": statement.statement_digest,
        "statement_id": statement.body.statement_id,
        "statement_version": statement.statement_version,
    }
    if profile is not None:
        path = out or layout.export_path(f"{name}-{Path(profile).stem}.csv")
        with _place(path, dry_run=dry_run) as place:
            facts |= {"files": [str(path)]} | _upload(statement, profile, place)
    else:
        wanted = format_of(kind, out)
        path = out or layout.export_path(f"{name}{wanted.suffix}")
        with _place(path, dry_run=dry_run) as place:
            files = write_export(event_export(layout, statement), wanted, place)
            facts["files"] = sorted(
                str(path.parent / one.relative_to(place.parent)) for one in files
            )
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    typer.echo("\n".join(_words(facts)))


@contextmanager
def _place(path: Path, *, dry_run: bool) -> Iterator[Path]:
    """Yield where to write: there, or in a dry run where it is thrown away."""
    if not dry_run:
        yield path
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / path.name


def _upload(statement: "Statement", profile: str, path: Path) -> dict[str, Any]:
    """Write a utility's file and return what there is to say of it."""
    from negawatt.pipelines.exports.upload import upload_file  # noqa: PLC0415 - as above
    from negawatt.pipelines.exports.upload_profile import (  # noqa: PLC0415 - as above
        find_upload_profile,
    )

    layout = find_upload_profile(profile)
    made = upload_file(statement, layout)
    with appearing_file(path) as temporary:
        temporary.write_bytes(made.content)
    return {
        "rows": made.row_count,
        "rounded": [
            {
                "heading": one.heading,
                "count": one.count,
                "largest": f"{one.largest:f}",
                "sum_change": f"{one.sum_change:f}",
            }
            for one in made.rounded
        ],
        "unverified": list(layout.unverified),
    }


def _words(facts: dict[str, Any]) -> Iterator[str]:
    would_be = " would be in" if facts["dry_run"] else ""
    yield f"version {facts['statement_version']} of {facts['statement_id']}{would_be}"
    yield from (f"    {file}" for file in facts["files"])
    if "rows" not in facts:
        return
    yield f"{facts['rows']} rows"
    for one in facts["rounded"]:
        yield (
            f"rounded  {one['heading']}: {one['count']} figures by at most {one['largest']}, "
            f"their sum by {one['sum_change']}"
        )
    if not facts["rounded"]:
        yield "nothing was rounded"
    yield from (f"to check before it is sent: {fact}" for fact in facts["unverified"])
