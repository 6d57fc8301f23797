"""Text that a spreadsheet would compute, made plain.

Not here: files.
"""

import polars as pl


def plain_text(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in which no text begins as a formula does; numbers are left as they are.

    Such text, and text that begins with an apostrophe, has an apostrophe before it: drop one from
    the beginning of a text to have it as it was.

    Examples:
        >>> plain_text(pl.DataFrame({"job_id": ["=1+1", "'a", "b"]}))["job_id"].to_list()
        ["'=1+1", "''a", 'b']
    """
    return rows.with_columns(
        pl.when(pl.col(name).str.contains(r"^[=+\-@'\t\r]"))
        .then(pl.concat_str(pl.lit("'"), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in rows.schema.items()
        if isinstance(kind, pl.String)
    )
