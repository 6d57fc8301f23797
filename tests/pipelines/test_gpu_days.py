"""A day in groups is the day: files, processes and all."""

import logging
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.findings import FindingCode
from negawatt.pipelines.gpu_days import gpu_energy_of_day
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site

pytestmark = pytest.mark.slow  # processes are started

DAY = date(2026, 6, 30)
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

    Nodes are n1 (a, b), n2 with n3 (c, d), and n4 (e): three groups where each node is too much.
    """
    for hour in (10, 11):
        seal_hour(layout, "n1", "ab", hour)
        seal_hour(layout, "n4", "e", hour)
    seal_hour(layout, "n2", "cd", 10)
    seal_hour(layout, "n2", "cd", 10, source="again")
    seal_hour(layout, "n3", "c", 12)

    whole, findings = gpu_energy_of_day(layout, "s1", SITE, DAY)
    with caplog.at_level(logging.INFO, "negawatt.pipelines.gpu_days"):
        parts = gpu_energy_of_day(
            layout, "s1", SITE.model_copy(update={"gpu_rows_at_once": 1}), DAY
        )

    assert parts[0].equals(whole)
    assert parts[1] == findings
    assert whole["gpu_uuid"].unique(maintain_order=True).to_list() == [
        f"GPU-{gpu}" for gpu in "abcde"
    ]
    assert whole["energy_j"].max() == 36_000.0
    assert {finding.code for finding in findings} >= {
        FindingCode.COVERAGE_LOW,
        FindingCode.COUNTER_RESET,
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"metered s1 on 2026-06-30: group {number} of 3" for number in (1, 2, 3)
    ]


def test_a_day_without_readings_has_no_rows(layout: Layout) -> None:
    frame, findings = gpu_energy_of_day(layout, "s1", SITE, DAY)

    assert frame.is_empty()
    assert findings == []
