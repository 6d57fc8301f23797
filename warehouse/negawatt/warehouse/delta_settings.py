"""How tables are kept: what their log holds, and how their files are encoded.

Not here: reading and writing (delta_tables.py), and the tables themselves (catalog).
"""

from typing import Final

import polars as pl
from deltalake import ColumnProperties, WriterProperties

from negawatt.warehouse.catalog import fields, schema

_NO_DICTIONARY: Final = ColumnProperties(dictionary_enabled=False)


def configuration(name: str) -> dict[str, str | None]:
    """Return what a new table keeps, and of which columns its log has the least and the greatest.

    By default the log forgets, after a month, versions that statements cite for years. And a whole
    statement is no bound of a search: in the log, which every read opens, each would stand twice.
    A read opens all commits since the last checkpoint: ten at most, where the default is a hundred.
    """
    searched = [column for column in schema(name) if not column.endswith("_json")]
    return {
        "delta.enableExpiredLogCleanup": "false",
        "delta.checkpointInterval": "10",
        "delta.dataSkippingStatsColumns": ",".join(searched),
    }


def written_as(name: str) -> WriterProperties:
    """Return how files are encoded: smaller and faster to write than by default, for GPU minutes.

    What is measured rarely repeats, so that a dictionary of it only takes time; shares often do.
    """
    measured = [
        column
        for column, kind in schema(name).items()
        if kind == pl.Float64 and fields()[column].maximum is None
    ]
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        column_properties=dict.fromkeys(measured, _NO_DICTIONARY),
    )
