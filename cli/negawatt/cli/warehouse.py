"""``negawatt warehouse``: keeping a warehouse whole, small and open to other programs.

Not here: what is done (negawatt.warehouse.upkeep, negawatt.pipelines.audit).
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.cli.progress import bar_shown
from negawatt.cli.text_table import table_lines
from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse import upkeep
from negawatt.warehouse.connection import publish as write_views
from negawatt.warehouse.layout import Layout

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _warehouse() -> None:
    """Check a warehouse, join its small files, remove forgotten ones, open it to other programs."""


@app.command()
def check(warehouse: WarehouseOption = DEFAULT_WAREHOUSE, json_output: JsonOption = False) -> None:
    """Hold every file, row and statement against what it must be; exit 4 where anything is wrong.

    Sealed files against the digest in their name, rows against the catalog's types, keys and
    ranges, versions of statements against each other. Nothing is changed.

    Example: negawatt warehouse check --warehouse negawatt-data/demo
    """
    from negawatt.pipelines.audit import broken_statements  # noqa: PLC0415 - an extra

    layout = Layout(warehouse)
    parts = len(upkeep.files_to_check(layout))
    with bar_shown(parts) as advance:
        found = [*upkeep.damages(layout, advance=advance), *broken_statements(layout)]
    if json_output:
        typer.echo(json.dumps({"checked": parts, "wrong": list(map(str, found))}))
    else:
        for error in found:
            typer.echo(str(error))
        typer.echo(f"{parts} sealed files and partitions checked, {len(found)} things wrong")
    if found:
        raise DataRefusedError(
            thing=f"warehouse {warehouse}",
            expected="whole files, valid rows, statements that follow each other",
            found=f"{len(found)} things wrong, listed above",
            remedy="do what each of them says, and check again",
        )


@app.command()
def compact(
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE, json_output: JsonOption = False
) -> None:
    """Join small files of the core and out tables, so that questions are answered faster.

    No row changes, and what statements cite can still be read. Raw files stay as they were sealed.

    Example: negawatt warehouse compact --warehouse negawatt-data/demo
    """
    found = list(upkeep.compact(Layout(warehouse)))
    if json_output:
        facts = {one.name: [one.file_count_before, one.file_count_after] for one in found}
        typer.echo(json.dumps(facts))
        return
    rows = [(one.name, str(one.file_count_before), str(one.file_count_after)) for one in found]
    for line in table_lines(("table", "files before", "files now"), rows, right=(1, 2)):
        typer.echo(line)


@app.command()
def vacuum(
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    days: Annotated[
        int, typer.Option(min=0, help="Keep what became unused in these last days.")
    ] = upkeep.KEPT.days,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count; remove nothing.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Remove files that only older versions of tables hold.

    Versions that a statement cites stay, whatever their age. Run nothing else meanwhile with
    --days 0.

    Example: negawatt warehouse vacuum --days 90 --dry-run
    """
    found = dict(upkeep.vacuum(Layout(warehouse), kept=timedelta(days=days), dry_run=dry_run))
    if json_output:
        typer.echo(json.dumps({"removed": found, "dry_run": dry_run}))
        return
    rows = [(name, str(count)) for name, count in found.items()]
    head = "files to remove" if dry_run else "files removed"
    for line in table_lines(("table", head), rows, right=(1,)):
        typer.echo(line)


@app.command()
def publish(
    path: Annotated[Path, typer.Argument(help="DuckDB file to write.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
) -> None:
    """Write a DuckDB file with a view for every table, for any DuckDB client on this machine.

    It holds no rows: the views read the warehouse's files. Publish again after new settlements.

    Example: negawatt warehouse publish hall.duckdb --warehouse negawatt-data/demo
    """
    write_views(Layout(warehouse), path)
    typer.echo(f"views written to {path}")
