"""Settlement statements: published all at once, never changed.

The header row is what publishes a statement: lines whose header was never committed belong to
nobody, and the next publication of that statement removes them. Not here: what a statement says
(negawatt.models.settlement).
"""

from collections.abc import Mapping

import polars as pl

from negawatt.warehouse.catalog import conform
from negawatt.warehouse.delta_tables import append_rows, read_table, replace_partition
from negawatt.warehouse.layout import Layout

HEADERS = "out_settlement__statements"
LINES = "out_settlement__statement_lines"
PAYMENTS = "out_settlement__payment_lines"


def statement_versions(layout: Layout, statement_id: str) -> pl.DataFrame:
    """Return the published versions of a statement, oldest first."""
    return read_table(layout, HEADERS, pl.col("statement_id") == statement_id).frame


def latest_statement_json(layout: Layout, statement_id: str) -> str | None:
    """Return the newest published version as canonical JSON, None where there is none yet."""
    versions = statement_versions(layout, statement_id)
    return None if versions.is_empty() else versions["statement_json"][-1]


def newest_statements_json(layout: Layout) -> dict[str, str]:
    """Return the newest published version of every statement as canonical JSON, by its name."""
    rows = read_table(layout, HEADERS).frame
    newest = rows.group_by("statement_id", maintain_order=True).last()
    return dict(zip(newest["statement_id"], newest["statement_json"], strict=True))


def publish_statement(
    layout: Layout, header: pl.DataFrame, lines: Mapping[str, pl.DataFrame]
) -> None:
    """Publish one version: its lines first, then the header that makes them count.

    Args:
        layout: Where the warehouse lies.
        header: One row of out_settlement__statements.
        lines: The rows of that version in other tables, by table: those of LINES and PAYMENTS.

    Raises:
        DataRefusedError: A rule of the catalog is broken; nothing is written.
    """
    statement_id = header["statement_id"].item()
    published = statement_versions(layout, statement_id)["statement_version"].to_list()
    of_published = (pl.col("statement_id") == statement_id) & pl.col("statement_version").is_in(
        published
    )
    for table, rows in lines.items():
        kept = read_table(layout, table, of_published).frame
        every_line = pl.concat([kept, conform(table, rows)])
        if not every_line.is_empty():
            replace_partition(layout, table, {"statement_id": statement_id}, every_line)
    append_rows(layout, HEADERS, header)
