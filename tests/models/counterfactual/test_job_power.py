"""What each job drew, minute by minute: by hand."""

from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.gpu_change import Prepared
from negawatt.models.counterfactual.job_power import (
    JobMinutes,
    idle_power_w,
    job_minutes,
    minute_span,
)
from tests.models.counterfactual.fleets import DAY, IDLE_W, INF, Work, down, fleet_of

NODE = [0, 1, 2, 3]


def read(fleet: Fleet, first: int, last: int, *, job: int = 0) -> JobMinutes:
    return job_minutes(fleet, Prepared(fleet).runs_of[job], first, last)


def test_a_job_is_the_mean_of_its_gpus_while_it_holds_them() -> None:
    """Two of four GPUs from 3 to 6 at 300 W, looked at from 2 to 7."""
    fleet = fleet_of([Work(name="a", runs=[(3, 6, [1, 2])], power_w=300.0)])

    minutes = read(fleet, 2, 7)

    assert minutes.gpus_on.tolist() == [0, 2, 2, 2, 0]
    np.testing.assert_array_equal(minutes.per_gpu_w, [np.nan, 300, 300, 300, np.nan])
    np.testing.assert_array_equal(minutes.age_minutes, [np.nan, 0, 1, 2, np.nan])


def test_a_lost_reading_does_not_count_as_nothing() -> None:
    """One GPU says 100 W, the other nothing: 100 W each; in the next minute both are lost."""
    fleet = fleet_of([Work(name="a", runs=[(0, 2, [0, 1])], power_w=100.0)])
    power_w = fleet.gpu_power_w.copy()
    power_w[0, 0] = power_w[:2, 1] = np.nan

    minutes = read(replace(fleet, gpu_power_w=power_w), 0, 2)

    np.testing.assert_array_equal(minutes.per_gpu_w, [100, np.nan])
    assert minutes.gpus_on.tolist() == [2, 2]


def test_runs_of_one_job_follow_each_other_and_each_has_its_own_age() -> None:
    fleet = fleet_of([Work(name="a", runs=[(0, 3, [0]), (4, 6, [1, 2])])])

    minutes = read(fleet, 0, 6)

    assert minutes.gpus_on.tolist() == [1, 1, 1, 0, 2, 2]
    np.testing.assert_array_equal(minutes.age_minutes, [0, 1, 2, np.nan, 0, 1])


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (0.0, 120.0, (0, 2)),
        (29.0, 120.0, (0, 2)),
        (31.0, 120.0, (1, 2)),
        (0.0, 149.0, (0, 2)),
        (0.0, 151.0, (0, 3)),
        (-500.0, INF, (0, 9)),
        (700.0, 900.0, (9, 9)),
        (130.0, 140.0, (2, 2)),
    ],
)
def test_a_minute_is_held_if_more_than_half_of_it_is(
    start_s: float, end_s: float, expected: tuple[int, int]
) -> None:
    assert minute_span(start_s, end_s, 0, 9) == expected


def test_a_part_is_cut_to_what_is_covered() -> None:
    minutes = read(fleet_of([Work(name="a", runs=[(0, INF, NODE)])]), 100, 110)

    assert minutes.part(90, 103) == slice(0, 3)
    assert minutes.part(105, 200) == slice(5, 10)
    assert minutes.part(200, 300) == slice(10, 10)


def test_idle_power_is_that_of_free_gpus_in_service() -> None:
    """Job a holds three GPUs; node 1 is silent: the fourth GPU says 50 W."""
    fleet = fleet_of([Work(name="a", runs=[(0, INF, [0, 1, 2])])], nodes=2)

    assert idle_power_w(down(fleet, 1, 0, DAY), slice(0, DAY)) == IDLE_W


def test_a_minute_beside_a_run_is_not_idle() -> None:
    """The GPU is free from 10 to 13; in 10 and 12 its job still, or already, draws."""
    works = [
        Work(name="a", runs=[(0, 10, NODE)]),
        Work(name="b", runs=[(13, INF, NODE)]),
    ]
    fleet = fleet_of(works)
    power_w = fleet.gpu_power_w.copy()
    power_w[:, [10, 12]] = 390.0

    assert idle_power_w(replace(fleet, gpu_power_w=power_w), slice(0, DAY)) == IDLE_W


def test_idle_power_is_not_known_where_everything_was_held() -> None:
    fleet = fleet_of([Work(name="a", runs=[(0, INF, NODE)])])

    assert np.isnan(idle_power_w(fleet, slice(0, DAY)))
