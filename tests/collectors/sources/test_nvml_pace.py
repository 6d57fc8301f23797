"""How often a driver is asked: no more than its share of the time, and energy at every minute."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from negawatt.collectors.sources.nvml_pace import (
    DRIVER_TIME_LIMIT_RATIO,
    Pace,
    next_energy,
    pace,
)

_S = 1_000_000_000


@given(
    powers_ns=st.floats(0, 2e6),
    energy_ns=st.floats(0, 2e7),
    gpu_count=st.integers(1, 16),
    interval_ns=st.sampled_from([_S // 100, _S // 20, _S // 10, _S]),
)
def test_calls_take_their_share_of_the_time_and_no_more(
    powers_ns: float, energy_ns: float, gpu_count: int, interval_ns: int
) -> None:
    """Beyond the largest stride and ten seconds without energy nothing is left out."""
    found = pace(powers_ns, energy_ns, gpu_count, interval_ns)

    apart_ns = found.energy_stride * interval_ns
    powers_ratio = gpu_count * powers_ns / (found.stride * interval_ns)
    energy_ratio = gpu_count * energy_ns / apart_ns
    if found.stride < 64 and apart_ns < 10 * _S:
        assert powers_ratio + energy_ratio <= DRIVER_TIME_LIMIT_RATIO * 1.000001
    assert apart_ns <= max(10 * _S, found.stride * interval_ns) + interval_ns


@pytest.mark.parametrize(
    ("gpu_count", "hz", "stride", "apart_s"), [(1, 10, 1, 0.5), (8, 10, 1, 5.9), (8, 100, 8, 6.5)]
)
def test_the_h100s_energy_is_read_each_few_seconds_and_its_power_on_each_tick(
    gpu_count: int, hz: int, stride: int, apart_s: float
) -> None:
    """28 us for the powers and 3.5 ms for the energy, as measured (docs/h100.md)."""
    found = pace(28_000, 3_500_000, gpu_count, _S // hz)

    assert found.stride == stride
    assert found.energy_stride / hz == pytest.approx(apart_s, rel=0.1)


@given(
    now=st.builds(
        Pace, stride=st.sampled_from([1, 2, 8]), energy_stride=st.integers(8, 700),
        at_once=st.integers(1, 8),
    ),
    rank=st.integers(0, 7),
    minute_tick=st.floats(0, 599.999),
)  # fmt: skip
@example(now=Pace(1, 50, 8), rank=0, minute_tick=100.0)
@example(now=Pace(1, 50, 8), rank=0, minute_tick=599.99999)
def test_energy_is_read_at_both_sides_of_every_minute(
    now: Pace, rank: int, minute_tick: float
) -> None:
    """At 10 Hz, for three minutes; sides are as near as the sweeps before those of others allow."""
    read, due = [], 0
    for tick in range(0, 2000, now.stride):
        if tick >= due:
            read.append(tick)
            due = next_energy(tick, rank, now, minute_tick, 600)
            assert tick < due <= tick + now.energy_stride

    near = now.stride * (1 + rank // now.at_once)
    for minute in (1, 2, 3):
        edge = minute_tick + 600 * minute
        if edge > 1990 - near:
            continue
        assert any(edge - near - 1e-6 <= tick <= edge + 1e-6 for tick in read)
        assert any(edge - 1e-6 < tick <= math.floor(edge) + near + now.stride for tick in read)
