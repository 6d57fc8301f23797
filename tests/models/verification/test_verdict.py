from collections.abc import Callable
from datetime import timedelta

import pytest

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.obligation import Obligation, PowerLevel
from negawatt.models.verification.reduction import event_reduction
from negawatt.models.verification.verdict import Outcome, judge, judge_baseline, judge_cap

BaselineOf = Callable[..., BaselineResult]
LoadAround = Callable[..., tuple[LoadSeries, Interval]]

NOT_SET = PowerLevel(is_set=False, power_kw=None, basis="not set")
UNKNOWN = PowerLevel(is_set=True, power_kw=None, basis="not known")


def level(power_kw: float) -> PowerLevel:
    return PowerLevel(is_set=True, power_kw=power_kw, basis="the event")


@pytest.mark.parametrize(
    ("committed_kw", "outcome", "ratio"),
    [(30.0, Outcome.MET, 1.0), (40.0, Outcome.NOT_MET, 0.75), (0.0, Outcome.MET, None)],
)
def test_the_mean_delivered_is_compared_with_the_commitment(
    baseline_of: BaselineOf, committed_kw: float, outcome: Outcome, ratio: float | None
) -> None:
    """100 - 60 and 100 - 80: 40 and 20 kW, 30 in the mean, though the second hour is below."""
    reduction = event_reduction(baseline_of([100, 100], [60, 80]))

    verdict = judge_baseline(reduction, level(committed_kw))

    assert verdict.delivered_kw_mean == 30.0
    assert (verdict.outcome, verdict.delivered_ratio) == (outcome, ratio)


def test_using_more_than_the_baseline_is_a_negative_ratio(baseline_of: BaselineOf) -> None:
    """100 - 110 of 20 promised."""
    verdict = judge_baseline(event_reduction(baseline_of([100], [110])), level(20.0))

    assert (verdict.outcome, verdict.delivered_ratio) == (Outcome.NOT_MET, -0.5)


def test_an_unknown_reduction_or_commitment_is_not_computable(baseline_of: BaselineOf) -> None:
    known = event_reduction(baseline_of([100], [60]))
    unknown = event_reduction(baseline_of([100], [float("nan")]))

    assert judge_baseline(unknown, level(20.0)).outcome is Outcome.NOT_COMPUTABLE
    assert judge_baseline(known, UNKNOWN).outcome is Outcome.NOT_COMPUTABLE
    assert judge_baseline(known, NOT_SET).outcome is Outcome.NOT_SET


def test_breaches_are_spans_above_limit_and_tolerance(load_around: LoadAround) -> None:
    """Limit 75, tolerance 2: 70 and 75 are within, 77 is tolerated, 80, 79 and 90 are breaches.

    Within the limit 2 of 6, with tolerance 3 of 6; the two neighbors are one span.
    """
    load, event = load_around([100], [80, 79, 70, 77, 75, 90])

    verdict = judge_cap(load, event, level(75.0), tolerance_kw=2.0)

    assert verdict.outcome is Outcome.NOT_MET
    assert verdict.within_limit_ratio == pytest.approx(2 / 6)
    assert verdict.within_tolerance_ratio == pytest.approx(3 / 6)
    assert verdict.worst_exceedance_kw == 15.0
    assert verdict.worst_interval_start_utc == event.start_utc + timedelta(minutes=150)
    assert [breach.exceedance_kw_max for breach in verdict.breaches] == [5.0, 15.0]
    assert verdict.breaches[0].interval == Interval(
        event.start_utc, event.start_utc + timedelta(hours=1)
    )
    assert verdict.breaches[1].interval.end_utc == event.end_utc


def test_a_load_at_its_limit_keeps_it(load_around: LoadAround) -> None:
    """0.1 + 0.2 is 0.30000000000000004 in binary: no breach of 0.3."""
    load, event = load_around([1], [0.1 + 0.2])

    verdict = judge_cap(load, event, level(0.3))

    assert (verdict.outcome, verdict.worst_exceedance_kw) == (Outcome.MET, 0.0)


def test_what_is_outside_the_event_breaches_nothing(load_around: LoadAround) -> None:
    load, event = load_around([500], [70], [500])

    assert judge_cap(load, event, level(75.0)).breaches == ()


@pytest.mark.parametrize(
    ("event_kw", "outcome"),
    [
        ([70.0, float("nan")], Outcome.NOT_COMPUTABLE),
        ([80.0, float("nan")], Outcome.NOT_MET),
        ([float("nan"), float("nan")], Outcome.NOT_COMPUTABLE),
    ],
)
def test_a_gap_can_hide_a_breach_but_not_heal_one(
    load_around: LoadAround, event_kw: list[float], outcome: Outcome
) -> None:
    load, event = load_around([100], event_kw)

    verdict = judge_cap(load, event, level(75.0))

    assert verdict.outcome is outcome
    assert verdict.unknown_count == sum(value != value for value in event_kw)  # noqa: PLR0124 - NaN


def test_without_a_limit_the_cap_verdict_is_not_set(load_around: LoadAround) -> None:
    load, event = load_around([100], [70])

    assert judge_cap(load, event, NOT_SET).outcome is Outcome.NOT_SET
    assert judge_cap(load, event, UNKNOWN).outcome is Outcome.NOT_COMPUTABLE


def test_there_are_always_two_verdicts(baseline_of: BaselineOf, load_around: LoadAround) -> None:
    """The load was low anyway: 70 kW keeps the limit of 75, but 72 - 70 is no 20 kW."""
    load, event = load_around([100, 100], [70, 70])
    reduction = event_reduction(baseline_of([72], [70]))
    obligation = Obligation(committed=level(20.0), limit=level(75.0), pre_event_kw_mean=100.0)

    verdicts = judge(reduction, load, event, obligation)

    assert verdicts.baseline.outcome is Outcome.NOT_MET
    assert verdicts.cap.outcome is Outcome.MET
