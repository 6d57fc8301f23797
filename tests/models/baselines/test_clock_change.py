"""Days of 23 and 25 hours: in New York 8 March and 1 November 2026, both Sundays."""

from datetime import date, datetime

import pytest

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.clocked import whole_days_kwh
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import DayUse
from tests.models.baselines.conftest import daily, load_of, window

PJM = load_program("pjm_economic_3day")
ALIGNED = load_program(
    "pjm_economic_3day", overrides=("dst_policy=align_clock", "adjustment.type=none")
)
SPRING = load_of(daily({}), date(2026, 2, 1), date(2026, 3, 31))


def hour_of(local: datetime) -> float:
    """Return a load whose power tells its clock hour."""
    return float(local.hour)


@pytest.mark.parametrize(
    ("event_day", "change"), [("2026-03-15", "2026-03-08"), ("2026-11-08", "2026-11-01")]
)
def test_the_day_of_the_change_is_no_candidate(event_day: str, change: str) -> None:
    last = date.fromisoformat(event_day)
    load = load_of(daily({}), date(2026, last.month - 2, 1), last)

    result = compute_baseline(PJM, load, window(f"{event_day}T17:00", f"{event_day}T19:00"))

    hours = "23" if change == "2026-03-08" else "25"
    dropped = {str(d.candidate_date): d.reason for d in result.days if d.use is DayUse.DROPPED}
    assert dropped[change] == f"clock change: a day of {hours} hours"


def test_clock_hours_match_across_the_change() -> None:
    """Power equals the clock hour: the baseline of 17:00 is 17 kW before and after 8 March."""
    load = load_of(hour_of, date(2026, 2, 1), date(2026, 3, 15))

    result = compute_baseline(PJM, load, window("2026-03-15T17:00", "2026-03-15T19:00"))

    assert result.adjusted_baseline_kwh.tolist() == [17.0, 18.0]


def test_an_event_on_the_short_day_has_no_second_hour() -> None:
    """01:00 to 04:00 on 8 March lasts two hours: clock hours 1 and 3."""
    load = load_of(hour_of, date(2026, 2, 1), date(2026, 3, 8))

    result = compute_baseline(ALIGNED, load, window("2026-03-08T01:00", "2026-03-08T04:00"))

    assert result.baseline_kwh.tolist() == [1.0, 3.0]


def test_an_event_on_the_long_day_meets_the_same_clock_hour_twice() -> None:
    """00:00 to 03:00 on 1 November lasts four hours: clock hours 0, 1, 1 and 2."""
    load = load_of(hour_of, date(2026, 9, 1), date(2026, 11, 1))

    result = compute_baseline(ALIGNED, load, window("2026-11-01T00:00", "2026-11-01T03:00"))

    assert result.baseline_kwh.tolist() == [0.0, 1.0, 1.0, 2.0]


def test_aligned_to_the_clock_an_hour_that_does_not_exist_drops_the_day() -> None:
    """02:00 does not exist on 8 March: one of two hours needed."""
    result = compute_baseline(ALIGNED, SPRING, window("2026-03-15T02:00", "2026-03-15T04:00"))

    found = {str(d.candidate_date): d.reason for d in result.days}
    assert found["2026-03-08"] == "incomplete data (50.00% not measured)"


def test_aligned_to_the_clock_two_occurrences_of_an_hour_are_averaged() -> None:
    """01:00 on 1 November has 300 kW, then 500 kW: 400 kW; 25 October has 200 kW: mean 300 kW."""

    def load_kw(local: datetime) -> float:
        if local.date() == date(2026, 11, 1):
            return 500.0 if local.fold else 300.0
        return 200.0 if local.date() == date(2026, 10, 25) else 100.0

    load = load_of(load_kw, date(2026, 9, 1), date(2026, 11, 8))

    result = compute_baseline(ALIGNED, load, window("2026-11-08T01:00", "2026-11-08T02:00"))

    assert result.baseline_kwh.tolist() == [300.0]


def test_the_energy_of_an_uneven_day_is_that_of_its_own_hours() -> None:
    """100 kW: 2300 kWh on 8 March 2026, 2500 kWh on 1 November, 2400 kWh between; none unknown."""
    days = (date(2026, 3, 8), date(2026, 3, 9), date(2026, 11, 1))
    load = load_of(daily({}), date(2026, 3, 1), date(2026, 11, 5))
    clock = program_clock(PJM.settlement_clock)

    daily_kwh, missing_ratio = whole_days_kwh(clock, load, days)

    assert daily_kwh.tolist() == [2300.0, 2400.0, 2500.0]
    assert missing_ratio.tolist() == [0.0, 0.0, 0.0]
