"""Raw layer: what the collectors and imports sealed, taken stock of for one site and UTC day.

Nothing is written here: sealed files are immutable. Not here: their meaning.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from negawatt.pipelines.partitions import site_day, site_days
from negawatt.pipelines.resources import WarehouseResource
from negawatt.warehouse.catalog import tables
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import RawFile, raw_inventory, seal_is_intact

_RAW = tuple(name for name, table in tables().items() if table.storage == "parquet")
_INTACT = "every_file_is_as_it_was_sealed"


@dg.asset(
    group_name="raw",
    partitions_def=site_days,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec(name=_INTACT, asset="raw_readings", blocking=True)],
    description="Sealed files of a site and UTC day: how many, how many rows, intact or not.",
)
def raw_readings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Take stock of the sealed files of each partition."""
    found = [
        one
        for key in context.partition_keys
        for one in sealed_files(warehouse.layout, *site_day(key))
    ]
    broken = [file.path.name for _, file in found if not seal_is_intact(file)]
    yield dg.MaterializeResult(
        metadata={
            "file_count": len(found),
            **{name: _rows(found, name) for name in _RAW},
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_INTACT, passed=not broken, metadata={"broken": ", ".join(broken)}
            )
        ],
    )


def sealed_files(layout: Layout, site_id: str, day: date) -> list[tuple[str, RawFile]]:
    """Return the sealed files of a site and UTC day, each with its table."""
    return [(name, file) for name in _RAW for file in raw_inventory(layout, name, site_id, day)]


def _rows(found: list[tuple[str, RawFile]], name: str) -> int:
    return sum(file.row_count for table, file in found if table == name)
