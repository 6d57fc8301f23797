"""Work in an event of two hours from 16:00 UTC against the rate of the hour before."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.models.domain.interval import Interval
from negawatt.models.verification.context import JobPerformance, JobProgress
from negawatt.models.verification.cost import Cost, cost_of
from tests.models.verification.conftest import START_UTC

HOUR = timedelta(hours=1)
EVENT = Interval(START_UTC, START_UTC + 2 * HOUR)


def job(
    job_id: str, tier: int | None, *work: tuple[float, float], scale: float = 1.0
) -> JobProgress:
    """Return the progress of a job from pairs of hours after the start and work [s]."""
    return JobProgress(
        job_id=job_id,
        flexibility_tier=tier,
        at_utc=tuple(START_UTC + hours * HOUR for hours, _ in work),
        work_s=tuple(scale * work_s for _, work_s in work),
    )


def costs(*jobs: JobProgress, reduction_kwh: float | None = 10.0) -> Cost:
    found = cost_of(jobs, EVENT, dispatch_start_utc=START_UTC, reduction_kwh=reduction_kwh)
    assert found is not None
    return found


def test_work_delayed_is_added_up_by_tier() -> None:
    """At 3600 s an hour before, two hours are worth 7200 s: capped did 5400, paused none.

    Delayed are 1800 of tier 2 and 7200 of tier 3: 9000 s, 900 for each of 10 kWh.
    """
    found = costs(
        job("paused", 3, (-1, 0), (0, 3600), (2, 3600)),
        job("capped", 2, (-1, 0), (0, 3600), (2, 9000)),
        job("steady", None, (-1, 0), (0, 3600), (2, 10800)),
    )

    assert [(one.job_id, one.throughput_ratio) for one in found.jobs] == [
        ("capped", 0.75),
        ("paused", 0.0),
        ("steady", 1.0),
    ]
    assert [(tier.name, tier.delayed_work_s) for tier in found.tiers] == [
        ("tier 2", 1800),
        ("tier 3", 7200),
        ("tier not known", 0),
    ]
    assert (found.delayed_work_s, found.delayed_work_s_per_kwh) == (9000, 900)


def test_work_between_two_looks_goes_by_a_straight_line() -> None:
    """1000 s from -2 to 0 h are 500 in the hour before; 1000 more to 4 h are 500 in the event."""
    found = costs(job("j", 1, (-2, 0), (0, 1000), (4, 2000)))

    assert found.jobs[0].delayed_work_s == 2 * 500 - 500


def test_a_job_that_ended_by_itself_delayed_nothing() -> None:
    found = costs(job("ended", 2, (-1, 0), (0, 3600), (1, 7200)))

    assert found.jobs[0].delayed_work_s is None
    assert "not looked at" in found.jobs[0].note
    assert found.delayed_work_s == 0
    assert found.tiers == ()


def test_a_job_that_did_nothing_before_has_no_ratio() -> None:
    found = costs(job("idle", 2, (-1, 5), (0, 5), (2, 105)))

    assert found.jobs[0].throughput_ratio is None
    assert found.jobs[0].delayed_work_s == -100


@pytest.mark.parametrize("reduction_kwh", [None, 0.0, -1.0])
def test_without_a_reduction_there_is_no_cost_of_one(reduction_kwh: float | None) -> None:
    steady = job("j", 1, (-1, 0), (0, 3600), (2, 5000))

    assert costs(steady, reduction_kwh=reduction_kwh).delayed_work_s_per_kwh is None


def test_progress_that_was_not_measured_costs_nothing_that_is_known() -> None:
    assert cost_of(None, EVENT, dispatch_start_utc=START_UTC, reduction_kwh=1.0) is None


def test_progress_is_told_oldest_first_with_a_figure_for_each_look() -> None:
    with pytest.raises(ValueError, match="oldest first"):
        job("j", 1, (1, 0), (0, 1))
    with pytest.raises(ValueError, match="as many"):
        JobProgress(job_id="j", flexibility_tier=1, at_utc=(START_UTC,), work_s=())


@given(
    work_s=st.lists(st.integers(0, 10_000), min_size=3, max_size=3),
    power_of_two=st.integers(-4, 4),
    other_first=st.booleans(),
)
def test_cost_scales_with_the_work_and_does_not_depend_on_the_order(
    work_s: list[int], power_of_two: int, *, other_first: bool
) -> None:
    looks = tuple(zip((-1.0, 0.0, 2.0), map(float, work_s), strict=True))
    other = job("other", 1, (-1, 0), (0, 64), (2, 96))
    scale = 2.0**power_of_two
    scaled = [job("j", 2, *looks, scale=scale), job("other", 1, (-1, 0), (0, 64), (2, 96))]

    plain = costs(job("j", 2, *looks))
    both = costs(*(reversed(scaled) if other_first else scaled))

    own_s = plain.jobs[0].delayed_work_s
    assert own_s is not None
    assert both.jobs[0].delayed_work_s == scale * own_s
    assert both.jobs[1] == costs(other).jobs[0]


def test_speed_that_an_operator_states_counts_where_no_progress_was_measured() -> None:
    """Half speed for two hours delays one hour of work; job a has progress, and that counts."""
    event = Interval(START_UTC, START_UTC + timedelta(hours=2))
    measured = JobProgress(
        job_id="a",
        flexibility_tier=1,
        at_utc=(START_UTC - timedelta(hours=1), event.end_utc),
        work_s=(0.0, 10800.0),
    )
    stated = [
        JobPerformance(job_id="b", flexibility_tier=3, throughput_ratio=0.5),
        JobPerformance(job_id="a", flexibility_tier=1, throughput_ratio=0.1),
    ]

    cost = cost_of(
        [measured],
        event,
        performance=stated,
        dispatch_start_utc=START_UTC,
        reduction_kwh=10.0,
    )

    assert cost is not None
    assert [(job.job_id, job.delayed_work_s) for job in cost.jobs] == [("a", 0.0), ("b", 3600.0)]
    assert cost.jobs[1].note == "as its operator states it"
    assert cost.delayed_work_s_per_kwh == 360.0


@pytest.mark.parametrize("ratio", [-0.1, float("nan")])
def test_an_impossible_speed_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        JobPerformance(job_id="a", flexibility_tier=None, throughput_ratio=ratio)
