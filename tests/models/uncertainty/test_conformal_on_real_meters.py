"""Coverage of the band where nothing is simulated: three flat, data-center-like meters.

EECi/Cambridge-Estates-Building-Energy-Archive, 2019, hourly; missing hours are written as 0 there.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from negawatt.models.baselines.calendar import day_type_of
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.uncertainty.conformal import LEVEL_RATIO, finite_sample_quantile
from negawatt.models.uncertainty.placebo import placebo_errors

LONDON = ZoneInfo("Europe/London")
START_UTC = datetime(2019, 3, 1, tzinfo=UTC)
END_UTC = datetime(2019, 11, 28, tzinfo=UTC)
EVENT = Interval(datetime(2019, 11, 27, 16, tzinfo=UTC), datetime(2019, 11, 27, 19, tzinfo=UTC))
CALIBRATION_COUNT = 60
TEST_COUNT = 100


def building(shared_data: Path, meter_id: int) -> LoadSeries:
    rows = (
        pl.read_parquet(shared_data / "buildings" / "cambridge_hourly.parquet")
        .filter(
            pl.col("meter_id") == meter_id,
            pl.col("interval_start_utc").is_between(
                START_UTC.replace(tzinfo=None), END_UTC.replace(tzinfo=None), closed="left"
            ),
        )
        .sort("interval_start_utc")
    )
    energy_kwh = rows["energy_kwh"].to_numpy().astype(np.float64)
    return LoadSeries(
        meter_id=str(meter_id),
        start_utc=START_UTC,
        interval_minutes=60,
        energy_kwh=np.where(energy_kwh == 0, np.nan, energy_kwh),
        coverage_ratio=(energy_kwh > 0).astype(np.float64),
    )


@pytest.mark.shared
@pytest.mark.slow
def test_about_nine_of_ten_placebo_events_lie_in_the_band_of_the_sixty_before(
    shared_data: Path,
) -> None:
    """300 events of 3 meters: 5 points of 90 are about two standard errors.

    One calibration of 60 days has a standard error of 3.8 points, and 300 events of 1.7.
    """
    rule = load_program("pjm_economic_3day", overrides=("settlement_clock.tz=Europe/London",))
    own_type = day_type_of(rule, EVENT.start_utc.date())

    covered, bounded = [], []
    for meter_id in (33, 64, 96):
        errors_kwh = placebo_errors(
            partial(compute_baseline, rule),
            building(shared_data, meter_id),
            EVENT,
            time_zone=LONDON,
            is_like_day=lambda day: day_type_of(rule, day) == own_type,
            count_max=CALIBRATION_COUNT + TEST_COUNT,
        ).errors_kwh
        for day in range(TEST_COUNT):
            earlier_kwh = errors_kwh[day + 1 : day + 1 + CALIBRATION_COUNT]
            half_width_kwh = finite_sample_quantile(map(abs, earlier_kwh), LEVEL_RATIO)
            overstated_kwh = finite_sample_quantile(earlier_kwh, LEVEL_RATIO)
            assert half_width_kwh is not None
            assert overstated_kwh is not None
            covered.append(abs(errors_kwh[day]) <= half_width_kwh)
            bounded.append(errors_kwh[day] <= overstated_kwh)

    assert np.mean(covered) == pytest.approx(LEVEL_RATIO, abs=0.05)
    assert np.mean(bounded) == pytest.approx(LEVEL_RATIO, abs=0.05)
