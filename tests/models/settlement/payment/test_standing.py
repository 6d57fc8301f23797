"""Counters of poor performance, by the British service: five in a row, or ten in three months."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from negawatt.models.settlement.payment.rules import load_payment_rule
from negawatt.models.settlement.payment.standing import StandingRule, standing

START_UTC = datetime(2026, 1, 5, 17, tzinfo=UTC)


@pytest.fixture
def rule() -> StandingRule:
    found = load_payment_rule("gb_dfs").standing
    assert found is not None
    return found


def weekly(factors: Iterable[str]) -> list[tuple[datetime, Decimal]]:
    return [(START_UTC + timedelta(weeks=n), Decimal(factor)) for n, factor in enumerate(factors)]


def test_five_poor_periods_in_a_row_are_too_many(rule: StandingRule) -> None:
    found = standing(weekly(["0.4"] * 5), rule)

    assert (found.longest_run_count, found.may_be_ended) == (5, True)


def test_a_good_period_ends_the_run(rule: StandingRule) -> None:
    found = standing(weekly(["0.4"] * 4 + ["0.5"] + ["-1"] * 4), rule)

    assert (found.longest_run_count, found.window_count_max, found.may_be_ended) == (4, 8, False)


def test_ten_poor_periods_within_three_months_are_too_many(rule: StandingRule) -> None:
    """Thirteen weeks, every fourth one good: ten are poor, never more than three in a row."""
    factors = ["0", "0", "0", "1"] * 3 + ["0"]

    found = standing(weekly(factors), rule)

    assert (found.longest_run_count, found.window_count_max, found.may_be_ended) == (3, 10, True)


def test_poor_periods_of_another_season_are_forgotten(rule: StandingRule) -> None:
    """Nine in a first quarter, one exactly three months after the first of them: nine at most."""
    factors = weekly(["0", "0", "0", "1"] * 3)
    again = (datetime(2026, 4, 5, 17, tzinfo=UTC), Decimal(0))

    assert standing([*factors, again], rule).window_count_max == 9


def test_the_order_of_the_periods_never_matters(rule: StandingRule) -> None:
    factors = weekly(["0", "1", "0", "0"])

    assert standing(factors[::-1], rule) == standing(factors, rule)
