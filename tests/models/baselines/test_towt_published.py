"""The figures that nmecr 1.0 (kW Engineering, MIT) publishes for its own data, to four digits.

Mean-bias terms are rounding noise and left out; so is the normalized case, whose typical-year
weather is not among the data.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negawatt.models.baselines.change_point import fit_bent_line, fit_line
from negawatt.models.baselines.fit_statistics import (
    FitStatistics,
    daily_factor,
    fit_statistics,
    savings_uncertainty_ratio,
)
from negawatt.models.baselines.towt import TowtModel, fit_towt

pytestmark = pytest.mark.shared

FOUR_DIGITS = 5e-5
TWO_DECIMALS = 0.005  # of a percentage, as published


class Days(NamedTuple):
    """Daily energy and mean temperature."""

    energy_kwh: NDArray[np.float64]
    temperature_c: NDArray[np.float64]
    weekday: NDArray[np.int64]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "peers" / "nmecr"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = json.loads((folder / "expected.json").read_text())
    return found


def daily(load: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """Return days as upstream makes them: missing hours drop out of the sum, all hours of the mean.

    Upstream stamps a day with the midnight at its end.
    """
    day = pl.col("time").dt.truncate("1d") + timedelta(days=1)
    return (
        load.group_by(day)
        .agg(pl.col("eload").sum())
        .join(weather.group_by(day).agg(pl.col("temp").mean()), on="time")
        .sort("time")
    )


def days(table: pl.DataFrame) -> Days:
    return Days(
        table["eload"].to_numpy(),
        (table["temp"].to_numpy() - 32) / 1.8,
        table["time"].dt.weekday().cast(pl.Int64).to_numpy(),
    )


@pytest.fixture(scope="module")
def office(folder: Path) -> tuple[Days, Days]:
    """Return the years before and after a retrofit."""
    table = daily(
        pl.read_parquet(folder / "eload.parquet"), pl.read_parquet(folder / "temp.parquet")
    )
    day = pl.col("time").dt.date()
    before = table.filter(day.is_between(date(2012, 3, 1), date(2013, 2, 28)))
    after = table.filter(day.is_between(date(2014, 3, 1), date(2015, 2, 28)))
    return days(before), days(after)


def fitted(
    data: Days, additional: NDArray[np.float64] | None = None
) -> tuple[TowtModel, FitStatistics]:
    model = fit_towt(data.energy_kwh, data.temperature_c, data.weekday, additional=additional)
    predicted_kwh = model.predict(data.weekday, data.temperature_c, additional)
    return model, fit_statistics(
        data.energy_kwh,
        predicted_kwh,
        parameter_count=model.parameter_count,
        slope_count=model.slope_count,
    )


def assert_agrees(fit: FitStatistics, row: dict[str, float]) -> None:
    assert fit.r_squared == pytest.approx(row["R_squared"], rel=FOUR_DIGITS)
    assert 100 * fit.cv_rmse_ratio == pytest.approx(row["CVRMSE %"], abs=TWO_DECIMALS)
    assert fit.slope_count == row["#Parameters"]
    assert fit.interval_count - fit.parameter_count == row["deg_of_freedom"]


@pytest.mark.parametrize("place", [0, 1])
def test_time_of_week_and_temperature_fits_both_years_as_published(
    office: tuple[Days, Days], expected: dict[str, list[dict[str, float]]], place: int
) -> None:
    _, fit = fitted(office[place])

    assert_agrees(fit, expected["nmecr_normalized_all_stats"][place])


def test_a_straight_line_fits_as_published(
    office: tuple[Days, Days], expected: dict[str, list[dict[str, float]]]
) -> None:
    before = office[0]
    line = fit_line(before.energy_kwh, before.temperature_c)

    fit = fit_statistics(
        before.energy_kwh, line.predict(before.temperature_c), parameter_count=2, slope_count=1
    )

    assert_agrees(fit, expected["nmecr_predictability_all_stats"][0])


def test_a_line_with_one_bend_fits_as_published(
    office: tuple[Days, Days], expected: dict[str, list[dict[str, float]]]
) -> None:
    """The published table counts the two slopes, and the place of the bend not at all."""
    before = office[0]
    line = fit_bent_line(before.energy_kwh, before.temperature_c)

    fit = fit_statistics(
        before.energy_kwh, line.predict(before.temperature_c), parameter_count=3, slope_count=2
    )

    assert_agrees(fit, expected["nmecr_predictability_all_stats"][1])


def test_savings_and_their_uncertainty_are_the_published_ones(
    office: tuple[Days, Days], expected: dict[str, list[dict[str, float]]]
) -> None:
    """The published uncertainty belongs to a savings share that is rounded to two decimals."""
    before, after = office
    model, fit = fitted(before)
    row = expected["nmecr_overview_savings_summary"][0]

    baseline_kwh = model.predict(after.weekday, after.temperature_c)
    saved_kwh = (baseline_kwh - after.energy_kwh).sum()
    uncertainty_ratio = savings_uncertainty_ratio(
        fit,
        savings_ratio=row["savings_fraction"],
        reporting_count=len(after.energy_kwh),
        factor=daily_factor(fit.interval_count),
    )

    assert baseline_kwh.sum() == pytest.approx(row["adjusted_baseline_use"], rel=FOUR_DIGITS)
    assert saved_kwh == pytest.approx(row["savings"], rel=FOUR_DIGITS)
    assert round(saved_kwh / baseline_kwh.sum(), 2) == row["savings_fraction"]
    assert uncertainty_ratio == pytest.approx(row["savings_uncertainty"], rel=FOUR_DIGITS)


def test_every_day_of_the_reporting_year_is_predicted_as_published(
    office: tuple[Days, Days], folder: Path
) -> None:
    before, after = office
    model, _ = fitted(before)
    published = pl.read_parquet(folder / "expected_nmecr_overview_savings_df.parquet")

    predicted_kwh = model.predict(after.weekday, after.temperature_c)

    assert predicted_kwh == pytest.approx(published["predictions"].to_numpy(), rel=1e-9)


def test_the_uncertainty_of_a_tenth_is_the_published_one(
    office: tuple[Days, Days], expected: dict[str, list[dict[str, float]]]
) -> None:
    row = expected["nmecr_predictability_TOWT_savings_summary"][0]
    _, fit = fitted(office[0])

    uncertainty_ratio = savings_uncertainty_ratio(
        fit, savings_ratio=0.1, reporting_count=364, factor=daily_factor(364)
    )

    assert uncertainty_ratio == pytest.approx(row["savings_uncertainty"], rel=FOUR_DIGITS)


def test_a_school_fits_with_and_without_its_operating_modes_as_published(
    folder: Path, expected: dict[str, list[dict[str, float]]]
) -> None:
    """Errors correlate by 0.38 here, so the uncertainty counts every day."""
    table = daily(
        pl.read_parquet(folder / "school_eload.parquet"),
        pl.read_parquet(folder / "school_temp.parquet"),
    )
    school = days(table)
    modes = pl.read_parquet(folder / "school_op_mode.parquet").drop("time").to_numpy()

    plain, with_modes = fitted(school)[1], fitted(school, modes)[1]
    uncertainty_ratio = savings_uncertainty_ratio(
        with_modes, savings_ratio=0.1, reporting_count=365, factor=daily_factor(365)
    )

    assert_agrees(plain, expected["nmecr_school_all_stats"][0])
    assert_agrees(with_modes, expected["nmecr_school_all_stats"][1])
    row = expected["nmecr_school_savings_summ"][0]
    assert uncertainty_ratio == pytest.approx(row["savings_uncertainty"], rel=FOUR_DIGITS)
