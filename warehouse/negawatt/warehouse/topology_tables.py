"""The electrical path of a site as the domain knows it, read from raw_site__topology.

Not here: how a declared file is read (topology_files), and how a bus is heard.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import polars as pl

from negawatt.models.domain.topology import REMOVED, PathObject, Topology, topology_of
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw
from negawatt.warehouse.topology_files import TOPOLOGY


def path_objects(layout: Layout, site_id: str, as_of_utc: datetime) -> list[PathObject]:
    """Return the newest description of each object of a site, by name; those removed too."""
    return _newest(_known(layout, site_id, as_of_utc))


def kept_objects(objects: Iterable[PathObject]) -> list[PathObject]:
    """Return objects without those that were removed, and without the lines to them."""
    every = list(objects)
    gone = {one.object_id for one in every if one.object_type == REMOVED}
    return [
        replace(one, serves_ids=tuple(id_ for id_ in one.serves_ids if id_ not in gone))
        for one in every
        if one.object_id not in gone
    ]


def read_topology(
    layout: Layout, site_id: str, end_utc: datetime, *, as_of_utc: datetime
) -> Topology | None:
    """Return the electrical path of a site in a span, as far as it was known at a moment.

    It is what had been told before the span ended; where nothing had, what was told on the first
    day on which anything was. A change counts from when it was told: nothing says how a path was
    before.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        end_utc: When the span ends.
        as_of_utc: What became known later is not seen.

    Returns:
        The path; None where nobody told of one.

    Raises:
        DataRefusedError: What was told contradicts itself.
    """
    told_utc = pl.col("available_at_utc")
    is_first_day = told_utc.dt.date() == told_utc.dt.date().min()
    rows = _known(layout, site_id, as_of_utc).filter((told_utc < end_utc) | is_first_day)
    objects = kept_objects(_newest(rows))
    return topology_of(objects) if objects else None


def _known(layout: Layout, site_id: str, as_of_utc: datetime) -> pl.DataFrame:
    return read_all_raw(layout, TOPOLOGY, site_id).filter(pl.col("available_at_utc") <= as_of_utc)


def _newest(rows: pl.DataFrame) -> list[PathObject]:
    """Return the newest of the descriptions of each object, by name."""
    newest = rows.sort("available_at_utc").unique("object_id", keep="last", maintain_order=True)
    return [
        PathObject(
            object_id=row["object_id"],
            object_type=row["object_type"],
            serves_ids=tuple(json.loads(row["serves_ids_json"])),
            object_name=row["object_name"],
        )
        for row in newest.sort("object_id").to_dicts()
    ]
