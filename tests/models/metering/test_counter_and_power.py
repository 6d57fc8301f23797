"""Counter and power of one GPU whose load comes and goes, read once a minute or every few seconds.

The load is 700 W, and 400 W in stretches of 10 to 50 s that begin at random, about one in three
minutes: a training run between two batches. The counter is exact.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.metering.counter_and_power import (
    DISAGREEMENT_LIMIT_RATIO,
    Compared,
    disagreement,
    squared_misses_j2,
)
from negawatt.models.metering.energy_counter import CounterReadings, counter_energy
from negawatt.models.metering.power_samples import sampled_energy
from negawatt.models.metering.sample_rules import SampleRules

DAY_S = 86_400
BOUNDARY_MS = np.arange(0, DAY_S + 1, 60, dtype=np.int64) * 1_000


@pytest.fixture(scope="module")
def power_w() -> NDArray[np.float64]:
    """Return the load of each second of a day [W]."""
    random = np.random.default_rng(7)
    made = np.full(DAY_S + 1, 700.0)
    for start in random.integers(0, DAY_S, size=DAY_S // 180):
        made[start : start + random.integers(10, 51)] = 400.0
    return made


def compared(
    power_w: NDArray[np.float64], step_s: int, gain: float = 1.0, drop: float = 1.0
) -> Compared:
    """Return what readings every ``step_s`` say, power times ``gain``, counter times ``drop``."""
    counter_j = np.concatenate([[0.0], np.cumsum(power_w[:-1])]) * drop
    second = np.arange(0, DAY_S + 1, step_s)
    readings = CounterReadings(
        time_ms=second * 1_000, energy_total_millijoule=(counter_j[second] * 1_000).astype(np.int64)
    )
    rules = SampleRules(max_gap_s=95.0)
    sensed_w = power_w[second] * gain
    counter = counter_energy(readings, BOUNDARY_MS, max_gap_s=95.0)
    power = sampled_energy(readings.time_ms, sensed_w, BOUNDARY_MS, rules, subject="GPU 'a'")
    return Compared(
        counter_j=counter.energy_j,
        power_j=power.energy_j,
        is_covered=np.minimum(counter.coverage_ratio, power.coverage_ratio) == 1,
        missed_j2=squared_misses_j2(readings, sensed_w, BOUNDARY_MS, 95.0),
    )


def findings(made: Compared) -> list[Finding]:
    return disagreement("GPU 'a'", made, BOUNDARY_MS, 1)


@pytest.mark.parametrize("step_s", [30, 60])
def test_what_slow_samples_miss_is_no_disagreement(
    power_w: NDArray[np.float64], step_s: int
) -> None:
    """More than 50 windows of 5 minutes are apart by more than 2 %, up and down alike."""
    made = compared(power_w, step_s)

    power_j, counter_j = (
        values.reshape(-1, 5).sum(axis=1) for values in (made.power_j, made.counter_j)
    )
    apart = np.abs(power_j / counter_j - 1) > DISAGREEMENT_LIMIT_RATIO
    assert apart.sum() > 50
    assert findings(made) == []


@pytest.mark.parametrize("change", [{"gain": 1.03}, {"gain": 0.97}, {"drop": 0.97}])
def test_a_meter_that_is_off_by_three_percent_is_found_over_the_day(
    power_w: NDArray[np.float64], change: dict[str, float]
) -> None:
    (found,) = findings(compared(power_w, 60, **change))

    ratio = change.get("gain", 1.0) / change.get("drop", 1.0) - 1
    assert found.code is FindingCode.ENERGY_METHODS_DISAGREE
    assert found.evidence["day_ratio"] == pytest.approx(ratio, abs=0.01)
    assert found.evidence["window_count"] == 0


def test_a_meter_that_is_off_for_an_hour_is_found_where_readings_are_close(
    power_w: NDArray[np.float64],
) -> None:
    """Read every second, 40 % more for an hour is seen in its 12 windows; of the day 1.7 %."""
    made = compared(power_w, 1)
    high = compared(power_w, 1, gain=1.4)
    hour = slice(600, 660)
    for name in ("power_j", "missed_j2"):
        getattr(made, name)[hour] = getattr(high, name)[hour]

    (found,) = findings(made)

    assert found.evidence["window_count"] == 12
    assert found.evidence["worst_start_utc"].startswith("1970-01-01T10:")  # type: ignore[attr-defined]  # text
    assert abs(found.evidence["day_ratio"]) < DISAGREEMENT_LIMIT_RATIO  # type: ignore[arg-type]  # a float


def test_a_gpu_twice_as_large_is_judged_alike(power_w: NDArray[np.float64]) -> None:
    one, two = (findings(compared(power_w * scale, 60, gain=1.03)) for scale in (1, 2))

    assert one[0].evidence["day_ratio"] == two[0].evidence["day_ratio"]


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": np.array([0, 1])},
        {"is_known": np.array([True, False])},
        {"energy_total_millijoule": np.array([9_000, 0])},
        {"time_ms": np.array([0, 36_000])},
        {"time_ms": np.array([90_000, 100_000])},
    ],
    ids=["new boot", "no reading", "reset", "gap", "outside"],
)
def test_a_stretch_that_says_nothing_is_left_out(change: dict[str, NDArray[np.int64]]) -> None:
    made: dict[str, NDArray[np.int64]] = {
        "time_ms": np.array([0, 10_000]),
        "energy_total_millijoule": np.array([0, 700_000]),
    }
    boundary_ms = np.array([0, 60_000])
    power_w = np.array([100.0, 100.0])

    def missed_j2(**parts: NDArray[np.int64]) -> float:
        readings = CounterReadings(**parts)  # type: ignore[arg-type]  # by name
        return float(squared_misses_j2(readings, power_w, boundary_ms, 35.0)[0])

    assert missed_j2(**made) == 90_000.0
    assert missed_j2(**made | change) == 0.0


def test_power_between_two_energies_is_integrated_over_all_its_readings() -> None:
    """5 s at 100 W, 5 s from 100 to 300 W: 500 + 1000 J, of which the counter says 1400."""
    readings = CounterReadings(
        time_ms=np.array([0, 5_000, 10_000, 15_000]),
        energy_total_millijoule=np.array([0, 7, 1_400_000, 7]),
        is_known=np.array([True, False, True, False]),
    )
    power_w = np.array([100.0, 100.0, 300.0, 300.0])

    missed = squared_misses_j2(readings, power_w, np.array([0, 60_000]), 35.0)

    assert missed.tolist() == [10_000.0]


def test_a_failed_read_of_power_is_no_reading() -> None:
    readings = CounterReadings(
        time_ms=np.array([0, 10_000, 20_000]), energy_total_millijoule=np.array([0, 1_000, 2_000])
    )

    power_w = np.array([100.0, 0.0, np.nan])

    missed = squared_misses_j2(readings, power_w, np.array([0, 60_000]), 35.0)

    assert missed.tolist() == [0.0]
