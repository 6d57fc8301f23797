from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.verification.reduction import event_reduction

BaselineOf = Callable[..., BaselineResult]


def test_totals_are_the_sums_of_the_intervals(baseline_of: BaselineOf) -> None:
    """Half-hours 50 - 40, 50 - 30, 50 - 35: 45 kWh in 1.5 h is 30 kW; 20, 40 and 30 kW each.

    Two of three reach 30 kW; the worst is the first.
    """
    result = baseline_of([50, 50, 50], [40, 30, 35], interval_minutes=30)

    reduction = event_reduction(result, committed_kw=30.0)

    assert reduction.adjusted_baseline_kwh == 150.0
    assert reduction.metered_kwh == 105.0
    assert reduction.reduction_kwh == 45.0
    assert reduction.duration_h == 1.5
    assert reduction.reduction_kw_mean == 30.0
    assert reduction.meeting_ratio == pytest.approx(2 / 3)
    assert reduction.worst_reduction_kw == 20.0
    assert reduction.worst_interval_start_utc == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert reduction.findings == ()


def test_an_interval_above_its_baseline_counts_against_the_others(baseline_of: BaselineOf) -> None:
    """10 - 30 = -20 in the second hour: the event is at -15, not at +5."""
    reduction = event_reduction(baseline_of([10, 10], [5, 30]))

    assert reduction.reduction_kwh == -15.0
    assert reduction.worst_reduction_kw == -20.0
    assert reduction.meeting_ratio is None


def test_one_unknown_interval_makes_every_total_unknown(baseline_of: BaselineOf) -> None:
    reduction = event_reduction(baseline_of([10, 10], [5, float("nan")]), committed_kw=1.0)

    assert reduction.reduction_kwh is reduction.metered_kwh is reduction.meeting_ratio is None
    assert reduction.adjusted_baseline_kwh is None
    (finding,) = reduction.findings
    assert (finding.code, finding.severity) == (FindingCode.COVERAGE_LOW, Severity.BLOCKING)
    assert finding.evidence["unknown_interval_start_utc"] == ["2026-07-01T17:00:00+00:00"]


def test_binary_noise_does_not_miss_a_commitment(baseline_of: BaselineOf) -> None:
    """0.3 - 0.2 is 0.09999999999999998 in binary, and 0.1 kW was promised."""
    assert event_reduction(baseline_of([0.3], [0.2]), committed_kw=0.1).meeting_ratio == 1.0


@given(
    energies=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12
    ),
    power_of_two=st.integers(-6, 6),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_site_twice_as_large_reduces_twice_as_much(
    baseline_of: BaselineOf, energies: list[tuple[int, int]], power_of_two: int
) -> None:
    factor = 2.0**power_of_two
    small = event_reduction(baseline_of([b for b, _ in energies], [m for _, m in energies]))

    large = event_reduction(
        baseline_of([b * factor for b, _ in energies], [m * factor for _, m in energies])
    )

    assert small.reduction_kwh is not None
    assert large.reduction_kwh == small.reduction_kwh * factor
