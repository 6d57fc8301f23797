"""What an import does with what it read: seal what is new, and say what was done.

Not here: reading files (negawatt.warehouse.import_files), and commands (negawatt.cli.imports).
"""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from negawatt.cli.progress import rows_shown
from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.event_tables import with_revisions
from negawatt.warehouse.formats.nem12_days import NEM12_DAYS
from negawatt.warehouse.formats.parsed import REGISTERS
from negawatt.warehouse.import_files import Incoming
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import Sealed, seal_rows

_LISTED = 20
_COUNTED = {REGISTERS: "register_count", NEM12_DAYS: "nem12_day_count"}


def take_in(
    layout: Layout, site: str, file: Path, incoming: Incoming, *, dry_run: bool, json_output: bool
) -> None:
    """Seal what is new, say what was done, and end with exit code 4 where anything was refused."""
    table, rows = incoming.table, incoming.rows
    changed = 0
    if table == "raw_grid__events":
        rows = with_revisions(layout, site, rows)
        changed = rows.filter(rows["revision"] > 1).height
    with rows_shown(rows.height) as advance:
        sealed = seal_rows(layout, table, site, "import", rows, dry_run=dry_run, advance=advance)
    changed += sealed.changed_count
    beside = {
        name: seal_rows(layout, name, site, "import", more, dry_run=dry_run)
        for name, more in ((REGISTERS, incoming.registers), (NEM12_DAYS, incoming.days))
        if more is not None and not more.is_empty()
    }
    if json_output:
        facts = _facts(incoming, sealed, changed, dry_run=dry_run)
        counts = {_COUNTED[name]: one.row_count for name, one in beside.items()}
        typer.echo(json.dumps(facts | counts))
    else:
        _say(incoming, sealed, changed, dry_run=dry_run)
        for name, one in beside.items():
            typer.echo(_line(name, one, one.changed_count, dry_run=dry_run))
    if incoming.refused:
        raise DataRefusedError(
            thing=f"file {file}",
            expected="a file without broken parts",
            found=f"{len(incoming.refused)} that are refused, the first at "
            f"{incoming.refused[0].place}: {incoming.refused[0].reason}",
            remedy="the rest was read; correct them and import the file again",
        )


def _facts(incoming: Incoming, sealed: Sealed, changed: int, *, dry_run: bool) -> dict[str, object]:
    return {
        "table": incoming.table,
        "dry_run": dry_run,
        "row_count": sealed.row_count,
        "changed_count": changed,
        "known_count": sealed.known_count,
        "written": [str(path) for path in sealed.written],
        "refused": [asdict(one) for one in incoming.refused],
        "left_out": [asdict(one) for one in incoming.left_out],
    }


def _line(table: str, sealed: Sealed, changed: int, *, dry_run: bool) -> str:
    if not sealed.written:
        return f"{table}: nothing new"
    would_be = "would be " if dry_run else ""
    changes = f", {changed} of them changed" if changed else ""
    return f"{table}: {sealed.row_count} rows {would_be}in {len(sealed.written)} new files{changes}"


def _say(incoming: Incoming, sealed: Sealed, changed: int, *, dry_run: bool) -> None:
    typer.echo(_line(incoming.table, sealed, changed, dry_run=dry_run))
    for title, parts in (("refused", incoming.refused), ("left out", incoming.left_out)):
        for one in parts[:_LISTED]:
            typer.echo(f"{title:10}{one.place}: {one.reason}")
        if len(parts) > _LISTED:
            typer.echo(f"{title:10}... {len(parts)} in all; --json lists them")
