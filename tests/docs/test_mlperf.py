"""The page of AC against DC is what its script gives; its claims stand in the published logs."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "mlperf.md"

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope="module")
def gpt3(shared_data: Path) -> pl.DataFrame:
    rows = pl.read_parquet(shared_data / "mlperf" / "training_v40_h100_node_power.parquet")
    return (
        rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
        .filter(pl.col.benchmark == "gpt3")
        .sort("time_ms")
    )


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_and_its_charts_are_what_the_logs_give(shared_data: Path, tmp_path: Path) -> None:
    """Snapshot of our own output: ``python docs/mlperf/build.py DATA docs`` writes it anew."""
    build = [sys.executable, str(DOCS / "mlperf" / "build.py")]

    subprocess.run([*build, str(shared_data / "mlperf"), str(tmp_path)], check=True)  # noqa: S603 - our own script

    built = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    charts = {path.relative_to(DOCS) for path in (DOCS / "mlperf").glob("*.svg")}
    assert built == {Path("mlperf.md"), *charts}
    for path in built:
        assert (tmp_path / path).read_bytes() == (DOCS / path).read_bytes(), path


def test_of_64_logs_34_are_series_of_their_own(gpt3: pl.DataFrame, page: str) -> None:
    """Counted without our code: nodes whose lists of stamps and readings are equal."""
    series = gpt3.group_by("run", "meter", "node").agg("time_ms", "watts")

    distinct = (
        series.group_by("run", "meter", "time_ms", "watts")
        .agg(pl.len())
        .group_by("run", "meter")
        .agg(pl.len().alias("distinct"), (pl.col("len") == 2).sum().alias("pairs"))
    )

    assert distinct.select("distinct", "pairs").unique().rows() == [(34, 30)]
    assert "of the 64 logs of each of three jobs only 34 are series of their own. 30 pairs" in page


def test_no_stamp_has_a_reading_of_every_node(gpt3: pl.DataFrame, page: str) -> None:
    ac = gpt3.filter(pl.col.meter == "ac", pl.col.run == gpt3["run"].min())

    nodes = ac.group_by("time_ms").agg(pl.col.node.n_unique())["node"]

    assert (nodes.len(), nodes.max()) == (36_078, 16)
    assert "Of 36,078 stamps in the first run none has a" in page


def test_every_second_reading_is_higher_on_the_dc_side(gpt3: pl.DataFrame, page: str) -> None:
    """Pairs of one run, node and stamp, as the logs have them."""
    sides = [gpt3.filter(pl.col.meter == side) for side in ("ac", "dc")]

    pairs = sides[0].join(sides[1], on=["run", "node", "time_ms"], suffix="_dc")

    higher = pairs.group_by("run").agg((pl.col.watts_dc > pl.col.watts).mean()).sort("run")
    shown = " | ".join(f"{ratio:.1%}" for ratio in higher["watts_dc"])
    assert f"| readings with more DC than AC at one stamp | {shown} |" in page


def test_the_published_energies_leave_the_same(page: str) -> None:
    """408.44 of 415.22 kWh, 408.93 of 415.23, 408.75 of 415.08."""
    left = [1 - 408.44 / 415.22, 1 - 408.93 / 415.23, 1 - 408.75 / 415.08]

    shown = " | ".join(f"{ratio:.2%}" for ratio in left)

    assert f"| the same, from the published energies of the whole logs | {shown} |" in page


def test_the_loss_of_single_nodes_is_the_line_of_least_squares(
    shared_data: Path, page: str
) -> None:
    """The one-pass formulas on minutes that we average ourselves, without integrating: to 2 %.

    Means of the readings of each clock minute of both sides, of minutes with 29 readings or more.
    """
    rows = pl.read_parquet(shared_data / "mlperf" / "training_v40_h100_node_power.parquet")
    minutes = (
        rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
        .filter(pl.col.system.str.starts_with("1x"), pl.col.watts > 0)
        .group_by("meter", "benchmark", "run", pl.col.time_ms // 60_000)
        .agg(pl.col.watts.mean(), pl.len())
        .filter(pl.col.len >= 29)
    )
    ac, dc = (minutes.filter(pl.col.meter == side) for side in ("ac", "dc"))
    both = ac.join(dc, on=["benchmark", "run", "time_ms"], suffix="_dc")

    slope = both.select(pl.cov("watts", "watts_dc") / pl.col.watts_dc.var()).item()

    assert "| all | 80 | 1,045 | 115 W + 1.010 W/W | 48 W | 97.3% |" in page
    assert slope == pytest.approx(1.010, rel=0.02)
    ratio = both.select(pl.col.watts_dc.sum() / pl.col.watts.sum()).item()
    assert ratio == pytest.approx(0.973, abs=0.002)
