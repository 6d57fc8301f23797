from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.sources.protocol import Batch, GapReason, GpuIdentity, Reading, Stamp
from negawatt.collectors.target_state import BackOff, TargetState, TargetWatch

_STAMP = Stamp(observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=0)
_BACK_OFF = BackOff(interval_ns=1, failing_after_count=3, limit_ns=8, gone_after_ns=20)
_FAILED = Batch.failed(GapReason.TIMEOUT)


def _answer(*uuids: str) -> Batch:
    return Batch(
        readings=tuple(
            Reading(identity=GpuIdentity(gpu_uuid=uuid), stamp=_STAMP, power_milliwatt=1)
            for uuid in uuids
        )
    )


def _ticks_read(watch: TargetWatch, batch: Batch, ticks: range) -> list[int]:
    """Give the same answer on each tick that is due; return which those were."""
    read = []
    for tick in ticks:
        if watch.is_due(tick):
            read.append(tick)
            watch.observe(batch, tick)
    return read


def test_a_target_that_gives_every_gpu_is_healthy_and_is_read_on_every_tick() -> None:
    watch = TargetWatch(_BACK_OFF)

    assert _ticks_read(watch, _answer("a", "b"), range(5)) == [0, 1, 2, 3, 4]
    assert watch.state == TargetState.HEALTHY


def test_a_target_that_loses_a_gpu_is_degraded_until_it_is_back() -> None:
    watch = TargetWatch(_BACK_OFF)
    watch.observe(_answer("a", "b"), 0)

    lost = watch.observe(_answer("a"), 1)
    back = watch.observe(_answer("a", "b"), 2)

    assert lost
    assert (lost.before, lost.after, lost.reason) == ("healthy", "degraded", "not_in_answer")
    assert back
    assert (back.before, back.after, back.reason) == ("degraded", "healthy", None)


def test_a_target_that_fails_is_read_less_and_less_and_is_gone_in_the_end() -> None:
    """Failed on 0, 1, 2: failing. Pauses of 2, 4, 8, 8: ticks 4, 8, 16, 24; gone 20 after 2."""
    watch = TargetWatch(_BACK_OFF)

    found = [
        (_ticks_read(watch, _FAILED, ticks), watch.state.value)
        for ticks in (range(2), range(2, 20), range(20, 40))
    ]

    assert found == [([0, 1], "degraded"), ([2, 4, 8, 16], "failing"), ([24, 32], "gone")]


def test_one_answer_makes_a_target_that_was_gone_healthy() -> None:
    watch = TargetWatch(_BACK_OFF)
    _ticks_read(watch, _FAILED, range(40))

    transition = watch.observe(_answer("a"), 40)

    assert transition
    assert (transition.before, transition.after) == ("gone", "healthy")
    assert _ticks_read(watch, _answer("a"), range(41, 44)) == [41, 42, 43]


def test_a_page_without_power_is_an_answer_and_nothing_to_back_off_from() -> None:
    watch = TargetWatch(_BACK_OFF)
    without = Batch(missing={"a": GapReason.NO_POWER_READING})

    assert _ticks_read(watch, without, range(9)) == list(range(9))
    assert watch.state == TargetState.DEGRADED


@given(st.lists(st.booleans(), max_size=40))
@settings(max_examples=20)
def test_a_target_is_asked_at_least_once_in_the_longest_pause(answers: list[bool]) -> None:
    watch, last_read = TargetWatch(_BACK_OFF), 0

    for tick, is_answered in enumerate(answers):
        if watch.is_due(tick):
            last_read = tick
            watch.observe(_answer("a") if is_answered else _FAILED, tick)
        assert tick - last_read <= _BACK_OFF.limit_ns
