"""Delivered energy of each interval against a commitment; hours, so kWh and kW agree."""

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.models.baselines.result import Adjustment, BaselineResult
from negawatt.models.uncertainty.conformal import ReductionBand
from negawatt.models.verification.delivery import delivery_of
from tests.models.verification.conftest import START_UTC, load_from


def band(lower_kwh: Sequence[float | None], upper_kwh: Sequence[float | None]) -> ReductionBand:
    return ReductionBand(
        level_ratio=0.9,
        placebo_count=9,
        lower_kwh=None,
        upper_kwh=None,
        one_sided_lower_kwh=None,
        commitment_met_probability=None,
        interval_lower_kwh=tuple(lower_kwh),
        interval_upper_kwh=tuple(upper_kwh),
    )


def no_band(count: int) -> ReductionBand:
    return band([None] * count, [None] * count)


def test_delivery_above_and_below_the_commitment_is_counted_apart(
    baseline_of: Callable[..., BaselineResult],
) -> None:
    """Of 100 kWh, 60, 75 and 68 used leave 40, 25 and 32; against 30: 10 + 2 over, 5 under.

    A tolerance of 5 kW holds all three, one of 4 kW two of them.
    """
    result = baseline_of([100, 100, 100], [60, 75, 68])

    loose = delivery_of(result, no_band(3), committed_kw=30, tolerance_kw=5)
    tight = delivery_of(result, no_band(3), committed_kw=30, tolerance_kw=4)

    assert loose is not None
    assert tight is not None
    assert [one.delivered_kw for one in loose.intervals] == [40, 25, 32]
    assert [one.beyond_commitment_kwh for one in loose.intervals] == [10, -5, 2]
    assert (loose.over_kwh, loose.under_kwh) == (12, 5)
    assert loose.worst_shortfall_kw == 5
    assert loose.worst_interval_start_utc == result.interval_start_utc[1]
    assert loose.within_tolerance_ratio == 1
    assert tight.within_tolerance_ratio == pytest.approx(2 / 3)


def test_power_is_energy_over_the_length_of_the_interval(
    baseline_of: Callable[..., BaselineResult],
) -> None:
    """A quarter hour that delivered 5 kWh delivered 20 kW, 2.5 kWh more than 10 kW would."""
    result = baseline_of([25], [20], interval_minutes=15)

    delivery = delivery_of(result, no_band(1), committed_kw=10)

    assert delivery is not None
    assert delivery.intervals[0].delivered_kw == 20
    assert delivery.over_kwh == 2.5


def test_each_interval_carries_its_own_band(baseline_of: Callable[..., BaselineResult]) -> None:
    result = baseline_of([100, 100], [60, 70])

    delivery = delivery_of(result, band([30.0, None], [50.0, None]), committed_kw=None)

    assert delivery is not None
    assert (delivery.intervals[0].lower_kwh, delivery.intervals[0].upper_kwh) == (30, 50)
    assert delivery.intervals[1].lower_kwh is None
    assert delivery.over_kwh is None
    assert delivery.intervals[0].within_tolerance is None


def test_unknown_energy_delivers_nothing_that_is_known(
    baseline_of: Callable[..., BaselineResult],
) -> None:
    result = baseline_of([100, 100], [60, math.nan])

    assert delivery_of(result, no_band(2), committed_kw=30) is None


@given(
    used_kwh=st.lists(st.integers(0, 200), min_size=1, max_size=12),
    committed_kw=st.integers(0, 100),
)
def test_over_less_under_is_the_reduction_less_the_commitment(
    used_kwh: list[int], committed_kw: int
) -> None:
    load = load_from(START_UTC, used_kwh, 60)
    hundred = load_from(START_UTC, [100] * len(used_kwh), 60).energy_kwh
    result = BaselineResult(
        program_id="p",
        rule_id="r",
        rule_digest="0" * 64,
        meter_id="m",
        interval_minutes=60,
        interval_start_utc=tuple(START_UTC + n * load.interval for n in range(len(used_kwh))),
        baseline_kwh=hundred,
        adjusted_baseline_kwh=hundred,
        metered_kwh=load.energy_kwh,
        days=(),
        adjustment=Adjustment(kind="none"),
    )

    delivery = delivery_of(result, no_band(len(used_kwh)), committed_kw=committed_kw)

    assert delivery is not None
    assert delivery.over_kwh is not None
    assert delivery.under_kwh is not None
    expected_kwh = 100 * len(used_kwh) - sum(used_kwh) - committed_kw * len(used_kwh)
    assert delivery.over_kwh - delivery.under_kwh == expected_kwh
