"""A fleet's totals: by hand on two nodes of four GPUs; an idle one draws 50 W."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.site_series import busy_gpus, site_minutes, total_gpu_kw
from tests.models.counterfactual.fleets import DAY, INF, NODE, OTHER_NODE, Work, fleet_of

WORKS = [
    Work(name="a", runs=[(0, INF, NODE)]),
    Work(name="b", runs=[(0, 700, OTHER_NODE)], drawn=[(600, 700, 300.0)]),
]


def silent(gpus: list[int], first: int, last: int) -> Fleet:
    fleet = fleet_of(WORKS, nodes=2)
    power_w = fleet.gpu_power_w.copy()
    power_w[gpus, first:last] = np.nan
    return replace(fleet, gpu_power_w=power_w)


def test_the_total_is_the_sum_of_all_gpus() -> None:
    """Eight at 400 W, then four of them at 300 W, then idle at 50 W."""
    found = total_gpu_kw(fleet_of(WORKS, nodes=2))

    np.testing.assert_allclose(found[[0, 650, 800]], [3.2, 2.8, 1.8])


def test_a_silent_gpu_is_counted_at_the_mean_of_its_node() -> None:
    found = total_gpu_kw(silent([4, 5, 6], 600, 610))

    np.testing.assert_allclose(found[600:610], 2.8)


def test_a_silent_node_is_counted_at_what_it_drew_before_and_after() -> None:
    """Silent from 590 to 610: 400 W before and 300 W after, a line of 21 steps between them."""
    found = total_gpu_kw(silent(OTHER_NODE, 590, 610))

    line_w = 400 - 100 * (np.arange(20) + 1) / 21
    np.testing.assert_allclose(found[590:610], 1.6 + 4 * line_w / 1000)


def test_a_node_that_is_down_draws_nothing() -> None:
    fleet = silent(OTHER_NODE, 750, 800)
    node_down = np.zeros((2, DAY), dtype=bool)
    node_down[1, 750:800] = True

    found = total_gpu_kw(replace(fleet, node_down=node_down))

    np.testing.assert_allclose(found[[749, 750, 799, 800]], [1.8, 1.6, 1.6, 1.8])


def test_a_node_that_was_never_heard_counts_for_nothing() -> None:
    found = total_gpu_kw(silent(OTHER_NODE, 0, DAY))

    np.testing.assert_allclose(found, 1.6)


def test_where_most_are_silent_the_total_is_not_known() -> None:
    fleet = silent([0, 1, 2, 3, 4], 600, 610)

    assert np.flatnonzero(np.isnan(total_gpu_kw(fleet))).tolist() == list(range(600, 610))


def test_busy_gpus_are_those_that_jobs_hold() -> None:
    found = busy_gpus(fleet_of(WORKS, nodes=2))

    assert found[[0, 699, 700]].tolist() == [8, 8, 4]


@pytest.mark.parametrize(("hour", "first"), [(0, 0), (7, 420)])
def test_the_clock_is_that_of_utc_wherever_the_days_begin(hour: int, first: int) -> None:
    fleet = replace(fleet_of(WORKS, nodes=2), start_utc=datetime(2026, 6, 1, hour, tzinfo=UTC))

    found = site_minutes(fleet, total_gpu_kw(fleet))

    assert found.minute_of_day[0] == first
    assert found.minute_of_day[-1] == (first + DAY - 1) % DAY
    assert found.day.tolist().count(0) == DAY - first
    assert not found.storage_kw.any()
