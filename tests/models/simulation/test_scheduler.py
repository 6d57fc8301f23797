from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.scheduler import STARVING_AFTER_S, Claim, FreeGpus, Queue


def job(
    gpu_count: int,
    *,
    submit_s: int = 0,
    priority: int = 0,
    tier: int = 2,
    est_runtime_s: int | None = None,
) -> Job:
    return Job(
        job_id=f"job-{gpu_count}-{submit_s}",
        job_class=JobClass.FINETUNING,
        tier=tier,
        pool=Pool.BATCH,
        gpu_count=gpu_count,
        submit_s=submit_s,
        work_s=600.0,
        priority=priority,
        est_runtime_s=est_runtime_s,
    )


def queue_of(*jobs: Job) -> Queue:
    queue = Queue()
    for index, waiting in enumerate(jobs):
        queue.add(index, waiting)
    return queue


def started(queue: Queue, now_s: int, free: FreeGpus) -> list[int]:
    return [index for index, _ in queue.start(now_s, free, may_start=lambda _: True)]


def test_the_older_of_two_equals_starts_first() -> None:
    queue = queue_of(job(4, submit_s=20), job(4, submit_s=10))

    assert started(queue, 30, FreeGpus([range(4)])) == [1]


def test_priority_goes_before_age() -> None:
    queue = queue_of(job(4, submit_s=10), job(4, submit_s=20, priority=1))

    assert started(queue, 30, FreeGpus([range(4)])) == [1]


def test_a_small_job_passes_a_large_one_that_does_not_fit() -> None:
    queue = queue_of(job(8, submit_s=10), job(2, submit_s=20))

    assert started(queue, 30, FreeGpus([range(4)])) == [1]


def test_nobody_passes_a_starving_job() -> None:
    free = FreeGpus([range(4), range(4, 8)])
    free.take(1)
    queue = queue_of(job(8, submit_s=10), job(2, submit_s=20))

    assert started(queue, 11 + STARVING_AFTER_S, free) == []


def test_a_job_that_may_not_start_is_passed_and_stays() -> None:
    queue = queue_of(job(2, submit_s=10, tier=3), job(2, submit_s=20, tier=0))

    found = queue.start(
        11 + STARVING_AFTER_S, FreeGpus([range(4)]), may_start=lambda waiting: waiting.tier == 0
    )

    assert [index for index, _ in found] == [1]
    assert queue.indexes == [0]


def test_a_job_larger_than_a_node_waits_for_whole_nodes() -> None:
    free = FreeGpus([range(4), range(4, 8), range(8, 12)])

    assert free.take(1) == (0,)
    assert free.take(8) == (4, 5, 6, 7, 8, 9, 10, 11)


@given(sizes=st.lists(st.sampled_from([1, 2, 4, 8]), max_size=20))
@settings(max_examples=50)
def test_no_gpu_is_given_twice_and_all_come_back(sizes: list[int]) -> None:
    free = FreeGpus([range(4), range(4, 8), range(8, 12)])

    gangs = [gpus for size in sizes if (gpus := free.take(size)) is not None]
    taken = [gpu for gpus in gangs for gpu in gpus]
    for gpus in gangs:
        free.give_back(gpus)

    assert len(taken) == len(set(taken))
    assert free.take(12) == tuple(range(12))


def backfilled(queue: Queue, free: FreeGpus, *ends: tuple[float, tuple[int, ...]]) -> list[int]:
    """Return who starts at 0 s where the running jobs should end as given."""
    return [index for index, _ in queue.start(0, free, may_start=lambda _: True, ends=lambda: ends)]


def test_a_job_that_is_over_before_the_head_can_start_passes_it() -> None:
    """Three of four GPUs are free at 100 s; the head wants all four, a short job 50 s of one."""
    free = FreeGpus([range(4)])
    free.take(3)
    queue = queue_of(job(4, submit_s=-9), job(1, est_runtime_s=50))

    assert backfilled(queue, free, (100.0, (0, 1, 2))) == [1]


def test_a_job_that_would_delay_the_head_waits() -> None:
    """The same, but the other job is estimated at 101 s: it would keep the fourth GPU."""
    free = FreeGpus([range(4)])
    free.take(3)
    queue = queue_of(job(4, submit_s=-9), job(1, est_runtime_s=101))

    assert backfilled(queue, free, (100.0, (0, 1, 2))) == []
    assert free.counts() == [1]


def test_a_long_job_passes_where_the_head_finds_room_without_it() -> None:
    """At 100 s node 0 is whole; the head of four takes it, so one GPU of node 1 may be kept."""
    free = FreeGpus([range(4), range(4, 8)])
    free.take(4)
    free.take(2)
    queue = queue_of(job(4, submit_s=-9), job(1, est_runtime_s=9999))

    assert backfilled(queue, free, (100.0, (0, 1, 2, 3))) == [1]


def test_the_head_can_start_when_enough_of_its_gpus_should_be_free() -> None:
    """Two whole nodes: free at 300 s, when the last of three jobs on them should be over."""
    free = FreeGpus([range(2), range(2, 4)])
    free.take(4)

    claim = Claim(free, 4, [(300.0, (3,)), (100.0, (0, 1)), (200.0, (2,))])

    assert claim.at_s == 300.0
    assert claim.lets_pass((), 300.0)


def test_a_node_that_is_down_gives_and_takes_nothing_until_it_is_up() -> None:
    free = FreeGpus([range(2), range(2, 4)])
    gang = free.take(4)
    assert gang is not None

    free.take_down(range(2))
    free.give_back(gang)

    assert free.counts() == [0, 2]
    free.bring_up(range(2))
    assert free.take(4) == (0, 1, 2, 3)
