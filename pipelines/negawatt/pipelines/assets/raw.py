"""Raw layer: what the collectors and imports sealed, taken stock of for one site and UTC day.

Nothing is written here: sealed files are immutable. Not here: their meaning, and the step that
takes stock, which then meters the days whose files are intact (core.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import dagster as dg

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.catalog import tables
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_inventory
from negawatt.warehouse.seals import RawFile, seal_is_intact

_RAW = tuple(name for name, table in tables().items() if table.storage == "parquet")
_BESIDE: Final = {"raw_gpu__power_samples", "raw_node__power_samples"}
"""Tables whose first and last readings of a day cover the edges of the days beside it."""
RAW = dg.AssetSpec(
    "raw_readings",
    group_name="raw",
    description="Sealed files of a site and UTC day: how many, how many rows, intact or not.",
)
INTACT = dg.AssetCheckSpec("every_file_is_as_it_was_sealed", asset=RAW.key, blocking=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The sealed files of some days.

    Attributes:
        files: Each with its table.
        refused: Why a site and UTC day is not metered: it reads a damaged file.
    """

    files: Sequence[tuple[str, RawFile]]
    refused: Mapping[tuple[str, date], DataRefusedError]

    def result(self) -> dg.MaterializeResult[None]:
        """Return what Dagster is told of them."""
        broken = "; ".join(map(str, self.refused.values()))
        check = dg.AssetCheckResult(
            asset_key=RAW.key,
            check_name=INTACT.name,
            passed=not self.refused,
            metadata={"broken": broken},
        )
        return dg.MaterializeResult(
            asset_key=RAW.key,
            metadata={
                "file_count": len(self.files),
                **{name: _rows(self.files, name) for name in _RAW},
            },
            check_results=[check],
        )


def taken_stock(layout: Layout, site_days: Iterable[tuple[str, date]]) -> Stock:
    """Look at each sealed file of some sites and UTC days."""
    asked = list(site_days)
    files: list[tuple[str, RawFile]] = []
    damaged: dict[tuple[str, date], list[str]] = {}
    for site_id, day in asked:
        found = sealed_files(layout, site_id, day)
        files += found
        for name, file in found:
            if not seal_is_intact(file):
                for number in (-1, 0, 1) if name in _BESIDE else (0,):
                    reader = (site_id, day + timedelta(days=number))
                    damaged.setdefault(reader, []).append(file.path.name)
    refused = {one: _refusal(*one, damaged[one]) for one in asked if one in damaged}
    return Stock(files=files, refused=refused)


def _refusal(site_id: str, day: date, damaged: Sequence[str]) -> DataRefusedError:
    return DataRefusedError(
        thing=f"site {site_id!r}, day {day}",
        expected="files as they were sealed",
        found=f"damage of {', '.join(damaged)}",
        remedy="restore them from the node or a backup, and meter the day again",
    )


def sealed_files(layout: Layout, site_id: str, day: date) -> list[tuple[str, RawFile]]:
    """Return the sealed files of a site and UTC day, each with its table."""
    return [(name, file) for name in _RAW for file in raw_inventory(layout, name, site_id, day)]


def _rows(files: Sequence[tuple[str, RawFile]], name: str) -> int:
    return sum(file.row_count or 0 for table, file in files if table == name)
