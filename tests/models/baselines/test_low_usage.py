"""The low-usage screen in whole computations. The event is on Wednesday 15 July 2026."""

from datetime import date, datetime

import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult, DayUse
from tests.models.baselines.conftest import daily, load_of, window

PJM = load_program("pjm_economic_3day", overrides=("adjustment.type=none",))
NYISO = load_program("nyiso_average_day", overrides=("adjustment.type=none",))
EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 15)


def dropped(result: BaselineResult) -> dict[str, str]:
    return {
        str(day.candidate_date): day.reason
        for day in result.days
        if day.use is DayUse.DROPPED and "usage" in day.reason
    }


def test_a_day_below_a_quarter_of_the_mean_is_replaced_by_the_next_older() -> None:
    """Weekdays 14, 13, 10, 9, 8 July: 100, 200, 300, 400, 50 kW; mean 210, a quarter 52.5.

    8 July is dropped, 7 July (500 kW) moves up; the mean is 300 then and nobody is below 75.
    The four highest: (200 + 300 + 400 + 500) / 4 = 350 kW.
    """
    levels = {
        "2026-07-14": 100.0,
        "2026-07-13": 200.0,
        "2026-07-10": 300.0,
        "2026-07-09": 400.0,
        "2026-07-08": 50.0,
        "2026-07-07": 500.0,
    }

    result = compute_baseline(PJM, load_of(daily(levels), FIRST, LAST), EVENT)

    assert result.baseline_kwh.tolist() == [350.0, 350.0]
    assert dropped(result) == {
        "2026-07-08": "low usage: 50 kWh is below 25% of the reference 210 kWh"
    }


RISING = {"2026-07-09": 30.0, "2026-07-08": 10.0, "2026-07-07": 400.0}


def test_the_reference_is_renewed_when_an_older_day_moves_up() -> None:
    """Mean (100 + 100 + 100 + 30 + 10) / 5 = 68, a quarter 17: 8 July goes, 7 July moves up.

    Mean (100 + 100 + 100 + 30 + 400) / 5 = 146, a quarter 36.5: 9 July goes as well.
    """
    result = compute_baseline(PJM, load_of(daily(RISING), FIRST, LAST), EVENT)

    assert dropped(result) == {
        "2026-07-09": "low usage: 30 kWh is below 25% of the reference 146 kWh",
        "2026-07-08": "low usage: 10 kWh is below 25% of the reference 68 kWh",
    }


def test_a_reference_that_is_not_renewed_drops_in_one_pass() -> None:
    """The mean stays 68, a quarter 17."""
    rule = load_program(
        "pjm_economic_3day", overrides=("adjustment.type=none", "low_usage.iterative=false")
    )

    result = compute_baseline(rule, load_of(daily(RISING), FIRST, LAST), EVENT)

    assert set(dropped(result)) == {"2026-07-08"}


def test_exactly_a_quarter_stays() -> None:
    """Mean (4 x 95 + 20) / 5 = 80; a quarter is 20, and 20 is not below it."""
    weekdays = ("2026-07-14", "2026-07-13", "2026-07-10", "2026-07-09")
    levels = dict.fromkeys(weekdays, 95.0) | {"2026-07-08": 20.0}

    result = compute_baseline(PJM, load_of(daily(levels), FIRST, LAST), EVENT)

    assert dropped(result) == {}


def test_the_seed_is_the_highest_hour_of_thirty_days_of_any_type() -> None:
    """Sunday 21 June has one hour of 600 kW in the event hours: a quarter is 150, 100 is below.

    Only 10 July (160 kW) is left.
    """

    def load_kw(local: datetime) -> float:
        if local.date() == date(2026, 6, 21) and local.hour == 18:
            return 600.0
        return 160.0 if local.date() == date(2026, 7, 10) else 100.0

    result = compute_baseline(NYISO, load_of(load_kw, FIRST, LAST), EVENT)

    assert result.baseline_kwh.tolist() == [160.0, 160.0]
    assert (
        dropped(result)["2026-07-13"] == "low usage: 100 kWh is below 25% of the reference 600 kWh"
    )


def test_the_day_before_feeds_the_seed_although_it_is_no_candidate() -> None:
    """14 July, the gap day, has 600 kW: a quarter is 150, and 13 July's 100 kW is below."""
    levels = {"2026-07-14": 600.0, "2026-07-10": 160.0}

    result = compute_baseline(NYISO, load_of(daily(levels), FIRST, LAST), EVENT)

    assert "2026-07-13" in dropped(result)


def test_a_day_type_without_screen_keeps_idle_days() -> None:
    """Saturdays 4 July (1 kW), 27 and 20 June (100 kW): all three stay, the two highest count."""
    event = window("2026-07-11T17:00", "2026-07-11T19:00")

    result = compute_baseline(NYISO, load_of(daily({"2026-07-04": 1.0}), FIRST, LAST), event)

    considered = [str(d.candidate_date) for d in result.days if d.use is DayUse.CONSIDERED]
    assert considered == ["2026-07-04"]


@pytest.mark.parametrize(("day", "hour"), [("2026-06-14", 18), ("2026-06-21", 16)])
def test_an_hour_outside_the_seed_does_not_count(day: str, hour: int) -> None:
    """14 June is 31 days before 15 July; 16:00 is no event hour."""

    def load_kw(local: datetime) -> float:
        return 600.0 if (str(local.date()), local.hour) == (day, hour) else 100.0

    result = compute_baseline(NYISO, load_of(load_kw, FIRST, LAST), EVENT)

    assert dropped(result) == {}


def test_a_band_drops_high_days_too() -> None:
    """Korea's band: above 125 % of the mean; days 100, 100, 100, 100, 300: mean 140, limit 175."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=("adjustment.type=none", "low_usage.upper_threshold=1.25"),
    )

    result = compute_baseline(rule, load_of(daily({"2026-07-08": 300.0}), FIRST, LAST), EVENT)

    assert dropped(result) == {
        "2026-07-08": "high usage: 300 kWh is above 125% of the reference 140 kWh"
    }


def test_daily_energy_can_be_the_measure() -> None:
    """8 July runs only from 17:00 to 19:00: 200 kWh of the day, below a quarter of the mean.

    The mean of the five is (4 x 2400 + 200) / 5 = 1960 kWh, a quarter 490.
    """
    rule = load_program(
        "pjm_economic_3day",
        overrides=("adjustment.type=none", "low_usage.metric=daily_energy"),
    )

    def load_kw(local: datetime) -> float:
        return 100.0 if local.date() != date(2026, 7, 8) or local.hour in (17, 18) else 0.0

    result = compute_baseline(rule, load_of(load_kw, FIRST, LAST), EVENT)

    assert dropped(result) == {
        "2026-07-08": "low usage: 200 kWh is below 25% of the reference 1960 kWh"
    }


def dropped_days(levels: dict[str, float], *overrides: str) -> dict[int, str]:
    """Return the days of July that the screen drops from an event on the 15th, with reasons."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=("adjustment.type=none", "low_usage.iterative=false", *overrides),
    )
    load = load_of(daily(levels), date(2026, 6, 1), date(2026, 7, 15))
    result = compute_baseline(rule, load, window("2026-07-15T17:00", "2026-07-15T19:00"))
    return {d.candidate_date.day: d.reason for d in result.days if "usage" in d.reason}


def test_a_running_mean_counts_the_seed_and_the_days_kept_so_far() -> None:
    """Seed 200 (9 July). 14 July: 60 of 200 stays; mean 130. 13 July: 30 of 130 goes (below 25 %).

    10 July: 40 of 130 stays. Against the seed alone 40 of 200 would have gone as well.
    """
    levels = {"2026-07-14": 60.0, "2026-07-13": 30.0, "2026-07-10": 40.0, "2026-07-09": 200.0}

    found = dropped_days(levels, "low_usage.reference=running_mean")

    assert found == {13: "low usage: 30 kWh is below 25% of the reference 130 kWh"}


def test_the_upper_limit_counts_against_what_the_lower_one_left() -> None:
    """14 July 10, 13 July 130, others 100. Mean of five 88: 10 is below 75 %.

    Then the mean of 130, 100, 100, 100 and 100 is 106: 130 is above 120 %.
    """
    levels = {"2026-07-14": 10.0, "2026-07-13": 130.0}
    limits = ("low_usage.threshold=0.75", "low_usage.upper_threshold=1.2")

    found = dropped_days(levels, *limits, "low_usage.upper_in_second_pass=true")

    assert found[14].startswith("low usage: 10 kWh is below 75% of the reference 88")
    assert found[13].startswith("high usage: 130 kWh is above 120% of the reference 106")


def test_the_reference_may_span_more_days_than_are_ranked() -> None:
    """14 July 90, others 100, 7 and 6 July 400 kW; limit 55 %.

    Mean of five 98, of eight (90 + 5 x 100 + 2 x 400) / 8 = 173.75: limits of 53.9 and 95.6 kW.
    """
    levels = {"2026-07-14": 90.0, "2026-07-07": 400.0, "2026-07-06": 400.0}
    low = "low_usage.threshold=0.55"

    assert dropped_days(levels, low) == {}
    assert list(dropped_days(levels, low, "low_usage.reference_count=8")) == [14]


def test_a_day_on_the_limit_stays_whatever_its_sum_rounds_to() -> None:
    """A third of 0.3 kWh is 0.1: a day of 0.1 lies on the limit of a third of 0.3."""
    levels = {"2026-07-14": 0.1}
    mean = (0.1 + 4 * 0.35) / 5  # 0.3

    assert (
        dropped_days(
            levels | {f"2026-07-{day:02}": 0.35 for day in (8, 9, 10, 13)},
            f"low_usage.threshold={0.1 / mean!r}",
        )
        == {}
    )
