"""A day in groups is the day: files, processes and all."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.findings import FindingCode
from negawatt.pipelines import gpu_days
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.gpu_days import gpu_minutes_of_day
from negawatt.pipelines.run import run_daily_metering
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, register_sites

pytestmark = pytest.mark.slow  # processes are started

DAY = date(2026, 6, 30)
AFTER_UTC = datetime(2026, 7, 3, tzinfo=UTC)
SITE = Site(
    time_zone="UTC", settlement_meter_id="feeder", revenue_grade=False, boundary="three nodes"
)


def seal_hour(layout: Layout, node: str, gpus: str, hour: int, source: str = "dcgm") -> None:
    """Seal an hour of readings every 30 s at 600 W of GPUs that are named by a letter each."""
    start_utc = datetime(2026, 6, 30, hour, tzinfo=UTC)
    rows = [
        {
            "node_id": node,
            "boot_id": "b1",
            "gpu_uuid": f"GPU-{gpu}",
            "observed_at_utc": start_utc + timedelta(seconds=30 * number),
            "monotonic_ms": (hour * 120 + number) * 30_000,
            "sequence_number": hour * 120 + number,
            "counter_epoch": 0,
            "power_milliwatt": 600_000,
            "energy_total_millijoule": (hour * 120 + number) * 18_000_000,
            "power_scope": "gpu",
            "reading_quality": "ok",
        }
        for gpu in gpus
        for number in range(121)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMAS[POWER_SAMPLES])
    seal(table, root=layout.root, site_id="s1", source=source)


def test_a_day_in_groups_is_the_day(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    """Readings of n2 were shipped twice, and GPU c moved to n3.

    Nodes are n1 (a, b), n2 (c, d), n3 (c) and n4 (e): a group for each GPU where one is too much.
    """
    for hour in (10, 11):
        seal_hour(layout, "n1", "ab", hour)
        seal_hour(layout, "n4", "e", hour)
    seal_hour(layout, "n2", "cd", 10)
    seal_hour(layout, "n2", "cd", 10, source="again")
    seal_hour(layout, "n3", "c", 12)

    alone = gpu_minutes_of_day(layout, "s1", SITE, DAY, layout.root, {}, 5)
    with caplog.at_level(logging.INFO, "negawatt.pipelines.gpu_days"):
        one_by_one = SITE.model_copy(update={"gpu_rows_at_once": 1})
        parts = gpu_minutes_of_day(layout, "s1", one_by_one, DAY, layout.root, {}, 5)

    whole = pl.concat(alone)
    assert not alone.aside
    assert len(parts.aside) == 5
    assert pl.concat(parts).equals(whole)
    assert parts.findings == alone.findings
    assert parts.seen.sort("gpu_uuid").equals(alone.seen)
    assert whole["gpu_uuid"].unique(maintain_order=True).to_list() == [
        f"GPU-{gpu}" for gpu in "abcde"
    ]
    assert whole["energy_j"].max() == 36_000.0
    assert {finding.code for finding in parts.findings} >= {
        FindingCode.COVERAGE_LOW,
        FindingCode.COUNTER_RESET,
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"metered s1 on 2026-06-30: group {number} of 5" for number in range(1, 6)
    ]


def test_a_day_without_readings_has_no_rows(layout: Layout) -> None:
    found = gpu_minutes_of_day(layout, "s1", SITE, DAY, layout.root, {}, 5)

    assert [part.height for part in found] == [0]
    assert found.findings == []


def test_one_version_has_the_same_rows_however_they_were_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two days in one run: in memory; by groups of a GPU, two at once; aside without groups."""
    tables = {}
    for name, rows_at_once, kept, at_once in (
        ("memory", 8_000_000, 100_000, 256),
        ("groups", 1, 100_000, 2),
        ("aside", 8_000_000, 0, 1),
    ):
        layout = Layout(tmp_path / name)
        register_sites(layout, {"s1": SITE.model_copy(update={"gpu_rows_at_once": rows_at_once})})
        for node, gpus in (("n1", "b"), ("n2", "da"), ("n3", "c")):
            seal_hour(layout, node, gpus, 10)
            seal_hour(layout, node, gpus, 23)  # the last reading is the next day's
        monkeypatch.setattr(gpu_days, "_KEPT_ROWS", kept)
        monkeypatch.setattr(gpu_days, "_GPUS_AT_ONCE", at_once)

        run_daily_metering(layout, "s1", DAY, DAY + timedelta(days=1), fixed_utc=AFTER_UTC)

        read = {table: read_table(layout, table) for table in CORE_TABLES}
        assert {one.version for one in read.values()} == {0}
        assert not list(layout.root.glob(".aside-*"))
        tables[name] = {table: frame_digest(one.frame) for table, one in read.items()}
    assert read[CORE_TABLES[0]].frame.height == 2 * 4 * 1440
    assert tables["groups"] == tables["memory"]
    assert tables["aside"] == tables["memory"]
