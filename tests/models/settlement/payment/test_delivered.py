"""What counts as delivered: negative intervals, levels, consecutive hours, partial intervals."""

from decimal import Decimal

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment.delivered import (
    capped,
    consecutive_mean_kw,
    drop_to_level_kw,
    event_performance_ratio,
    guaranteed_drop_kw,
    nominated_level_kw,
    zero_per_group,
    zero_per_interval,
)


def kw(*values: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(value)) for value in values)


def test_intervals_are_floored_one_by_one_or_netted_in_their_group() -> None:
    """Per interval 5 + 0; per event 5 - 3 = 2 stays as it is; -7 + 3 counts for nothing."""
    assert zero_per_interval(kw(5, -3)) == kw(5, 0)
    assert zero_per_group(kw(5, -3), ["e", "e"]) == kw(5, -3)
    assert zero_per_group(kw(-7, 3), ["e", "e"]) == kw(0, 0)
    assert zero_per_group(kw(-3, 3), ["e", "e"]) == kw(-3, 3)


def test_netting_within_a_day_leaves_the_other_day_alone() -> None:
    assert zero_per_group(kw(4, -5, 9), [1, 1, 2]) == kw(0, 0, 9)


def test_nothing_counts_above_its_limit() -> None:
    assert capped(kw(130, 90), kw(120, 120)) == kw(120, 90)


def test_a_site_at_its_firm_service_level_delivers_its_nomination() -> None:
    """PLC 1000, level 500, loss factor 1.06: 1000 - 530 = 470 both times."""
    nominated_kw = nominated_level_kw(Decimal(1000), Decimal(500), Decimal("1.06"))

    assert drop_to_level_kw(kw(500), Decimal(1000), Decimal("1.06")) == (nominated_kw,)
    assert nominated_kw == 470


def test_a_site_above_its_peak_load_delivers_less_than_nothing() -> None:
    assert drop_to_level_kw(kw(1100), Decimal(1000), Decimal(1)) == kw(-100)


@pytest.mark.parametrize(("peak_load_kw", "expected_kw"), [(2000, 424), (800, 270)])
def test_a_guaranteed_drop_is_the_lesser_of_drop_and_what_was_bought(
    peak_load_kw: int, expected_kw: int
) -> None:
    """(900 - 500) x 1.06 = 424; 2000 - 530 = 1470 and 800 - 530 = 270."""
    found = guaranteed_drop_kw(kw(900), kw(500), Decimal(peak_load_kw), Decimal("1.06"))

    assert found == kw(expected_kw)


def test_the_best_four_consecutive_hours_need_not_be_the_best_four() -> None:
    """10 40 40 40 10 40: the best four that follow each other are 40 40 40 10, mean 32.5."""
    assert consecutive_mean_kw(kw(10, 40, 40, 40, 10, 40), 4, max) == Decimal("32.5")


def test_the_worst_hour_is_the_highest_load() -> None:
    """Quarter hours of 40, 10, 20, 30, 40: the lowest four in a row are the first, 25."""
    assert consecutive_mean_kw(kw(40, 10, 20, 30, 40), 4, min) == 25


def test_an_event_shorter_than_the_hours_measured_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="expected at least 4 intervals"):
        consecutive_mean_kw(kw(10, 10, 10), 4, max)


def test_the_first_partial_interval_owes_its_share_only() -> None:
    """A third of the interval: 100 of 1/3 x 300 is all; then 150 of 300 is half: mean 0.75."""
    found = event_performance_ratio(kw(100, 150), Decimal(300), Decimal(1) / 3)

    assert abs(found - Decimal("0.75")) < Decimal("1E-25")


def test_over_delivery_in_one_interval_makes_no_amends_for_another() -> None:
    assert event_performance_ratio(kw(600, 0), Decimal(300), Decimal(1)) == Decimal("0.5")


def test_load_above_the_baseline_counts_as_nothing_delivered() -> None:
    assert event_performance_ratio(kw(-600, 300), Decimal(300), Decimal(1)) == Decimal("0.5")


@pytest.mark.parametrize("ratio", ["0", "1.01", "-1"])
def test_a_share_of_the_first_interval_outside_it_is_refused(ratio: str) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        event_performance_ratio(kw(1), Decimal(1), Decimal(ratio))
