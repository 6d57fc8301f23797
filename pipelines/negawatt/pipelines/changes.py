"""What changed inside the inputs of a statement since a version, in words: rows counted by day.

Here: reading the rows that a version cites and holding them against those of now. Not here: which
input changed, which their digests say (negawatt.models.settlement.causes).
"""

from typing import Final

import polars as pl

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.causes import changed_inputs, input_digests
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.settlement import GatheredInputs, gather_inputs
from negawatt.warehouse.catalog import table
from negawatt.warehouse.delta_tables import read_kept
from negawatt.warehouse.layout import Layout

MOST_DAYS: Final = 5
_START: Final = "interval_start_utc"


def changes_of(layout: Layout, event_id: str, statement: Statement) -> tuple[str, ...]:
    """Return what a statement was computed from and changed since, in words; nothing is settled."""
    try:
        gathered = gather_inputs(layout, event_id)
    except NegawattError as error:
        return (
            f"what it was computed from cannot be read any more ({error.thing}: {error.found})",
        )
    words = changes_since(layout, statement, gathered)
    names = changed_inputs(input_digests(statement.body), gathered.inputs.input_sha256)
    return tuple(f"{name}: {words.get(name, 'other content')}" for name in names)


def changes_since(
    layout: Layout, latest: Statement | None, gathered: GatheredInputs
) -> dict[str, str]:
    """Return what changed in each Delta table that was read, in words, by the table's name.

    The rows of now are held against the rows that the version cites, over the span that is read
    now. Tables whose earlier rows are no longer kept are left out.

    Args:
        layout: Where the warehouse lies.
        latest: The version that is compared with, if there is one.
        gathered: What is read now.
    """
    if latest is None:
        return {}
    words = {}
    for name in changed_inputs(input_digests(latest.body), gathered.inputs.input_sha256):
        if name in gathered.reads:
            now = gathered.snapshots[name].frame
            before = _as_cited(layout, latest, gathered, name)
            if before is not None:
                words[name] = _words(name, before, now)
    return words


def _as_cited(
    layout: Layout, latest: Statement, gathered: GatheredInputs, name: str
) -> pl.DataFrame | None:
    cited = latest.provenance.table_versions.get(name)
    if cited is None:  # the table did not exist
        return gathered.snapshots[name].frame.clear()
    return read_kept(layout, name, cited, gathered.reads[name])


def _words(name: str, before: pl.DataFrame, now: pl.DataFrame) -> str:
    """Return how many rows came, went or changed, and on which days."""
    gone = before.join(now, on=before.columns, how="anti", nulls_equal=True)
    come = now.join(before, on=now.columns, how="anti", nulls_equal=True)
    rows = pl.concat([gone, come]).unique(subset=table(name).key)
    if rows.is_empty():
        return "another span of it is read; no row of the span changed"
    what = "interval" if _START in rows.columns else "row"
    return f"{rows.height} {what}{'' if rows.height == 1 else 's'}{_on_days(rows)}"


def _on_days(rows: pl.DataFrame) -> str:
    if "date" not in rows.columns:
        return ""
    days = sorted(set(rows["date"].to_list()))
    more = f" and {len(days) - MOST_DAYS} more days" if len(days) > MOST_DAYS else ""
    return f" on {', '.join(map(str, days[:MOST_DAYS]))}{more}"
