from datetime import UTC, datetime

import pytest

from negawatt.collectors.freshness import CounterWatch, Judgment
from negawatt.collectors.sources.protocol import (
    GpuIdentity,
    PowerScope,
    Reading,
    ReadingQuality,
    Stamp,
)
from negawatt.models.domain.findings import FindingCode

_STAMP = Stamp(
    observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=None
)


def _reading(
    energy_millijoule: int | None,
    power_milliwatt: int | None = 500_000,
    scope: PowerScope = PowerScope.GPU,
) -> Reading:
    return Reading(
        identity=GpuIdentity(gpu_uuid="GPU-1"),
        stamp=_STAMP,
        power_milliwatt=power_milliwatt,
        energy_total_millijoule=energy_millijoule,
        power_scope=scope,
    )


def _judged(*readings: Reading) -> list[Judgment]:
    watch = CounterWatch()
    return [watch.judge(reading) for reading in readings]


def test_an_unchanged_counter_marks_a_repeat_and_a_moved_one_does_not() -> None:
    qualities = [j.reading_quality for j in _judged(_reading(10), _reading(10), _reading(11))]

    assert qualities == [ReadingQuality.OK, ReadingQuality.REPEAT, ReadingQuality.OK]


def test_a_decrease_is_a_reset_and_never_a_wrap() -> None:
    """2^64 - 1 mJ to 5 mJ would be 6 mJ for a counter that wraps; here a new epoch begins."""
    before, after, later = _judged(_reading(2**63 - 1), _reading(5), _reading(6))

    assert (before.counter_epoch, after.counter_epoch, later.counter_epoch) == (0, 1, 1)
    assert after.reading_quality == ReadingQuality.RESET_EPOCH
    assert after.finding is not None
    assert after.finding.code == FindingCode.COUNTER_RESET
    assert after.finding.evidence["before_millijoule"] == 2**63 - 1
    assert later.finding is None


def test_a_reset_is_seen_across_readings_without_a_counter() -> None:
    epochs = [j.counter_epoch for j in _judged(_reading(100), _reading(None), _reading(7))]

    assert epochs == [0, 0, 1]


def test_zero_watts_are_suspect_and_not_idle() -> None:
    assert _judged(_reading(10, 0))[0].reading_quality == ReadingQuality.ZERO_SUSPECT


def test_unknown_power_is_not_zero() -> None:
    assert _judged(_reading(10, None))[0].reading_quality == ReadingQuality.OK


def test_scopes_have_counters_of_their_own() -> None:
    module = _reading(5, scope=PowerScope.MODULE)

    epochs = [j.counter_epoch for j in _judged(_reading(100), module, _reading(101))]

    assert epochs == [0, 0, 0]


@pytest.mark.parametrize("own", [ReadingQuality.FIELD_ERROR])
def test_what_the_source_found_wrong_stands_first(own: ReadingQuality) -> None:
    reading = Reading(
        identity=GpuIdentity(gpu_uuid="GPU-1"),
        stamp=_STAMP,
        power_milliwatt=0,
        reading_quality=own,
    )

    assert CounterWatch().judge(reading).reading_quality == own
