"""The Phoenix page is what its commands print, and its claims stand in the published minutes."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "phoenix.md"
HOUR = timedelta(hours=1)

pytestmark = [pytest.mark.shared, pytest.mark.slow]

Window = tuple[datetime, datetime]


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2025-05-{day:02}T{clock}-07:00").astimezone(UTC)


SRP = (at(3, "16:30"), at(3, "19:30"))
APS_STEP_1 = (at(1, "18:00"), at(1, "19:31"))
APS_STEP_2 = (at(1, "19:40"), at(1, "21:02"))
# An hour before the ramp of 20 minutes, and one that begins 20 minutes after the last window.
SRP_HOURS = ((at(3, "15:10"), at(3, "16:10")), (at(3, "19:50"), at(3, "20:50")))
APS_HOURS = ((at(1, "16:40"), at(1, "17:40")), (at(1, "21:22"), at(1, "22:22")))


@pytest.fixture
def minutes(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / "phoenix" / "power_1min.parquet")


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def power_kw(minutes: pl.DataFrame, trial: str, window: Window, series: str = "total") -> pl.Series:
    start, end = window
    found = minutes.filter(
        (pl.col.experiment == trial)
        & (pl.col.series == series)
        & (pl.col.time_utc >= start)
        & (pl.col.time_utc < end)
    )
    return found["power_w"] / 1e3


def mean(values: pl.Series) -> float:
    found = values.mean()
    assert isinstance(found, float)
    return found


def reduction_kwh(level_kw: float, window_kw: pl.Series) -> float:
    return float((level_kw - window_kw).sum()) / 60


def test_the_page_and_its_charts_are_what_its_commands_give(
    shared_data: Path, tmp_path: Path
) -> None:
    """Snapshot of our own output: ``python docs/phoenix/build.py DATA docs`` writes it anew."""
    build = [sys.executable, str(DOCS / "phoenix" / "build.py")]

    subprocess.run([*build, str(shared_data / "phoenix"), str(tmp_path)], check=True)  # noqa: S603 - our own script

    built = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    charts = {path.relative_to(DOCS) for path in (DOCS / "phoenix").glob("*.svg")}
    assert built == {Path("phoenix.md"), *charts}
    for path in built:
        assert (tmp_path / path).read_bytes() == (DOCS / path).read_bytes(), path


@pytest.mark.parametrize(
    ("trial", "window", "hours"),
    [("SRP", SRP, SRP_HOURS), ("APS", APS_STEP_1, APS_HOURS), ("APS", APS_STEP_2, APS_HOURS)],
)
def test_every_minute_of_each_window_is_under_75_percent_of_either_hour(
    minutes: pl.DataFrame, trial: str, window: Window, hours: tuple[Window, Window]
) -> None:
    window_kw = power_kw(minutes, trial, window)

    highest_kw = window_kw.max()

    assert len(window_kw) == (window[1] - window[0]) / timedelta(minutes=1)
    assert isinstance(highest_kw, float)
    assert all(highest_kw < 0.75 * mean(power_kw(minutes, trial, hour)) for hour in hours)


def test_the_srp_energy_is_87_kwh_against_the_hour_before_and_78_against_the_hour_after(
    minutes: pl.DataFrame, page: str
) -> None:
    """3 h x (92.87 - 63.88) kW = 86.97 kWh; 3 h x (89.85 - 63.88) kW = 77.92 kWh."""
    window_kw = power_kw(minutes, "SRP", SRP)
    before_kw, after_kw = (mean(power_kw(minutes, "SRP", hour)) for hour in SRP_HOURS)

    before_kwh, after_kwh = (reduction_kwh(level, window_kw) for level in (before_kw, after_kw))

    assert (round(before_kw, 2), round(after_kw, 2)) == (92.87, 89.85)
    assert (round(before_kwh, 2), round(after_kwh, 2)) == (86.97, 77.92)
    spread_ratio = (before_kwh - after_kwh) / before_kwh
    assert (
        f"{before_kwh:.2f} kWh against the hour before\n  and {after_kwh:.2f} kWh against the hour "
        f"after, {spread_ratio:.1%} apart" in page
    )


def test_the_hour_that_holds_the_ramp_takes_a_quarter_of_the_srp_reduction(
    minutes: pl.DataFrame, page: str
) -> None:
    """3 h x (85.16 - 63.88) kW = 63.84 kWh instead of 86.97: 26.6% less."""
    window_kw = power_kw(minutes, "SRP", SRP)
    level_kw = mean(power_kw(minutes, "SRP", (SRP[0] - HOUR, SRP[0])))

    ramp_kwh, above = reduction_kwh(level_kw, window_kw), (window_kw > 0.75 * level_kw).sum()

    assert (round(ramp_kwh, 2), above) == (63.84, 134)
    assert "lose 26.6% of its reduction, and 134 of" in page


@pytest.mark.parametrize(
    ("window", "job", "level_kw", "job_kwh", "share"),
    [
        (APS_STEP_1, "pt_mpt_7b_fast-60hrpily", "18.36", "27.84", "55.6%"),
        (APS_STEP_2, "infer_llama_8b-bw9rr4h2", "11.74", "16.05", "44.2%"),
    ],
)
def test_one_paused_job_carries_the_largest_part_of_each_step(
    minutes: pl.DataFrame,
    page: str,
    window: Window,
    job: str,
    level_kw: str,
    job_kwh: str,
    share: str,
) -> None:
    """Step 1 lasts 91 minutes: 18.36 kW x 91 / 60 = 27.84 kWh; step 2 82: 11.74 kW give 16.05."""
    job_kw = power_kw(minutes, "APS", window, job)
    job_level_kw = mean(power_kw(minutes, "APS", APS_HOURS[0], job))
    site_kwh = reduction_kwh(
        mean(power_kw(minutes, "APS", APS_HOURS[0])), power_kw(minutes, "APS", window)
    )

    found_kwh = reduction_kwh(job_level_kw, job_kw)

    assert job_kw.max() == 0
    found = (f"{job_level_kw:.2f}", f"{found_kwh:.2f}", f"{found_kwh / site_kwh:.1%}")
    assert found == (level_kw, job_kwh, share)
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{job}` |"))
    assert f" 0.00 | {job_kwh} | {share} | 100% |" in row


def test_the_six_jobs_are_the_whole_of_the_aps_total(minutes: pl.DataFrame) -> None:
    aps = minutes.filter(pl.col.experiment == "APS", pl.col.series != "simulator_projected_total")
    jobs = aps.filter(pl.col.series != "total").group_by("time_utc").agg(pl.sum("power_w"))

    both = jobs.join(aps.filter(pl.col.series == "total"), on="time_utc", suffix="_total")

    assert both.height == 400
    assert (both["power_w"] - both["power_w_total"]).abs().max() == pytest.approx(0, abs=1e-3)


def test_no_minute_after_an_event_is_above_the_highest_before_its_ramp(
    minutes: pl.DataFrame, page: str
) -> None:
    day = timedelta(days=1)

    highest_kw = [
        power_kw(minutes, trial, window).max()
        for trial, ramp_start, end in (
            ("SRP", SRP_HOURS[0][1], SRP[1]),
            ("APS", APS_HOURS[0][1], APS_STEP_2[1]),
        )
        for window in ((ramp_start - day, ramp_start), (end, end + day))
    ]

    assert highest_kw == pytest.approx([94.7, 90.9, 89.1, 88.7], abs=0.05)
    assert "90.9 kW in SRP and 88.7 kW in APS, the highest before the ramp was 94.7" in page


def test_the_projection_is_off_by_4_7_percent_and_2_5_percent_high(
    minutes: pl.DataFrame, page: str
) -> None:
    aps = minutes.filter(pl.col.experiment == "APS").sort("time_utc")
    total = aps.filter(pl.col.series == "total")
    projected = aps.filter(pl.col.series == "simulator_projected_total")
    pairs = total.join_asof(projected, on="time_utc", suffix="_projected")

    off_w = pairs["power_w_projected"] - pairs["power_w"]

    level_w = mean(pairs["power_w"])
    assert mean(off_w**2) ** 0.5 / level_w == pytest.approx(0.047, abs=5e-4)
    assert mean(off_w) / level_w == pytest.approx(0.025, abs=5e-4)
    assert "has a CV(RMSE) of 4.7% and lies 2.5% above the meter" in page
