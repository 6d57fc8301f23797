"""A folder on disk into a fleet: the whole way, on a fleet made by hand."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.cli.fleet_input import read_fleet
from negawatt.models.counterfactual.fleet import Fleet
from tests.models.counterfactual.fleets import DAY, INF, Work, cap, change_of, fleet_of, release
from tests.models.counterfactual.folders import busy_day, write_folder

pytestmark = pytest.mark.slow


def three_days() -> Fleet:
    last = (2 * DAY + 600, 2 * DAY + 780)
    work = Work(name="a", runs=[(5, INF, [0, 1, 2, 3])], drawn=[(*last, 300.0)])
    acts = [cap(last[0], "a"), release(last[1], "a")]
    return fleet_of([work], acts, minutes=3 * DAY, events=[last])


def test_a_folder_says_what_its_fleet_said(tmp_path: Path) -> None:
    fleet = busy_day()

    found = read_fleet(write_folder(tmp_path / "fleet", fleet))

    np.testing.assert_array_equal(found.gpu_power_w, fleet.gpu_power_w)
    assert found.start_utc == fleet.start_utc
    np.testing.assert_allclose(change_of(found).change_kw, change_of(fleet).change_kw)


def test_lost_readings_stay_lost(tmp_path: Path) -> None:
    fleet = busy_day()
    power_w = fleet.gpu_power_w.copy()
    power_w[np.random.default_rng(1).random(power_w.shape) < 0.05] = np.nan

    found = read_fleet(write_folder(tmp_path / "fleet", replace(fleet, gpu_power_w=power_w)))

    np.testing.assert_array_equal(found.gpu_power_w, power_w)


def test_days_follow_each_other_and_each_is_announced(tmp_path: Path) -> None:
    fleet, days = three_days(), list[None]()

    found = read_fleet(write_folder(tmp_path / "fleet", fleet), on_day=lambda: days.append(None))

    assert len(days) == 3
    np.testing.assert_array_equal(found.gpu_power_w, fleet.gpu_power_w)


def test_days_that_begin_at_local_midnight_are_the_same_fleet_seven_hours_later(
    tmp_path: Path,
) -> None:
    """Every instant and every day file is moved by seven hours: the change is the same."""
    fleet = three_days()
    moved = replace(fleet, start_utc=fleet.start_utc + timedelta(hours=7))

    found = read_fleet(write_folder(tmp_path / "fleet", moved))

    assert found.start_utc == moved.start_utc
    np.testing.assert_allclose(change_of(found).change_kw, change_of(fleet).change_kw)


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_day_without_readings_is_a_day_of_unknown_power(
    tmp_path: Path, *, is_empty: bool
) -> None:
    fleet = three_days()
    folder = write_folder(tmp_path / "fleet", fleet)
    day = folder / "gpu_power" / "day=01.parquet"
    if is_empty:
        pl.read_parquet(day).clear().write_parquet(day)
    else:
        day.unlink()

    found = read_fleet(folder)

    assert np.isnan(found.gpu_power_w[:, DAY : 2 * DAY]).all()
    np.testing.assert_array_equal(found.gpu_power_w[:, 2 * DAY :], fleet.gpu_power_w[:, 2 * DAY :])


def test_a_finer_event_day_says_the_same(tmp_path: Path) -> None:
    """Each minute of the last day as six readings of ten seconds, 5 W below and above in turn."""
    fleet = three_days()
    folder = write_folder(tmp_path / "fleet", fleet)
    day = folder / "gpu_power" / "day=02.parquet"
    coarse = pl.read_parquet(day)
    fine = pl.concat(
        coarse.with_columns(
            ts=pl.col("ts") + timedelta(seconds=10 * k),
            power_w=pl.col("power_w") + (5.0 if k % 2 else -5.0),
        )
        for k in range(6)
    )
    fine.write_parquet(day)

    found = read_fleet(folder)

    np.testing.assert_allclose(found.gpu_power_w, fleet.gpu_power_w, rtol=1e-6)
