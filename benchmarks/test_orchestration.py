"""What Dagster adds to the functions that it calls: a year of one site, and a day of many GPUs.

The reference is the same work by bare calls: seals held against their files, days metered, spans
written. Importing is in neither. Held against the limit is processor time, which other work on the
machine disturbs less.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.site_days import DAY, SITE_ID, sealed_day
from negawatt.pipelines import run
from negawatt.pipelines.assets.core import CORE_TABLES, day_spans, metered_day
from negawatt.pipelines.assets.raw import sealed_files
from negawatt.warehouse.aside import folder_aside
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.seals import seal_is_intact
from tests.pipelines.conftest import FIRST_DAY, LAST_DAY, SITE, meter_rows, small_site
from tests.pipelines.postgres import postgres_server
from tests.pipelines.production import production

AFTER_UTC = datetime(2026, 7, 2, tzinfo=UTC)
DAYS, GPUS = 365, 1_000
LIMIT_S_A_PARTITION = 0.030
# The bar is of a day of 10,000 GPUs; in a smaller one the run itself weighs more.
LIMIT_RATIO = 1.15


def test_a_year_of_one_site_in_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Postgres, as deploy/ sets it up: what is said of each day and table takes time."""
    layout = small_site(tmp_path)
    first = LAST_DAY - timedelta(days=DAYS - 1)
    rows = meter_rows(first, FIRST_DAY - timedelta(days=1))
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)

    bare = _timed(lambda: _bare(layout, SITE, first, LAST_DAY))
    with postgres_server(syncs=True) as url, production(layout, url) as settings:
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        _by_dagster(layout, SITE, LAST_DAY, LAST_DAY)  # makes Dagster's own tables
        ours = _timed(lambda: _by_dagster(layout, SITE, first, LAST_DAY))

    overhead_s = (ours.processor_s - bare.processor_s) / DAYS
    with capsys.disabled():
        print(
            f"\n{DAYS} days in one run: {ours}, bare calls {bare}: {overhead_s * 1e3:.1f} ms of "
            f"processor time a partition (limit {LIMIT_S_A_PARTITION * 1e3:.0f} ms), "
            f"{(ours.took_s - bare.took_s) / DAYS * 1e3:.1f} ms by the clock"
        )
    assert overhead_s < LIMIT_S_A_PARTITION


def test_a_day_of_many_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = sealed_day(tmp_path, gpu_count=GPUS, step_ms=10_000)

    day_before = DAY - timedelta(days=1)
    _by_dagster(layout, SITE_ID, day_before, day_before)  # makes Dagster's own tables
    bare = _timed(lambda: _bare(layout, SITE_ID, DAY, DAY))
    ours = _timed(lambda: _by_dagster(layout, SITE_ID, DAY, DAY))

    ratio = ours.processor_s / bare.processor_s
    with capsys.disabled():
        print(
            f"\na day of {GPUS} GPUs at 10 s: {ours}, bare calls {bare}: {ratio:.3f} of their "
            f"processor time (limit {LIMIT_RATIO}), {ours.took_s / bare.took_s:.3f} by the clock"
        )
    assert ratio < LIMIT_RATIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What work took.

    Attributes:
        took_s: By the clock [s].
        processor_s: Of the processor, in this process and those that it waited for [s].
    """

    took_s: float
    processor_s: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.took_s:.1f} s ({self.processor_s:.1f} s of the processor)"


def _timed(work: Callable[[], None]) -> Timed:
    before = os.times()
    work()
    after = os.times()
    spent = [a - b for a, b in zip(after, before, strict=True)]
    return Timed(took_s=spent[4], processor_s=sum(spent[:4]))


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
