"""Load raised before an event: found where it was put in, and not elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.gpu_change import Prepared
from negawatt.models.counterfactual.inflation import Inflation, inflation
from tests.models.counterfactual.fleets import DAY, INF, Work, fleet_of

NODE = [0, 1, 2, 3]
SPAN = (4 * DAY + 900, 4 * DAY + 1080)


def noisy(
    *, raised_ratio: float = 0.0, seed: int = 1, works: int = 2, wander_ratio: float = 0.02
) -> Fleet:
    """Return five days of jobs that wander over hours, raised for four hours at the end."""
    random = np.random.default_rng(seed)
    fleet = fleet_of(
        [Work(name=f"j{n}", runs=[(0, INF, [4 * n + gpu for gpu in NODE])]) for n in range(works)],
        nodes=works,
        minutes=5 * DAY,
        events=[SPAN],
    )
    hours = random.normal(size=(works, 5 * 24 + 1)) * wander_ratio
    wander = np.stack([np.interp(np.arange(5 * DAY) / 60, np.arange(121), row) for row in hours])
    factor = 1 + np.repeat(wander, 4, axis=0)
    factor[:, SPAN[0] - 240 : SPAN[0]] *= 1 + raised_ratio
    return replace(fleet, gpu_power_w=(fleet.gpu_power_w * factor).astype(np.float32))


def found_in(fleet: Fleet, *, placebo_count: int = 12) -> Inflation:
    quiet = [SPAN[0] - DAY // 2 - 240 * back for back in range(3, 3 + placebo_count)]
    return inflation(Prepared(fleet), range(len(fleet.jobs)), SPAN, quiet)


def test_the_excess_is_the_last_hours_over_the_mean_of_earlier_and_later_ones() -> None:
    """440 W in the last four hours, 400 W earlier, 480 W afterwards: 440 / 440 - 1 = 0."""
    first, last = SPAN
    work = Work(
        name="a",
        runs=[(0, INF, NODE)],
        drawn=[(first - 240, first, 440.0), (last, 5 * DAY, 480.0)],
    )
    calm = Work(name="a", runs=[(0, INF, NODE)], drawn=[(first - 240, first, 440.0)])

    level = found_in(fleet_of([work], minutes=5 * DAY, events=[SPAN]))
    raised = found_in(fleet_of([calm], minutes=5 * DAY, events=[SPAN]))

    assert level.ratio == pytest.approx(0.0, abs=1e-6)
    assert not level.is_inflated
    assert raised.ratio == pytest.approx(0.1)
    assert raised.is_inflated
    assert raised.likely_ratio == pytest.approx(0.1)
    assert level.likely_ratio == pytest.approx(0.0, abs=1e-6)


def test_ten_percent_more_is_found_among_wandering_jobs() -> None:
    found = found_in(noisy(raised_ratio=0.10, works=4))

    assert found.is_inflated
    assert found.ratio == pytest.approx(0.10, abs=0.03)
    assert found.placebo_sd_ratio < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("wander_ratio", [0.02, 0.1])
def test_wandering_jobs_alone_are_not_called_inflated(wander_ratio: float) -> None:
    fleets = [noisy(seed=seed, wander_ratio=wander_ratio) for seed in range(20)]

    assert not [fleet for fleet in fleets if found_in(fleet).is_inflated]


def test_load_that_was_lowered_before_an_event_is_no_inflation() -> None:
    found = found_in(noisy(raised_ratio=-0.2))

    assert found.ratio < -0.1
    assert not found.is_inflated
    assert found.likely_ratio == 0.0


def test_an_excess_that_chance_may_have_made_counts_for_less() -> None:
    found = found_in(noisy(seed=3, wander_ratio=0.1, raised_ratio=0.05))

    assert found.ratio > 0
    assert not found.is_inflated
    assert 0 <= found.likely_ratio < found.ratio


def test_a_large_job_weighs_more_than_a_small_one() -> None:
    """Four GPUs at 440 W and one at 400 W: (4 x 440 + 400) / (5 x 400) - 1 = 8 %."""
    first = SPAN[0]
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(first - 240, first, 440.0)]),
        Work(name="b", runs=[(0, INF, [4])]),
    ]

    found = found_in(fleet_of(works, nodes=2, minutes=5 * DAY, events=[SPAN]))

    assert found.ratio == pytest.approx(0.08)


def test_services_are_left_to_their_request_rate() -> None:
    fleet = noisy(raised_ratio=0.5)
    rate = np.ones(fleet.n_minutes)

    found = found_in(replace(fleet, service_load={0: rate, 1: rate}))

    assert np.isnan(found.ratio)
    assert not found.is_inflated


def test_a_job_that_was_not_there_before_the_notice_says_nothing() -> None:
    work = Work(name="a", runs=[(SPAN[0] - 200, INF, NODE)])

    found = found_in(fleet_of([work], minutes=5 * DAY, events=[SPAN]))

    assert np.isnan(found.ratio)
    assert not found.is_inflated


def test_few_quiet_stretches_tell_no_spread() -> None:
    """Then an excess above 2 % counts: there is nothing better to hold it against."""
    found = found_in(noisy(raised_ratio=0.2), placebo_count=3)

    assert np.isnan(found.placebo_sd_ratio)
    assert found.is_inflated
