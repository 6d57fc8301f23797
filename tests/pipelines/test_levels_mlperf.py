"""Published logs of 64 nodes through the warehouse: sealed, declared as a path, metered by levels.

The first GPT-3 job of the power logs published with MLPerf results (training v4.0), as readings of
an AC and a DC meter of each node. Expected figures are computed here from the logs, by the
trapezoid rule on each meter's own stamps, without the code under test.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.topology import METER, PathObject
from negawatt.pipelines.assets.core import MeteredDay, metered_day
from negawatt.pipelines.levels import LEVELS_TABLE
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.topology_files import TOPOLOGY, topology_rows
from tests.pipelines.conftest import SITE

pytestmark = [pytest.mark.slow, pytest.mark.shared]

RUN = "result_5848-240517221859825376616_2"
DAY_UTC = datetime(2024, 5, 17, tzinfo=UTC)
STEP = timedelta(minutes=5)
SAMPLES = "raw_node__power_samples"


@pytest.fixture
def logs(shared_data: Path) -> pl.DataFrame:
    rows = pl.read_parquet(shared_data / "mlperf" / "training_v40_h100_node_power.parquet")
    return (
        rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
        .filter(pl.col.benchmark == "gpt3", pl.col.run == RUN)
        .with_columns(node_id=pl.format("n{}", pl.col.node.cast(pl.String).str.zfill(2)))
        .sort("node_id", "meter", "time_ms")
    )


def metered(layout: Layout, logs: pl.DataFrame, late_s: int = 0) -> MeteredDay:
    """Meter the day; the DC meter of the first node may have a late clock."""
    late = (pl.col.node_id == "n01") & (pl.col.meter == "dc")
    stamps = pl.col.time_ms + pl.when(late).then(late_s * 1000).otherwise(0)
    rows = logs.select(
        "node_id",
        pl.col.meter.alias("meter_id"),
        stamps.cast(pl.Datetime("ms", "UTC")).alias("observed_at_utc"),
        pl.col.watts.cast(pl.Float64).alias("power_w"),
        pl.lit(None, pl.Float64).alias("energy_total_kwh"),
        pl.lit("ok").alias("reading_quality"),
    )
    seal_rows(layout, SAMPLES, SITE, "mlperf", rows.select(schema(SAMPLES).keys()))
    path = [
        PathObject(
            object_id=f"{node}/{side}",
            object_type=METER,
            serves_ids=(f"{node}/dc",) if side == "ac" else (),
        )
        for node in logs["node_id"].unique()
        for side in ("ac", "dc")
    ]
    seal_rows(layout, TOPOLOGY, SITE, "import", topology_rows(path, DAY_UTC))
    return metered_day(layout, SITE, DAY_UTC.date(), DAY_UTC + timedelta(days=2), layout.root)


def trapezoid_kwh(log: pl.DataFrame, start_ms: int, end_ms: int) -> float:
    time_ms, power_w = log["time_ms"].to_numpy(), log["watts"].to_numpy()
    inside = time_ms[(time_ms > start_ms) & (time_ms < end_ms)]
    at_ms = np.concatenate([[start_ms], inside, [end_ms]])
    at_w = np.interp(at_ms, time_ms, power_w)
    return float(((at_w[1:] + at_w[:-1]) / 2 * np.diff(at_ms)).sum()) / 3.6e9


def test_each_nodes_sides_are_a_level_whose_energies_are_those_of_the_logs(
    layout: Layout, logs: pl.DataFrame
) -> None:
    day = metered(layout, logs)

    known = day[LEVELS_TABLE].drop_nulls(["above_kwh", "below_kwh"])
    assert known["feed_ids"].n_unique() == 64
    assert known["path_level"].unique().to_list() == ["PowerMeter > PowerMeter"]
    for node, column, side in (("n01", "above_kwh", "ac"), ("n40", "below_kwh", "dc")):
        own = known.filter(pl.col.feed_ids == f"{node}/ac")
        log = logs.filter(pl.col.node_id == node, pl.col.meter == side)
        edges = own.select("interval_start_utc", "interval_end_utc").cast(pl.Int64).rows()
        expected = [trapezoid_kwh(log, start, end) for start, end in edges]
        assert own.height >= 10
        assert own[column].to_list() == pytest.approx(expected, rel=1e-9)
    residual = known.select(1 - pl.col.below_kwh.sum() / pl.col.above_kwh.sum()).item()
    assert residual == pytest.approx(0.016, abs=0.001)


def test_the_pairs_of_one_series_are_found_and_nothing_else(
    layout: Layout, logs: pl.DataFrame
) -> None:
    """30 pairs on each of two sides: 60 groups. The logs of 128 meters hold no whole day."""
    every = metered(layout, logs)["core_site__findings"]

    findings = every.filter(pl.col("finding_code") != "sample_gap")
    assert every.height - findings.height == 128
    assert findings["finding_code"].to_list() == ["readings_copied"]
    assert "found 60 groups of meters" in findings["message"][0]
    assert "counts 60 meters too many" in findings["message"][0]


def test_one_clock_that_is_20_s_late_is_found_among_64(layout: Layout, logs: pl.DataFrame) -> None:
    findings = metered(layout, logs, late_s=20)["core_site__findings"]

    late = findings.filter(pl.col.finding_code == "clocks_apart")
    assert late["subject"].to_list() == ["meters 'n01/ac' and 'n01/dc'"]
    assert "shows it 20.05 s later than 'n01/ac' (to within 2.005 s)" in late["message"][0]
