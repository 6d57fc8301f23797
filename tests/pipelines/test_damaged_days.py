"""A damaged file stops the metering of the days that it is read for, and of no other."""

from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from negawatt.models.domain.errors import DataRefusedError
from negawatt.pipelines import run
from negawatt.pipelines.assets.raw import INTACT
from negawatt.pipelines.partitions import site_day_key
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout
from tests.pipelines.conftest import AFTER_UTC, FIRST_DAY, LAST_DAY, SITE
from tests.pipelines.test_definitions import gpu_hour

pytestmark = pytest.mark.slow  # importing Dagster takes seconds

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(9)]
DAMAGED = DAYS[4]
LOAD = "core_site__interval_energy"


def _metered_days(layout: Layout) -> list[date]:
    return sorted(read_table(layout, LOAD).frame["date"].unique())


def _meter(layout: Layout) -> None:
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)


@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: content[:100],
        lambda content: content[:-50] + b"x" * 50,
        lambda content: (
            content[:200] + bytes(byte ^ 1 for byte in content[200:300]) + content[300:]
        ),
    ],
    ids=["cut", "footer", "data"],
)
def test_the_other_days_of_the_run_are_metered_and_the_file_is_named(
    layout: Layout, damaged: Callable[[bytes], bytes]
) -> None:
    (path,) = layout.raw_folder("raw_meter__readings", SITE, DAMAGED).glob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(damaged(content))

    with pytest.raises(DataRefusedError, match=path.name):
        _meter(layout)

    others = [day for day in DAYS if day != DAMAGED]
    assert _metered_days(layout) == others
    with dg.DagsterInstance.from_config(str(run.dagster_home(layout))) as instance:
        known = instance.get_materialized_partitions(dg.AssetKey(LOAD))
        assert known == {str(site_day_key(SITE, day)) for day in others}
        checked = instance.event_log_storage.get_latest_asset_check_execution_by_key([INTACT.key])
        assert checked[INTACT.key].status is AssetCheckExecutionRecordStatus.FAILED
        (record,) = instance.get_run_records()
        assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE

    path.write_bytes(content)
    _meter(layout)
    assert _metered_days(layout) == DAYS


@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: content[:-50] + b"x" * 50,
        lambda content: content + b"x",
        lambda content: content.replace(b"GPU-", b"GPX-"),
    ],
    ids=["footer", "longer", "readable, of another card"],
)
def test_a_file_of_gpus_is_read_for_the_days_beside_it_too(
    layout: Layout, damaged: Callable[[bytes], bytes]
) -> None:
    """Of the last day; the day before reads its first readings, the others none of it."""
    gpu_hour(layout)
    (path,) = layout.raw_folder("raw_gpu__power_samples", SITE, LAST_DAY).glob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(damaged(content))
    assert path.read_bytes() != content

    with pytest.raises(DataRefusedError, match=rf"(?s){DAYS[-2]}.*{LAST_DAY}"):
        _meter(layout)

    assert _metered_days(layout) == DAYS[:-2]


def test_a_day_that_is_refused_while_it_is_metered_stops_no_other(layout: Layout) -> None:
    """The damaged file is of a day that is not asked for; the day before reads it."""
    gpu_hour(layout)
    (path,) = layout.raw_folder("raw_gpu__power_samples", SITE, LAST_DAY).glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-50] + b"x" * 50)

    with pytest.raises(DataRefusedError, match=path.name):
        run.run_daily_metering(layout, SITE, FIRST_DAY, DAYS[-2], fixed_utc=AFTER_UTC)

    assert _metered_days(layout) == DAYS[:-2]
