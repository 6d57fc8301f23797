"""Sealed files as they reach a warehouse: late, twice, corrected, in any order.

Each file is sealed in a folder of its own, as on a node, and copied in whole, as shipping does. Not
here: what must not depend on the order (test_any_order.py and the soak).
"""

import shutil
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from negawatt.pipelines import run
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.conftest import AFTER_UTC, EVENT, FIRST_DAY, LAST_DAY, SITE, meter_rows

CORE = ("core_site__interval_energy", "core_site__reconciliation", "core_site__findings")


def shipped_files(folder: Path, count: int, seed: int) -> list[Path]:
    """Return sealed files of the small site's meter, in the order in which they were made.

    A third of the readings come in a second, a ninth in a third version; a file has rows of one
    version and of a few hours; some files are there twice under other names.

    Args:
        folder: Where they are made.
        count: How many, duplicates included.
        seed: Source of every draw.
    """
    random = np.random.default_rng(seed)
    first = meter_rows()
    versions, made = first, [first]
    for later in (1, 2):
        versions = versions.filter(pl.Series(random.random(versions.height) < 1 / 3)).with_columns(
            energy_kwh=pl.col("energy_kwh") + 0.25 * later,
            available_at_utc=pl.col("available_at_utc") + timedelta(hours=3 * later),
        )
        made.append(versions)
    originals = count - count // 10
    shares = [max(1, round(originals * rows.height / sum(r.height for r in made))) for rows in made]
    paths: list[Path] = []
    for rows, share in zip(made, shares, strict=True):
        parts = np.array_split(random.permutation(rows.height), share)
        for part in parts:
            node = Layout(folder / f"node-{len(paths):04d}")
            paths += seal_rows(node, "raw_meter__readings", SITE, "node", rows[part]).written
    twice = random.choice(len(paths), size=count // 10, replace=False)
    for number in twice:
        copy = paths[number].with_name(f"again_{paths[number].name}")
        paths.append(Path(shutil.copy(paths[number], copy)))
    return paths


def bring(layout: Layout, paths: Iterable[Path]) -> set[date]:
    """Copy files into the warehouse and return the days that they are of."""
    days = set()
    for path in paths:
        day = date.fromisoformat(path.parent.name.removeprefix("date="))
        target = layout.raw_folder("raw_meter__readings", SITE, day)
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / path.name)
        days.add(day)
    return days


def digests(layout: Layout) -> dict[str, str]:
    """Return the digest of every core table, and of the statement."""
    statement = run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)
    found = {name: frame_digest(read_table(layout, name).frame) for name in CORE}
    return found | {"statement": statement.statement_digest}


def metered_in_order(layout: Layout, paths: list[Path]) -> dict[str, str]:
    """Bring all files in the order given, meter once, settle, and return the digests."""
    bring(layout, paths)
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return digests(layout)


def metered_as_they_come(
    layout: Layout, paths: list[Path], *, seed: int, meterings: int
) -> dict[str, str]:
    """Bring the files in a random order, meter the days of each lot as it comes, settle."""
    shuffled = np.random.default_rng(seed).permutation(len(paths))
    for lot in np.array_split(shuffled, meterings):
        days = bring(layout, [paths[number] for number in lot])
        run.run_daily_metering(layout, SITE, min(days), max(days), fixed_utc=AFTER_UTC)
    return digests(layout)
