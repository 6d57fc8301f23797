"""Which tables and columns a fleet folder has, and what an absent one costs.

Here: the columns by name, and their check: a folder that cannot be understood is refused by name.
Not here: what the columns mean (fleet_tables.py). docs/methods/fleet-folder.md says the same to
who writes such a folder.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from negawatt.models.domain.errors import DataRefusedError

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "gpus": ("gpu", "node", "pool"),
    "jobs": (
        "job_id",
        "class",
        "tier",
        "gpus",
        "submit",
        "start",
        "end",
        "est_runtime_s",
        "pool",
    ),
    "placements": ("job_id", "gpu", "start", "end"),
}
OPTIONAL: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "dispatch": (
        ("ts", "job_id", "action", "power_fraction"),
        (
            "no dispatch log: every flexible job that ran in an event is taken to have been under "
            "control"
        ),
    ),
    "job_progress": (
        ("ts", "job_id", "work_s"),
        "no job progress: work lost to caps is estimated from the published cap response",
    ),
    "service_load": (
        ("ts", "job_id", "load"),
        "no service load: a capped service is taken to serve what it served around the event",
    ),
    "site_meter": (("ts", "kw"), "no site meter: the reduction is stated at the GPUs only"),
    "weather": (("ts", "temp_c"), "no weather: cooling is taken to be the same at any temperature"),
    "node_state": (
        ("ts", "node", "state"),
        "no node state: a silent node without jobs while jobs wait is taken to be down",
    ),
    "storage": (("ts", "kw"), ""),
    "other_sites": (("ts", "site", "kw"), "no other sites: work moved elsewhere would not be seen"),
}
"""The columns of each optional table, and what its absence costs ('' where it costs nothing)."""

_INSTANTS: Final = ("ts", "submit", "start", "end")
_KNOWN: Final = {
    "gpus": ("gpu", "node", "pool"),
    "jobs": ("job_id", "class", "tier", "gpus", "pool"),
    "placements": ("job_id", "gpu"),
}
"""Columns in which every row says something."""


def check_tables(tables: Mapping[str, pl.DataFrame]) -> None:
    """Refuse tables that cannot be understood.

    Args:
        tables: Tables by file name without ending.

    Raises:
        DataRefusedError: A table or a column is missing, an instant is none, or a fact that every
            row needs is null.

    Examples:
        >>> check_tables({"gpus": pl.DataFrame({"gpu": ["a"], "node": ["n"]})})
        Traceback (most recent call last):
            ...
        negawatt.models.domain.errors.DataRefusedError: fleet folder, table gpus: expected \
columns gpu, node, pool, found columns gpu, node; write the table as \
docs/methods/fleet-folder.md describes it
    """
    wanted = {**REQUIRED, **{name: columns for name, (columns, _) in OPTIONAL.items()}}
    for name, columns in wanted.items():
        if name in tables:
            _check(name, tables[name], columns)
        elif name in REQUIRED:
            raise _refused(name, "columns " + ", ".join(columns), "no such table")


def _check(name: str, table: pl.DataFrame, columns: tuple[str, ...]) -> None:
    if not set(columns) <= set(table.columns):
        raise _refused(name, "columns " + ", ".join(columns), "columns " + ", ".join(table.columns))
    for column in set(columns).intersection(_INSTANTS):
        dtype = table.schema[column]
        if dtype not in (pl.Datetime, pl.Null):
            raise _refused(name, f"instants in column {column}", f"values of type {dtype}")
    for column in _KNOWN.get(name, ()):
        if table[column].null_count():
            raise _refused(name, f"a {column} in every row", f"{table[column].null_count()} nulls")
    if name == "dispatch":
        _check_caps(table)


def _check_caps(table: pl.DataFrame) -> None:
    caps = table.filter(pl.col("action").cast(pl.String) == "cap")
    if caps["power_fraction"].null_count():
        raise _refused(
            "dispatch",
            "a power_fraction beside every cap",
            f"{caps['power_fraction'].null_count()} nulls",
        )


def _refused(name: str, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"fleet folder, table {name}",
        expected=expected,
        found=found,
        remedy="write the table as docs/methods/fleet-folder.md describes it",
    )
