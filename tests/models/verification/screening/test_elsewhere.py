"""Load that was served by other means, or moved to another meter."""

from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.baselines.result import DayUse
from negawatt.models.verification.screening.outcome import ScreenOutcome
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    HOURS,
    InputsOf,
    hourly,
    reduced,
    result_of,
    weekdays_before,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome


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


def test_a_sibling_that_swings_by_as_much_by_itself_is_left_alone(inputs_of: InputsOf) -> None:
    """8 kW are 20 % of the claim; the sibling draws 45 or 55 kW, day by day: z = 1.5."""
    sibling = hourly(
        lambda day, _h: 58 if day == EVENT_DAY else 50 + 5 * (-1) ** (day.toordinal() % 2)
    )

    found = result_of(inputs_of(reduced, 100, siblings={"hall-2": sibling}), "displacement")

    assert found.outcome is NOTHING
