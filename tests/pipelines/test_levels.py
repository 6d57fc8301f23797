"""A day along its electrical path, from sealed rows to rows of levels and findings."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.pipelines.assets.core import metered_day
from negawatt.pipelines.levels import LEVELS_TABLE
from negawatt.warehouse.catalog import check, schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_site, register_sites
from negawatt.warehouse.topology_files import TOPOLOGY
from tests.pipelines.conftest import AFTER_UTC, SITE

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 24)
MIDNIGHT_UTC = datetime(2026, 6, 24, tzinfo=UTC)
TOLD_UTC = datetime(2026, 6, 1, tzinfo=UTC)
STEP_S = 30
COUNT = 24 * 3600 // STEP_S + 1


def told(layout: Layout, told_utc: datetime = TOLD_UTC, **serves: str) -> None:
    """Tell of an electrical path: racks are named r, everything else is a meter."""
    rows = [
        {
            "object_id": name.replace("_", "-"),
            "object_type": "Rack" if name.startswith("r") else "PowerMeter",
            "object_name": None,
            "associate_id": None,
            "serves_ids_json": json.dumps(below.split()),
            "available_at_utc": told_utc,
        }
        for name, below in serves.items()
    ]
    seal_rows(layout, TOPOLOGY, SITE, "test", pl.DataFrame(rows, schema=schema(TOPOLOGY)))


def jobs_kw(seed: int = 1, mean_kw: float = 48.0) -> np.ndarray:
    """Return power every 30 s of a day [kW] that changes every 5 minutes; its mean is exact."""
    levels = np.random.default_rng(seed).uniform(0.5, 1.5, COUNT // 10 + 1)
    power = np.repeat(levels, 10)[:COUNT]
    scale = mean_kw / float(((power[1:] + power[:-1]) / 2).mean())
    return np.asarray(power * scale, np.float64)


def read(
    layout: Layout, name: str, power_kw: np.ndarray, late_s: int = 0, step_s: int = STEP_S
) -> None:
    """Seal a day's readings of a meter; a late clock stamps them later."""
    start = MIDNIGHT_UTC + timedelta(seconds=late_s)
    table = "raw_node__power_samples"
    rows = pl.DataFrame(
        {
            "node_id": name,
            "meter_id": "power",
            "observed_at_utc": [
                start + n * timedelta(seconds=step_s) for n in range(len(power_kw))
            ],
            "power_w": power_kw * 1000,
            "energy_total_kwh": None,
            "reading_quality": "ok",
        },
        schema_overrides=schema(table),
    )
    seal_rows(layout, table, SITE, name, rows)


def metered(layout: Layout) -> tuple[pl.DataFrame, list[str]]:
    frames = metered_day(layout, SITE, DAY, AFTER_UTC, layout.root)
    rows = frames[LEVELS_TABLE]
    assert all(outcome.passed for outcome in check(LEVELS_TABLE, rows))
    return rows, frames["core_site__findings"]["finding_code"].to_list()


def test_the_feeder_is_held_against_the_meters_below_it(layout: Layout) -> None:
    """The feeder reads 25 kWh a quarter hour, the PDUs 48 kW together in the mean: 4 % is lost."""
    told(layout, feeder="pdu-1 pdu-2", pdu_1="", pdu_2="")
    first, second = jobs_kw(1), jobs_kw(2)
    read(layout, "pdu-1", first)
    read(layout, "pdu-2", second)

    rows, codes = metered(layout)

    assert rows["feed_ids"].unique().to_list() == ["feeder"]
    assert rows["path_level"].unique().to_list() == ["PowerMeter > PowerMeter"]
    assert rows.height == 96
    assert set(rows["above_kwh"]) == {25.0}
    assert rows["below_kwh"].sum() == pytest.approx(24 * 96.0)
    assert rows["coverage_ratio"].min() == 1.0
    assert codes == []


def test_a_meter_that_is_missing_leaves_the_sum_below_not_known_and_is_found(
    layout: Layout,
) -> None:
    told(layout, feeder="pdu-1 pdu-2", pdu_1="", pdu_2="")
    read(layout, "pdu-1", jobs_kw())

    rows, codes = metered(layout)

    assert rows["below_kwh"].null_count() == 96
    assert set(rows["coverage_ratio"]) == {0.0}
    assert codes == ["sample_gap"]


def test_a_dead_meter_above_is_found(layout: Layout) -> None:
    """Of the path only the PDU is read: there is no level, and that is said."""
    told(layout, main="pdu-1", pdu_1="")
    read(layout, "pdu-1", jobs_kw())

    rows, codes = metered(layout)

    assert rows.is_empty()
    assert codes == ["sample_gap"]


def test_more_below_than_above_is_found(layout: Layout) -> None:
    """104 kW below a feeder of 100 kW."""
    told(layout, feeder="pdu-1", pdu_1="")
    read(layout, "pdu-1", jobs_kw(mean_kw=104.0))

    assert metered(layout)[1] == ["level_residual_high"]


def test_a_clock_that_is_a_minute_late_is_found_and_no_reading_moved(layout: Layout) -> None:
    told(layout, pdu_1="r1", r1="")
    power_kw = jobs_kw()
    read(layout, "pdu-1", power_kw)
    read(layout, "r1", 0.99 * power_kw, late_s=60)

    rows, codes = metered(layout)

    assert codes == ["sample_gap", "clocks_apart"]  # the day's first minute is not read
    assert rows["above_kwh"][1] != pytest.approx(rows["below_kwh"][1] / 0.99, rel=1e-3)


@pytest.mark.parametrize(("count", "step_s"), [(1, 30), (110, 1)])
def test_a_meter_that_was_hardly_read_shows_no_clock_and_the_day_is_metered(
    layout: Layout, count: int, step_s: int
) -> None:
    told(layout, feeder="pdu-1", pdu_1="r1", r1="")
    read(layout, "pdu-1", jobs_kw()[:count], step_s=step_s)
    read(layout, "r1", jobs_kw(2)[:count], step_s=step_s)

    assert metered(layout)[1] == ["sample_gap"]


def test_one_series_under_two_names_is_found(layout: Layout) -> None:
    told(layout, feeder="pdu-1 pdu-2", pdu_1="", pdu_2="")
    read(layout, "pdu-1", jobs_kw())
    read(layout, "pdu-2", jobs_kw())

    assert metered(layout)[1] == ["readings_copied"]


def test_a_meter_that_contradicts_itself_is_not_known_and_said_so(layout: Layout) -> None:
    """Two values at every stamp, 20 kW apart: the smaller would be a fifth below the feeder."""
    told(layout, feeder="pdu-1", pdu_1="")
    power_kw = jobs_kw(mean_kw=100.0)
    read(layout, "pdu-1", power_kw)
    read(layout, "pdu-1", power_kw - 20)

    rows, codes = metered(layout)

    assert rows["below_kwh"].null_count() == rows.height == 96
    assert codes == ["reading_repeated", "sample_gap"]


def test_a_path_that_contradicts_itself_is_a_finding_and_the_day_is_metered(
    layout: Layout,
) -> None:
    told(layout, feeder="pdu-1", pdu_1="feeder")

    rows, codes = metered(layout)

    assert rows.is_empty()
    assert codes == ["topology_refused"]


def test_a_path_that_was_told_later_is_not_seen(layout: Layout) -> None:
    told(layout, AFTER_UTC + timedelta(days=1), feeder="pdu-1", pdu_1="")
    read(layout, "pdu-1", jobs_kw(mean_kw=104.0))

    rows, codes = metered(layout)

    assert rows.is_empty()
    assert codes == []


def test_a_day_that_is_metered_again_is_compared_along_the_path_that_it_had(
    layout: Layout,
) -> None:
    """A week later the load moves to a PDU that was not there on the day."""
    told(layout, feeder="pdu-1", pdu_1="")
    read(layout, "pdu-1", jobs_kw(mean_kw=96.0))
    once = metered(layout)

    told(layout, MIDNIGHT_UTC + timedelta(days=7), feeder="pdu-9", pdu_9="")

    rows, codes = metered(layout)
    assert rows.equals(once[0])
    assert rows["below_kwh"].count() == 96
    assert codes == once[1]


@pytest.mark.parametrize(("own", "minutes"), [(1, 5), (2, 6), (3, 6), (4, 8), (5, 5), (15, 15)])
def test_sums_are_compared_over_intervals_that_the_meter_fills(
    layout: Layout, own: int, minutes: int
) -> None:
    """A meter of 3 minutes fills 6, and not 5."""
    count = 24 * 60 // own
    starts = [MIDNIGHT_UTC + n * timedelta(minutes=own) for n in range(count)]
    rows = pl.DataFrame(
        {
            "meter_id": "pdu",
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=own) for start in starts],
            "energy_kwh": 1.0,
            "reading_quality": "ok",
            "available_at_utc": TOLD_UTC,
        }
    )
    site = read_site(layout, SITE).model_copy(update={"settlement_meter_id": "pdu"})
    register_sites(layout, {SITE: site})
    for path in layout.table_folder("raw_meter__readings").rglob("*.parquet"):
        path.unlink()
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)

    both = metered_day(layout, SITE, DAY, AFTER_UTC, layout.root)["core_site__reconciliation"]

    assert both.height == 24 * 60 // minutes
    assert set(both["metered_kwh"]) == {float(minutes // own)}


def test_meters_of_ten_minutes_and_of_fifteen_are_compared_by_the_half_hour(layout: Layout) -> None:
    """The feeder reads 25 kWh a quarter hour, the meter below 16 kWh in ten minutes: 50 and 48."""
    told(layout, feeder="sub", sub="")
    starts = [MIDNIGHT_UTC + n * timedelta(minutes=10) for n in range(144)]
    ends = [start + timedelta(minutes=10) for start in starts]
    rows = pl.DataFrame(
        {
            "meter_id": "sub",
            "interval_start_utc": starts,
            "interval_end_utc": ends,
            "energy_kwh": 16.0,
            "reading_quality": "ok",
            "available_at_utc": ends,
        }
    )
    seal_rows(layout, "raw_meter__readings", SITE, "sub", rows)

    levels, codes = metered(layout)

    assert levels.select("above_kwh", "below_kwh").unique().rows() == [(50.0, 48.0)]
    assert levels.height == 48
    assert codes == []
