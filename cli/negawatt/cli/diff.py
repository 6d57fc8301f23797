"""``negawatt diff``: two versions of a statement, or two statement files, side by side.

Not here: what differs (negawatt.models.settlement.comparison) and its words (diff_words.py).
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.diff_words import diff_document, diff_lines
from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.chain import require_chain
from negawatt.models.settlement.statement import Statement
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.statement_tables import statement_versions


def diff(
    event: Annotated[str, typer.Argument(help="A settled event, or a statement.json file.")],
    other: Annotated[
        Path | None, typer.Argument(help="A second statement.json, newer than the first.")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    versions: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Version numbers, older first [the last two]."),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Show what differs between two versions of a statement, and why.

    Figures come first, then the intervals, days, findings and decisions that moved. The versions of
    an event are checked to be one whole chain before.

    Example: negawatt diff srp-hold --versions 1 2 --warehouse negawatt-data/phoenix
    """
    if other is not None:
        old, new = _from_file(Path(event)), _from_file(other)
        between = [new]
    else:
        found = _versions(Layout(warehouse), event)
        numbers = versions or (len(found) - 1, len(found))
        old, new = (_version(found, event, number) for number in numbers)
        between = found[min(numbers) : max(numbers)]
    if json_output:
        typer.echo(json.dumps(diff_document(old, new, between), sort_keys=True))
        return
    for line in diff_lines(old, new, between):
        typer.echo(line)


def _versions(layout: Layout, event_id: str) -> list[Statement]:
    statement_id = find_event(layout, event_id).statement_id
    texts = statement_versions(layout, statement_id)["statement_json"]
    found = [from_json(text.encode()) for text in texts]
    require_chain(found)
    return found


def _version(found: list[Statement], event_id: str, number: int) -> Statement:
    if not 1 <= number <= len(found):
        raise DataRefusedError(
            thing=f"event {event_id!r}, version {number}",
            expected="two published versions to compare",
            found=f"{len(found)} published",
            remedy="settle it again after its inputs changed, or name other --versions",
        )
    return found[number - 1]


def _from_file(path: Path) -> Statement:
    try:
        return from_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            thing=f"statement file {str(path)!r}",
            expected="a readable file",
            found=error.strerror or "an unreadable one",
            remedy="correct the path",
        ) from error
