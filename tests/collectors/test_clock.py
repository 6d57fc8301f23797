import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from negawatt.collectors.clock import SystemClock, VirtualClock
from negawatt.models.domain.units import NS_PER_MS, NS_PER_S


def test_virtual_time_passes_only_by_sleeping() -> None:
    clock = VirtualClock(datetime(2026, 7, 1, tzinfo=UTC))

    before = (clock.now_utc(), clock.monotonic_ns(), clock.now_utc())
    asyncio.run(clock.sleep_until_ns(3600 * NS_PER_S))

    assert before == (datetime(2026, 7, 1, tzinfo=UTC), 0, datetime(2026, 7, 1, tzinfo=UTC))
    assert clock.now_utc() == datetime(2026, 7, 1, 1, tzinfo=UTC)


def test_virtual_time_never_steps_back() -> None:
    clock = VirtualClock(datetime(2026, 7, 1, tzinfo=UTC))
    asyncio.run(clock.sleep_until_ns(NS_PER_S))

    asyncio.run(clock.sleep_until_ns(0))

    assert clock.monotonic_ns() == NS_PER_S


def test_a_virtual_clock_refuses_a_start_without_time_zone() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        VirtualClock(datetime(2026, 7, 1))  # noqa: DTZ001 - what is refused


def test_the_system_clock_wakes_at_the_deadline_and_not_before() -> None:
    clock = SystemClock()
    deadline_ns = clock.monotonic_ns() + 20 * NS_PER_MS

    asyncio.run(clock.sleep_until_ns(deadline_ns))

    assert clock.monotonic_ns() >= deadline_ns
    assert clock.now_utc().tzinfo == UTC


def test_a_virtual_clock_that_booted_earlier_has_counted_since() -> None:
    """A day before its start is 86,400 s; half a minute of sleep moves both clocks alike."""
    start_utc = datetime(2026, 7, 2, tzinfo=UTC)
    clock = VirtualClock(start_utc, start_utc - timedelta(days=1))

    assert clock.monotonic_ns() == 86_400 * NS_PER_S
    asyncio.run(clock.sleep_until_ns(86_430 * NS_PER_S))

    assert clock.now_utc() == start_utc + timedelta(seconds=30)
