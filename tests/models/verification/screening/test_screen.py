"""All tests of one event: every one reports, and says what it lacks."""

from dataclasses import fields, replace

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.outcome import ScreenOutcome
from negawatt.models.verification.screening.thresholds import default_thresholds
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    HOURS,
    InputsOf,
    hourly,
    reduced,
    result_of,
    weekdays_before,
    windows_of,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome


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
