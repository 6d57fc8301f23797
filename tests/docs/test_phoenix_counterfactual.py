"""The page on the trial's counterfactual is what its script gives, and its claims stand."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negawatt.models.counterfactual.series_levels import SeriesLevel, SeriesReduction, series_level

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE, CHART = Path("phoenix/counterfactual.md"), Path("phoenix/counterfactual/reductions.svg")

pytestmark = [pytest.mark.shared, pytest.mark.slow]

# Minutes of the data. SRP starts at 14:40: ramp 16:10, window 16:30-19:30, back by 19:50. APS
# starts at 16:10: ramp 17:40, windows 18:00-19:31 and 19:40-21:02, back by 21:22.
SRP_SPAN, SRP_WINDOWS = (90, 310), [(110, 290)]
APS_SPAN, APS_STEPS = (90, 312), [(110, 201), (210, 292)]
CASES = {
    "SRP": ("SRP", SRP_SPAN, SRP_WINDOWS),
    "APS step 1": ("APS", APS_SPAN, APS_STEPS[:1]),
    "APS step 2": ("APS", APS_SPAN, APS_STEPS[1:]),
    "APS, both steps": ("APS", APS_SPAN, APS_STEPS),
}

Series = dict[tuple[str, str], NDArray[np.float64]]


@pytest.fixture(scope="module")
def series_w(shared_data: Path) -> Series:
    minutes = pl.read_parquet(shared_data / "phoenix" / "power_1min.parquet").sort("time_utc")
    return {
        (str(trial), str(name)): rows["power_w"].to_numpy()
        for (trial, name), rows in minutes.group_by("experiment", "series", maintain_order=True)
    }


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / PAGE).read_text(encoding="utf-8")


def level(series_w: Series, case: str) -> SeriesLevel:
    trial, span, _ = CASES[case]
    return series_level(series_w[trial, "total"], span)


def reduction(series_w: Series, case: str) -> SeriesReduction:
    return level(series_w, case).reduction(CASES[case][2])


def line(page: str, start: str) -> list[str]:
    """Return the cells of the first line of the page's tables that starts so."""
    found = next(row for row in page.splitlines() if row.startswith(f"| {start} |"))
    return [cell.strip() for cell in found.split("|")[1:-1]]


def test_the_page_and_its_chart_are_what_the_script_gives(
    shared_data: Path, tmp_path: Path
) -> None:
    """Snapshot of our own output: ``counterfactual/build.py DATA docs`` writes it anew."""
    build = [sys.executable, str(DOCS / "phoenix" / "counterfactual" / "build.py")]

    subprocess.run([*build, str(shared_data / "phoenix"), str(tmp_path)], check=True)  # noqa: S603 - our own script

    built = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert built == {PAGE, CHART}
    for path in built:
        assert (tmp_path / path).read_bytes() == (DOCS / path).read_bytes(), path


@pytest.mark.parametrize("case", CASES)
def test_the_level_is_the_line_between_the_quiet_minutes_on_either_side(
    series_w: Series, page: str, case: str
) -> None:
    """By hand for each minute of the windows: its place in the dispatch between two means."""
    trial, (first, last), windows = CASES[case]
    power_kw = series_w[trial, "total"] / 1e3
    before_kw, after_kw = power_kw[:first].mean(), power_kw[last:].mean()
    minutes = [minute for start, end in windows for minute in range(start, end)]

    expected_kw = np.mean(
        [
            before_kw + (after_kw - before_kw) * (minute + 0.5 - first) / (last - first)
            for minute in minutes
        ]
    )

    found = reduction(series_w, case)
    assert found.expected_kw == pytest.approx(expected_kw)
    assert found.reduction_kw == pytest.approx(expected_kw - power_kw[minutes].mean())
    assert f"{found.expected_kw:.2f} | {found.actual_kw:.2f} | {found.reduction_kw:.2f}" in page


def test_the_levels_of_the_six_jobs_are_the_level_of_the_total_within_one_watt(
    series_w: Series,
) -> None:
    jobs = [
        series_level(power_w, APS_SPAN).expected_kw
        for (trial, name), power_w in series_w.items()
        if trial == "APS" and name not in ("total", "simulator_projected_total")
    ]

    apart_w = 1e3 * (np.sum(jobs, axis=0) - level(series_w, "APS step 1").expected_kw)

    assert len(jobs) == 6
    assert np.abs(apart_w).max() < 1


@pytest.mark.parametrize("case", CASES)
def test_the_band_holds_the_reduction_by_the_hour_before_and_by_the_hour_after(
    series_w: Series, page: str, case: str
) -> None:
    """SRP: 28.99 and 25.97 kW, 10.4 % apart, are 1.44 above and 1.58 below 27.55 +- 7.79 kW."""
    trial, (first, last), _ = CASES[case]
    power_kw, found = series_w[trial, "total"] / 1e3, reduction(series_w, case)

    by_hours_kw = [
        float(power_kw[hour].mean()) - found.actual_kw
        for hour in (slice(first - 60, first), slice(last, last + 60))
    ]

    assert [f"{kw:.2f}" for kw in by_hours_kw] == line(page, case)[-2:]
    for kw in by_hours_kw:
        assert abs(kw - found.reduction_kw) < found.band.other_kw < found.band.half_width_kw


def test_the_hours_are_those_of_the_page_that_settles(page: str) -> None:
    """3 h x 28.99 kW = 86.97 kWh and 3 h x 25.973 kW = 77.92 kWh, 10.4 % apart."""
    settled = (DOCS / "phoenix.md").read_text(encoding="utf-8")

    by_hours = [float(kw) * 3 for kw in line(page, "SRP")[-2:]]

    assert by_hours == pytest.approx([86.97, 77.92], abs=0.015)
    assert "86.97 kWh against the hour before\n  and 77.92 kWh" in settled
    assert "10.4% apart: 1.44 kW above this estimate and 1.58 below" in page


@pytest.mark.parametrize("case", CASES)
def test_no_quiet_stretch_is_as_long_as_the_dispatch_so_that_the_error_is_assumed(
    series_w: Series, page: str, case: str
) -> None:
    """90 minutes are quiet on either side; 220 + 20 would be needed. 1.6449 x 5 % of the level."""
    found = reduction(series_w, case)

    assert found.band.placebo_count == 0
    assert found.band.placebo_kw == pytest.approx(1.6449 * 0.05 * found.expected_kw)
    assert f"±{found.band.placebo_kw:.2f} | ±{found.band.other_kw:.2f}" in page


@pytest.mark.parametrize("case", CASES)
def test_the_claim_of_25_percent_holds_with_90_percent_confidence(
    series_w: Series, page: str, case: str
) -> None:
    """If no more than expected less bound would have been drawn, the share is the smallest."""
    found = reduction(series_w, case)

    least_level_kw = found.expected_kw - found.band.one_sided_kw
    share = 1 - found.actual_kw / least_level_kw

    assert share > 0.25
    assert line(page, case)[6:8] == [f"{found.at_least_kw:.2f}", f"{share:.1%}"]


def test_the_projection_is_off_as_was_found_before(shared_data: Path, page: str) -> None:
    """CV(RMSE) 4.7 %, NMBE +2.5 %, MAPE 3.1 %, held between its change points."""
    minutes = pl.read_parquet(shared_data / "phoenix" / "power_1min.parquet")
    aps = minutes.filter(pl.col.experiment == "APS").sort("time_utc")
    points = aps.filter(pl.col.series == "simulator_projected_total")
    held = aps.filter(pl.col.series == "total").join_asof(points, on="time_utc", suffix="_held")
    actual_w, held_w = held["power_w"].to_numpy(), held["power_w_held"].to_numpy()

    cv_rmse = np.sqrt(((held_w - actual_w) ** 2).mean()) / actual_w.mean()
    nmbe = (held_w - actual_w).mean() / actual_w.mean()
    mape = np.abs(held_w / actual_w - 1).mean()

    found = [f"{cv_rmse:.1%}", f"{nmbe:+.1%}", f"{mape:.1%}"]
    assert found == ["4.7%", "+2.5%", "3.1%"]
    assert line(page, "projection | the 400 published minutes")[-3:] == found


def test_on_the_same_quiet_minutes_the_level_is_less_biased_than_the_projection(
    series_w: Series, page: str
) -> None:
    """By hand for the 80 stretches of 30 minutes with ten quiet ones on either side."""
    power_kw = series_w["APS", "total"] / 1e3
    starts = [*range(10, 90 - 40 + 1), *range(312 + 10, 400 - 40 + 1)]
    share = (np.arange(30) + 0.5) / 30
    off_kw, held_off_kw, drawn_kw = [], [], []
    for start in starts:
        begin, end = (0, 90) if start < 90 else (312, 400)
        before_kw, after_kw = power_kw[begin:start].mean(), power_kw[start + 30 : end].mean()
        drawn_kw.append(power_kw[start : start + 30])
        off_kw.append(before_kw + share * (after_kw - before_kw) - drawn_kw[-1])
        held_off_kw.append(series_w["APS", "simulator_projected_total"][0] / 1e3 - drawn_kw[-1])

    bias, held_bias = (np.sum(off) / np.sum(drawn_kw) for off in (off_kw, held_off_kw))

    cells = [
        line(page, f"{name} | the pretend events") for name in ("level of this page", "projection")
    ]
    assert len(starts) == 80
    assert abs(bias) < abs(held_bias)
    assert [cell[-2] for cell in cells] == [f"{bias:+.1%}", f"{held_bias:+.1%}"]


def test_the_level_of_one_paused_job_is_half_of_the_fall_of_the_total(
    series_w: Series, page: str
) -> None:
    """0.36 of 0.73 kW, though its minutes before vary by 0.05 kW."""
    power_kw = series_w["APS", "infer_llama_8b-bw9rr4h2"] / 1e3
    before_kw, after_kw = power_kw[: APS_SPAN[0]], power_kw[APS_SPAN[1] :]

    fall_kw = before_kw.mean() - after_kw.mean()

    total_kw = -level(series_w, "APS step 1").drift_kw
    assert (power_kw[slice(*APS_STEPS[1])] == 0).all()
    assert (f"{fall_kw:.2f}", f"{before_kw.std():.2f}") == ("0.36", "0.05")
    assert re.search(rf"{fall_kw / total_kw:.0%} is one job:", page)
