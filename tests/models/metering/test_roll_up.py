"""Longer intervals and load series: by hand, invariants, refusals."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.roll_up import (
    MINUTES_PER_DAY,
    each_load_series,
    roll_up,
    shared_minutes,
    to_load_series,
)
from negawatt.warehouse.catalog import schema

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)


def site(
    energy_kwh: Sequence[float | None],
    *,
    minutes: int = 1,
    skip: tuple[int, ...] = (),
    **columns: str,
) -> pl.DataFrame:
    """Return adjacent intervals of meter m from noon on, without the skipped positions."""
    start_utc = [NOON_UTC + timedelta(minutes=minutes * n) for n in range(len(energy_kwh))]
    frame = pl.DataFrame(
        {
            "site_id": "s",
            "date": [moment.date() for moment in start_utc],
            "meter_id": columns.get("meter_id", "m"),
            "interval_start_utc": start_utc,
            "interval_end_utc": [moment + timedelta(minutes=minutes) for moment in start_utc],
            "energy_kwh": energy_kwh,
            "coverage_ratio": [0.0 if value is None else 1.0 for value in energy_kwh],
            "method": columns.get("method", "metered"),
        }
    ).cast(schema("core_site__interval_energy"))  # type: ignore[arg-type]  # a dict is invariant
    return frame.filter(~pl.int_range(pl.len()).is_in(skip))


def test_five_minutes_are_the_sum_of_five() -> None:
    rolled = roll_up(site([1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 10.0, 10.0, 10.0, 10.0]), 5)

    assert rolled["energy_kwh"].to_list() == [15.0, 50.0]
    assert rolled["coverage_ratio"].to_list() == [1.0, 1.0]
    assert dict(rolled.schema) == schema("core_site__interval_energy")


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_a_part_that_is_not_known_makes_the_whole_not_known(unknown: float | None) -> None:
    frame = site([1.0, None, 3.0, 4.0, 5.0]).with_columns(
        pl.col.energy_kwh.fill_null(pl.lit(unknown, pl.Float64))
    )

    rolled = roll_up(frame, 5)

    assert rolled["energy_kwh"].to_list() == [None]
    assert rolled["coverage_ratio"].to_list() == [pytest.approx(0.8)]


def test_a_part_that_is_missing_makes_the_whole_not_known() -> None:
    rolled = roll_up(site([1.0, 2.0, 3.0, 4.0, 5.0], skip=(0, 2)), 5)

    assert rolled["energy_kwh"].to_list() == [None]
    assert rolled["coverage_ratio"].to_list() == [pytest.approx(0.6)]
    assert rolled["interval_start_utc"].to_list() == [NOON_UTC]


def test_different_methods_are_joined_and_joined_again_only_once() -> None:
    frame = pl.concat([site([1.0]), site([1.0, 1.0, 1.0], method="estimated")[1:]])
    late = site([1.0] * 4)[3:].with_columns(method=pl.lit("estimated+metered"))

    rolled = roll_up(pl.concat([frame, late]), 5)

    assert rolled["method"].to_list() == ["estimated+metered"]


def test_power_of_gpus_keeps_its_extremes_and_its_mean_follows_the_energy() -> None:
    """6 kJ and 12 kJ in two minutes: 18 kJ / 120 s = 150 W."""
    start_utc = [NOON_UTC, NOON_UTC + timedelta(minutes=1)]
    gpu = pl.DataFrame(
        {
            "site_id": "s",
            "date": NOON_UTC.date(),
            "node_id": "n",
            "gpu_uuid": "g",
            "interval_start_utc": start_utc,
            "interval_end_utc": [moment + timedelta(minutes=1) for moment in start_utc],
            "energy_j": [6_000.0, 12_000.0],
            "sampled_energy_j": [6_060.0, None],
            "energy_disagreement_ratio": [0.01, None],
            "power_w_min": [90.0, None],
            "power_w_mean": [100.0, 200.0],
            "power_w_max": [110.0, 230.0],
            "coverage_ratio": [1.0, 0.5],
            "method": ["counter", "counter_interpolated"],
        }
    ).cast(schema("core_gpu__interval_energy"))  # type: ignore[arg-type]  # a dict is invariant

    row = roll_up(gpu, 2).row(0, named=True)

    assert (row["energy_j"], row["power_w_mean"]) == (18_000.0, 150.0)
    assert (row["power_w_min"], row["power_w_max"]) == (90.0, 230.0)
    assert row["coverage_ratio"] == 0.75
    assert row["method"] == "counter+counter_interpolated"
    assert row["sampled_energy_j"] is row["energy_disagreement_ratio"] is None


def test_an_interval_that_would_be_split_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="split at 5 min"):
        roll_up(site([1.0, 2.0], minutes=15), 5)


def test_two_intervals_of_one_meter_at_one_time_are_refused() -> None:
    with pytest.raises(DataRefusedError, match="overlapped by another"):
        roll_up(pl.concat([site([1.0]), site([1.0])]), 5)


def test_minutes_that_do_not_divide_the_day_are_refused() -> None:
    with pytest.raises(ValueError, match=r"divide the day \(1440 min\), got 7"):
        roll_up(site([1.0]), 7)


energies = st.lists(st.integers(0, 1_000).map(float), min_size=60, max_size=60)


@pytest.mark.slow
@given(energies, st.sampled_from([5, 15, 30]))
@settings(max_examples=20, deadline=None)
def test_two_steps_give_what_one_gives(energy_kwh: list[float], step: int) -> None:
    frame = site(energy_kwh)

    assert roll_up(roll_up(frame, step), 60).equals(roll_up(frame, 60))


@given(st.lists(st.floats(0, 1e6), min_size=60, max_size=60), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_changes_no_bit(energy_kwh: list[float], seed: int) -> None:
    frame = site(energy_kwh)

    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)

    assert roll_up(shuffled, 15).equals(roll_up(frame, 15))


def test_a_load_series_has_nan_where_the_meter_has_nothing() -> None:
    frame = pl.concat(
        [site([1.0] * 15 + [2.0] * 15 + [3.0] * 15, skip=(20,)), site([9.0] * 90, meter_id="x")]
    )

    series = to_load_series(frame, 15, "m")

    assert series.start_utc == NOON_UTC
    assert series.start_utc.tzinfo is UTC
    np.testing.assert_array_equal(series.energy_kwh, [15.0, np.nan, 45.0])
    assert series.coverage_ratio == pytest.approx([1.0, 14 / 15, 1.0])


def test_a_load_series_keeps_its_grid_over_a_hole() -> None:
    series = to_load_series(site([1.0, 2.0, 3.0, 4.0], minutes=15, skip=(1, 2)), 15, "m")

    np.testing.assert_array_equal(series.energy_kwh, [1.0, np.nan, np.nan, 4.0])
    assert series.coverage_ratio.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_the_load_series_of_a_job_is_found_by_its_name() -> None:
    frame = site([1.0, 2.0]).rename({"meter_id": "job_id"})

    assert to_load_series(frame, 1, "m").energy_kwh.tolist() == [1.0, 2.0]


def test_the_load_series_of_an_unknown_meter_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="meter 'other': expected at least one interval"):
        to_load_series(site([1.0]), 1, "other")


@pytest.mark.parametrize(
    ("lengths", "shared"),
    [
        ([], 5),
        ([1], 5),
        ([2], 6),
        ([3], 6),
        ([4], 8),
        ([15, 1], 15),
        ([10, 15], 30),
        ([9, 32], 288),
    ],
)
def test_intervals_of_several_lengths_share_the_shortest_that_all_fill(
    lengths: list[int], shared: int
) -> None:
    """Divisors of the day share a divisor of the day: nothing is split, whatever they are."""
    frame = pl.concat([site([]), *(site([1.0], minutes=one, meter_id=str(one)) for one in lengths)])

    assert shared_minutes(frame, 5) == shared
    assert MINUTES_PER_DAY % shared == 0
    assert roll_up(frame, shared).height == len(lengths)


def test_each_meter_on_its_own_grid_is_as_it_is_alone() -> None:
    first = site([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], skip=(2,))
    later = site([7.0, 8.0], skip=(0,)).with_columns(pl.lit("other").alias("meter_id"))
    both = pl.concat([later, first])

    found = each_load_series(both, 2)

    assert list(found) == sorted(found) == sorted(both["meter_id"].unique())
    for name, series in found.items():
        alone = to_load_series(both, 2, name)
        assert series.start_utc == alone.start_utc
        assert np.array_equal(series.energy_kwh, alone.energy_kwh, equal_nan=True)
        assert np.array_equal(series.coverage_ratio, alone.coverage_ratio)
