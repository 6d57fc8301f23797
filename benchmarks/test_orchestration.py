"""What Dagster adds to the functions that it calls: a year of one site, and a day of many GPUs.

The reference is the same work by bare calls: seals held against their files, days metered, spans
written. Importing is in neither.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.conftest import best_s
from benchmarks.site_days import DAY, SITE_ID, sealed_day
from negawatt.pipelines import run
from negawatt.pipelines.assets.core import CORE_TABLES, day_spans, metered_day
from negawatt.pipelines.assets.raw import sealed_files
from negawatt.warehouse.aside import folder_aside
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_is_intact, seal_rows
from tests.pipelines.conftest import FIRST_DAY, LAST_DAY, SITE, meter_rows, small_site

AFTER_UTC = datetime(2026, 7, 2, tzinfo=UTC)
DAYS = 365
LIMIT_S_A_PARTITION = 0.030
LIMIT_RATIO = 1.15


def test_a_year_of_one_site_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = small_site(tmp_path)
    first = LAST_DAY - timedelta(days=DAYS - 1)
    rows = meter_rows(first, FIRST_DAY - timedelta(days=1))
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)

    bare_s = best_s(lambda: _bare(layout, SITE, first, LAST_DAY), repeats=1)
    ours_s = best_s(lambda: _by_dagster(layout, SITE, first, LAST_DAY), repeats=1)

    overhead_s = (ours_s - bare_s) / DAYS
    with capsys.disabled():
        print(
            f"\n{DAYS} days in one run: {ours_s:.1f} s, bare calls {bare_s:.1f} s: "
            f"{overhead_s * 1e3:.1f} ms a partition (limit {LIMIT_S_A_PARTITION * 1e3:.0f} ms)"
        )
    assert overhead_s < LIMIT_S_A_PARTITION


def test_a_day_of_many_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = sealed_day(tmp_path, gpu_count=500, step_ms=10_000)

    bare_s = best_s(lambda: _bare(layout, SITE_ID, DAY, DAY), repeats=1)
    ours_s = best_s(lambda: _by_dagster(layout, SITE_ID, DAY, DAY), repeats=1)

    with capsys.disabled():
        print(
            f"\na day of 500 GPUs at 10 s: {ours_s:.1f} s, bare calls {bare_s:.1f} s: "
            f"{ours_s / bare_s:.3f} of them (limit {LIMIT_RATIO})"
        )
    assert ours_s / bare_s < LIMIT_RATIO


def _by_dagster(layout: Layout, site_id: str, first: date, last: date) -> None:
    run.run_daily_metering(layout, site_id, first, last, fixed_utc=AFTER_UTC)


def _bare(layout: Layout, site_id: str, first: date, last: date) -> None:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert all(
        seal_is_intact(file) for day in days for _, file in sealed_files(layout, site_id, day)
    )
    for _, span_first, span_last in day_spans((site_id, day) for day in days):
        span = [day for day in days if span_first <= day <= span_last]
        with folder_aside(layout) as folder:
            metered = [metered_day(layout, site_id, day, AFTER_UTC, folder) for day in span]
            for table in CORE_TABLES:
                parts = chain(*(one.parts(table) for one in metered))
                replace_days(layout, table, site_id, span_first, span_last, parts)
