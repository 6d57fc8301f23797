"""Who a site's readings are of: names to be replaced elsewhere, and the drivers of GPUs.

Which columns hold names of jobs, tenants, nodes and GPUs is said once, in
negawatt.models.domain.identifiers. Not here: what replaces a name.
"""

import json
from collections import defaultdict
from datetime import date

import polars as pl
import pyarrow.parquet as pq

from negawatt.models.domain.identifiers import IDENTIFYING
from negawatt.warehouse.catalog import table, tables
from negawatt.warehouse.delta_tables import distinct_rows
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_paths


def site_names(layout: Layout, site_id: str, first: date, last: date) -> dict[str, set[str]]:
    """Return the names that tables hold for a site around an event, by kind.

    What is filed by day is looked at from one day to another; jobs were placed any time before.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        first: First UTC day.
        last: Last UTC day, itself included.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in tables():
        columns = [column for column in table(name).columns if column in IDENTIFYING]
        if not columns or name.startswith("out_"):
            continue
        rows = _rows(layout, name, columns, site_id, first, last)
        for column in columns:
            found[IDENTIFYING[column]].update(rows[column].drop_nulls().to_list())
    return dict(found)


def _rows(
    layout: Layout, name: str, columns: list[str], site_id: str, first: date, last: date
) -> pl.DataFrame:
    if table(name).storage == "delta":
        days = pl.col("date").is_between(first, last)
        return distinct_rows(layout, name, columns, (pl.col("site_id") == site_id) & days)
    if name.startswith("raw_job__"):
        folder = layout.table_folder(name) / f"site={site_id}"
        paths = sorted(folder.glob("date=*/[!.]*.parquet"))
    else:
        paths = raw_paths(layout, name, site_id, first, last)
    if not paths:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.scan_parquet(paths, hive_partitioning=False).select(columns).unique().collect()


def drivers_of_day(layout: Layout, site_id: str, day: date) -> dict[str, set[str]]:
    """Return the versions of the driver that GPUs were read with on a UTC day, by GPU.

    Collectors state them with the readings that they seal; a GPU of which none is stated is left
    out.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in raw_paths(layout, "raw_gpu__power_samples", site_id, day, day):
        stated = pq.read_schema(path).metadata or {}
        for gpu in json.loads(stated.get(b"negawatt.gpus", b"[]")):
            if gpu["driver_version"]:
                found[gpu["gpu_uuid"]].add(gpu["driver_version"])
    return dict(found)
