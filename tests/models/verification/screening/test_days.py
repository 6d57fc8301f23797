"""The days that carry the baseline, and the days that could have renewed it."""

import pytest

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import FindingCode
from negawatt.models.verification.screening.outcome import ScreenOutcome, ScreenResult
from tests.models.verification.screening.conftest import (
    InputsOf,
    reduced,
    result_of,
    weekdays_before,
    windows_of,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome


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


def test_one_announced_day_however_high_is_not_enough(inputs_of: InputsOf) -> None:
    """Nine days of 100 kW and one of 200: the mean of 110 is high, by one day."""
    days = weekdays_before(10)
    inputs = inputs_of(
        reduced,
        110,
        [(day, DayUse.SELECTED, 200.0 if day == days[0] else 100.0) for day in days],
        notified_dates=frozenset(days[:1]),
    )

    assert result_of(inputs, "day-set exploitation").outcome is NOTHING


def test_high_days_that_carry_no_baseline_are_left_alone(inputs_of: InputsOf) -> None:
    """Three announced days of 130 kW were ranked only; the mean of the averaged ones is 100."""
    days = weekdays_before(10)
    uses = [DayUse.CONSIDERED] * 3 + [DayUse.SELECTED] * 7
    ranked = inputs_of(
        reduced,
        100,
        [
            (day, use, 100.0 if use is DayUse.SELECTED else 130.0)
            for day, use in zip(days, uses, strict=True)
        ],
        notified_dates=frozenset(days[:3]),
    )

    assert result_of(ranked, "day-set exploitation").outcome is NOTHING


def test_days_that_were_not_eligible_are_not_counted(inputs_of: InputsOf) -> None:
    """Of four announced days of 130 kW three were dropped: one is left among ten."""
    days = weekdays_before(13)
    rows = [(day, DayUse.DROPPED, 130.0) for day in days[:3]]
    rows += [(day, DayUse.SELECTED, 180.0 if day == days[3] else 100.0) for day in days[3:]]
    inputs = inputs_of(reduced, 108, rows, notified_dates=frozenset(days[:4]))

    found = result_of(inputs, "day-set exploitation")

    assert found.outcome is NOTHING
    assert found.looked_at["announced_count"] == 1
