"""Each test by hand: what it finds, what it leaves alone, and what it says it lacks."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import pytest

from negawatt.models.baselines.result import DayUse
from negawatt.models.baselines.rule_windows import AdjustmentRule, HourWindow
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.uncertainty.placebo import PlaceboResult
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.inputs import IdleSpan, ScreenInputs
from negawatt.models.verification.screening.outcome import ScreenOutcome, ScreenResult
from negawatt.models.verification.screening.thresholds import default_thresholds
from negawatt.models.verification.screening.window import adjustment_window_of
from negawatt.models.verification.sensitivity import MethodReduction, Sensitivity
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    HOURS,
    START_UTC,
    hourly,
    weekdays_before,
)

InputsOf = Callable[..., ScreenInputs]
Anchor = Literal["event_start", "notification", "gate_closure"]
FOUND, NOTHING, NOT_SCREENED = ScreenOutcome
HOUR = timedelta(hours=1)
NAMES = [
    "window inflation",
    "day-set exploitation",
    "frozen baseline",
    "generation swap",
    "displacement",
    "rebound and pre-use",
    "no action",
    "placebo payments",
    "method shopping",
]


def result_of(inputs: ScreenInputs, screen_id: str) -> ScreenResult:
    return {result.screen_id: result for result in screen_event(inputs)}[screen_id]


def reduced(day: date, hour: int) -> float:
    """100 kW, and 60 kW in the event."""
    return 60 if day == EVENT_DAY and hour in HOURS else 100


def test_every_test_reports_and_says_what_it_lacks(inputs_of: InputsOf) -> None:
    """With the load alone, frozen baseline and rebound can be looked at; absence before it too."""
    inputs = inputs_of(reduced, 100)

    results = screen_event(replace(inputs, load=hourly(lambda _d, _h: 100)))

    assert [result.screen_id for result in results] == NAMES
    missing = [result for result in results if result.outcome is NOT_SCREENED]
    assert [result.screen_id for result in missing] == [
        name
        for name in NAMES
        if name not in ("frozen baseline", "rebound and pre-use", "no action")
    ]
    for result in missing:
        (finding,) = result.findings
        assert finding.code is FindingCode.SCREEN_NOT_MADE
        assert finding.severity is Severity.INFO
        assert finding.message == (
            f"not screened for {result.screen_id}: needs {' and '.join(result.lacked)}"
        )
    assert results[6].lacked == ("declared shutdowns, holidays and empty queues",)


def test_an_unknown_reduction_is_not_screened_and_not_called_clean(inputs_of: InputsOf) -> None:
    inputs = inputs_of(
        lambda day, hour: float("nan") if (day, hour) == (EVENT_DAY, 17) else 100,
        100,
        generation={},
        siblings={},
        idle_spans=(),
    )

    for name in ("generation swap", "displacement", "rebound and pre-use", "no action"):
        assert "known baseline and metered energy" in result_of(inputs, name).lacked[0]


def test_an_event_that_claims_nothing_has_nothing_to_explain(inputs_of: InputsOf) -> None:
    """4 % of the baseline are claimed; the generator made up for all of it."""
    inputs = inputs_of(
        lambda day, hour: 96 if day == EVENT_DAY and hour in HOURS else 100,
        100,
        [(day, DayUse.SELECTED, 100.0) for day in weekdays_before(4)],
        generation={"g": hourly(lambda day, _h: 4 if day == EVENT_DAY else 0)},
    )

    assert result_of(inputs, "generation swap").outcome is NOTHING


# Days that carry the baseline


def announced_days(inputs_of: InputsOf, high: int, announced: int) -> ScreenResult:
    """Ten days of 100 kW, the first ``high`` at 130; the first ``announced`` were announced."""
    days = weekdays_before(10)
    powers = [130.0 if n < high else 100.0 for n in range(10)]
    inputs = inputs_of(
        reduced,
        sum(powers) / 10,
        [(day, DayUse.SELECTED, power) for day, power in zip(days, powers, strict=True)],
        notified_dates=frozenset(days[:announced]),
    )
    return result_of(inputs, "day-set exploitation")


def test_high_days_that_had_been_announced_are_found(inputs_of: InputsOf) -> None:
    """Three of ten days at 130 kW, all announced: the mean of 109 is 9 % above quiet days."""
    found = announced_days(inputs_of, high=3, announced=3)

    assert found.findings[0].code is FindingCode.SCREEN_DAY_SET_EXPLOITED
    assert found.looked_at["selected_kw_mean"] == pytest.approx(109)
    assert len(found.looked_at["high_and_announced_dates"]) == 3  # type: ignore[arg-type]  # a list


@pytest.mark.parametrize(("high", "announced"), [(3, 1), (3, 0), (0, 3), (1, 1)])
def test_high_days_without_notice_and_notice_without_high_days_are_left_alone(
    inputs_of: InputsOf, high: int, announced: int
) -> None:
    assert announced_days(inputs_of, high=high, announced=announced).outcome is NOTHING


def test_when_every_day_was_announced_there_is_nothing_to_compare_with(
    inputs_of: InputsOf,
) -> None:
    assert announced_days(inputs_of, high=3, announced=10).outcome is NOT_SCREENED


def windows_of(days: list[date]) -> tuple[Interval, ...]:
    return tuple(
        Interval(
            datetime(day.year, day.month, day.day, 16, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 17, tzinfo=UTC),
        )
        for day in days
    )


@pytest.mark.parametrize(("count", "outcome"), [(9, NOTHING), (10, FOUND)])
def test_ten_event_days_in_a_row_freeze_a_baseline(
    inputs_of: InputsOf, count: int, outcome: ScreenOutcome
) -> None:
    inputs = inputs_of(reduced, 100, other_event_windows=windows_of(weekdays_before(count)))

    found = result_of(inputs, "frozen baseline")

    assert (found.looked_at["longest_run_count"], found.outcome) == (count, outcome)


def test_every_second_day_is_no_run_but_more_than_half_is_too_much(inputs_of: InputsOf) -> None:
    """45 calendar days before a Wednesday hold 32 weekdays: 16 are half, 17 are more."""
    days = weekdays_before(32)
    half = inputs_of(reduced, 100, other_event_windows=windows_of(days[::2]))
    more = inputs_of(reduced, 100, other_event_windows=windows_of([*days[::2], days[1]]))

    assert result_of(half, "frozen baseline").looked_at["like_day_count"] == 32
    assert result_of(half, "frozen baseline").outcome is NOTHING
    assert result_of(more, "frozen baseline").outcome is FOUND


# Load served by other means, or moved


@pytest.mark.parametrize(("event_kw", "outcome"), [(20, NOTHING), (21, FOUND)])
def test_generation_above_half_of_the_reduction_is_found(
    inputs_of: InputsOf, event_kw: float, outcome: ScreenOutcome
) -> None:
    """40 kW are claimed; the generator stood still on the baseline's days."""
    inputs = inputs_of(
        reduced,
        100,
        [(day, DayUse.SELECTED, 100.0) for day in weekdays_before(4)],
        generation={"g": hourly(lambda day, _h: event_kw if day == EVENT_DAY else 0)},
    )

    assert result_of(inputs, "generation swap").outcome is outcome


def test_a_statement_that_nothing_generates_is_looked_at(inputs_of: InputsOf) -> None:
    days = [(day, DayUse.SELECTED, 100.0) for day in weekdays_before(4)]

    found = result_of(inputs_of(reduced, 100, days, generation={}), "generation swap")

    assert (found.outcome, found.looked_at["generation_share_ratio"]) == (NOTHING, 0)


@pytest.mark.parametrize(("rise_kw", "outcome"), [(3, NOTHING), (5, FOUND)])
def test_a_sibling_that_rises_by_more_than_a_tenth_of_the_claim_is_found(
    inputs_of: InputsOf, rise_kw: float, outcome: ScreenOutcome
) -> None:
    """40 kW are claimed: 3 kW are 7.5 % of it, 5 kW are 12.5 %."""
    sibling = hourly(lambda day, h: 50 + (rise_kw if day == EVENT_DAY and h in HOURS else 0))

    found = result_of(inputs_of(reduced, 100, siblings={"hall-2": sibling}), "displacement")

    assert found.outcome is outcome


def test_a_sibling_without_history_is_named_as_left_out(inputs_of: InputsOf) -> None:
    empty = replace(hourly(lambda _d, _h: 0), energy_kwh=np.full(109 * 24, np.nan))
    flat = hourly(lambda _d, _h: 50)

    both = result_of(inputs_of(reduced, 100, siblings={"a": empty, "b": flat}), "displacement")
    none = result_of(inputs_of(reduced, 100, siblings={"a": empty}), "displacement")

    assert (both.outcome, both.lacked) == (NOTHING, ("load of 'a' on like days",))
    assert none.outcome is NOT_SCREENED


# Load before and after


@pytest.mark.parametrize(("extra_kw", "outcome"), [(2.4, NOTHING), (2.6, FOUND)])
def test_more_than_half_of_the_claim_that_came_back_is_found(
    inputs_of: InputsOf, extra_kw: float, outcome: ScreenOutcome
) -> None:
    """120 kWh are claimed; 24 hours of 2.4 kW more are 57.6 kWh, of 2.6 kW 62.4.

    Over 36 hours that is 1.6 or 1.73 kW, 3.1 or 3.4 times the least spread of 0.5 kW.
    """

    def power_kw(day: date, hour: int) -> float:
        after = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) >= START_UTC + 3 * HOUR
        return reduced(day, hour) + (extra_kw if after else 0)

    found = result_of(inputs_of(power_kw, 100), "rebound and pre-use")

    assert found.looked_at["extra_kwh"] == pytest.approx(24 * extra_kw)
    assert found.outcome is outcome


def test_a_rebound_is_compared_with_days_before_a_workday_only(inputs_of: InputsOf) -> None:
    """Weekends draw 40 kW: Fridays, followed by one, are no days like a Wednesday.

    Of the last twenty weekdays with a weekday on either side, none touches a weekend.
    """
    inputs = inputs_of(lambda day, h: 40 if day.weekday() >= 5 else reduced(day, h), 100)

    found = result_of(inputs, "rebound and pre-use")

    assert found.looked_at["like_day_kw_mean"] == 100


def test_hours_after_the_event_that_are_not_measured_are_missed(inputs_of: InputsOf) -> None:
    inputs = inputs_of(reduced, 100)
    cut = inputs.load.index_of(START_UTC + 20 * HOUR)
    short = replace(
        inputs.load,
        energy_kwh=inputs.load.energy_kwh[:cut],
        coverage_ratio=inputs.load.coverage_ratio[:cut],
    )

    found = result_of(replace(inputs, load=short), "rebound and pre-use")

    assert found.outcome is NOT_SCREENED
    assert "to 24 h after the event" in found.lacked[0]


def test_a_site_that_was_low_before_it_was_asked_did_nothing(inputs_of: InputsOf) -> None:
    """At 60 kW since midnight, told at 12:00; 40 kW are claimed from a baseline of 100."""
    inputs = inputs_of(lambda day, _h: 60 if day == EVENT_DAY else 100, 100, idle_spans=())

    found = result_of(inputs, "no action")

    assert found.findings[0].code is FindingCode.SCREEN_NO_ACTION
    assert "60 kW, on like days 100 kW; 40 kW are claimed" in found.findings[0].message
    assert found.lacked == ()


def test_a_site_that_went_down_when_asked_did_something(inputs_of: InputsOf) -> None:
    assert result_of(inputs_of(reduced, 100, idle_spans=()), "no action").outcome is NOTHING


def test_idle_spans_that_overlap_are_counted_once(inputs_of: InputsOf) -> None:
    """Two spans cover the same first hour of three, a third one lies on another day."""
    spans = [
        IdleSpan(interval=Interval(START_UTC - n * HOUR, START_UTC + HOUR), reason=f"span {n}")
        for n in (1, 2)
    ]
    far = IdleSpan(interval=Interval(START_UTC - 30 * HOUR, START_UTC - 20 * HOUR), reason="far")

    found = result_of(inputs_of(reduced, 100, idle_spans=(*spans, far)), "no action")

    assert found.looked_at["idle_ratio"] == pytest.approx(1 / 3)
    assert found.findings[0].message == "33% of the event lay in span 2"


# Methods


def placebos(errors_kwh: list[float], bias_ratio: float | None) -> PlaceboResult:
    return PlaceboResult(
        dates=(EVENT_DAY,) * len(errors_kwh),
        errors_kwh=tuple(errors_kwh),
        interval_errors_kwh=np.zeros((len(errors_kwh), 3)),
        refused=(),
        rrmse_ratio=0.1,
        bias_ratio=bias_ratio,
    )


@pytest.mark.parametrize(
    ("errors_kwh", "bias_ratio", "outcome"),
    [
        ([10, 12] * 6, 0.04, FOUND),
        ([10, 12] * 6, 0.01, NOTHING),
        ([-30, 52] * 6, 0.04, NOTHING),
        ([-10, -12] * 6, -0.04, NOTHING),
        ([10] * 9, 0.04, NOT_SCREENED),
        ([0.0] * 12, None, NOT_SCREENED),
    ],
)
def test_a_method_that_pays_on_ordinary_days_is_found(
    inputs_of: InputsOf, errors_kwh: list[float], bias_ratio: float | None, outcome: ScreenOutcome
) -> None:
    """Mean 11 with a standard error of 0.3; the same mean with one of 12.4 is chance."""
    inputs = inputs_of(reduced, 100, placebo=placebos(errors_kwh, bias_ratio))

    assert result_of(inputs, "placebo payments").outcome is outcome


@pytest.mark.parametrize(
    ("others_kwh", "outcome"),
    [([80, 90], FOUND), ([50, 121], NOTHING), ([90, 92], NOTHING), ([80], NOT_SCREENED)],
)
def test_the_most_generous_of_several_methods_is_found(
    inputs_of: InputsOf, others_kwh: list[float], outcome: ScreenOutcome
) -> None:
    """Settled 120 of 300 kWh: 35 above the median of 85; 34.5, but not largest; 29."""
    computed = [MethodReduction(method_id="program@1", reduction_kwh=120.0)] + [
        MethodReduction(method_id=f"other-{n}", reduction_kwh=value)
        for n, value in enumerate(others_kwh)
    ]
    sensitivity = Sensitivity(
        computed=tuple(computed), not_computable=(), spread_kwh=1.0, spread_ratio=0.1, findings=()
    )

    inputs = inputs_of(reduced, 100, sensitivity=sensitivity)

    assert result_of(inputs, "method shopping").outcome is outcome


# Like days


def test_days_of_other_events_are_no_like_days(inputs_of: InputsOf) -> None:
    """The last ten weekdays drew 150 kW in the afternoon, but were event days."""
    events = weekdays_before(10)

    def power_kw(day: date, hour: int) -> float:
        return 150 if day in events and hour in HOURS else 100

    window = Interval(START_UTC, START_UTC + HOUR)
    inputs = inputs_of(
        power_kw, 100, other_event_windows=windows_of(events), adjustment_window=window
    )

    found = result_of(inputs, "window inflation")

    assert (found.looked_at["like_day_kw_mean"], found.looked_at["like_day_count"]) == (100, 20)


def test_thresholds_are_data_and_state_where_they_are_from() -> None:
    limits = default_thresholds()
    names = [field.name for field in fields(limits)]

    assert all(getattr(limits, name).source for name in names)
    assert (limits.rebound.before_h, limits.rebound.after_h) == (12, 24)
    assert limits.like_days.count == 20


def test_another_threshold_changes_the_outcome(inputs_of: InputsOf) -> None:
    strict = default_thresholds()
    strict = replace(strict, frozen_baseline=replace(strict.frozen_baseline, run_max_count=2))
    inputs = inputs_of(reduced, 100, other_event_windows=windows_of(weekdays_before(2)))

    assert result_of(inputs, "frozen baseline").outcome is NOTHING
    assert screen_event(inputs, strict)[2].outcome is FOUND


def test_the_event_is_named_in_every_finding(inputs_of: InputsOf) -> None:
    findings = [f for result in screen_event(inputs_of(reduced, 100)) for f in result.findings]

    assert {finding.subject for finding in findings} == {"event 'e1'"}


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("event_start", (START_UTC - 4 * HOUR, START_UTC - HOUR)),
        ("notification", (START_UTC - 8 * HOUR, START_UTC - 5 * HOUR)),
        ("gate_closure", None),
    ],
)
def test_the_adjustment_window_is_the_rules_own(
    inputs_of: InputsOf, anchor: Anchor, expected: tuple[datetime, datetime] | None
) -> None:
    """From four to one hours before the start, or before the notification at 12:00."""
    rule = AdjustmentRule(kind="additive", anchor=anchor, pre=HourWindow(start_h=-4, end_h=-1))

    window = adjustment_window_of(rule, inputs_of(reduced, 100).event)

    assert (window and (window.start_utc, window.end_utc)) == expected


def test_a_rule_without_an_adjustment_has_no_window(inputs_of: InputsOf) -> None:
    assert adjustment_window_of(AdjustmentRule(), inputs_of(reduced, 100).event) is None
