from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from negawatt.models.backtest.placebos import back_test, is_business_day, recent_windows
from negawatt.models.baselines.calendar import ProgramClock
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries

CLOCK = ProgramClock(ZoneInfo("America/New_York"))
START_UTC = datetime(2026, 3, 2, 5, tzinfo=UTC)
FOUR_TO_SEVEN = (time(16), time(19))


def load(days: int = 100) -> LoadSeries:
    """Return hours of 100 kWh with noise and a day's course, from midnight in New York."""
    hour = np.arange(24 * days)
    noise = np.random.default_rng(5).normal(0, 4, len(hour))
    energy_kwh = 100 + 20 * np.sin(2 * np.pi * hour / 24) + noise
    return LoadSeries(
        meter_id="m",
        start_utc=START_UTC,
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.ones_like(energy_kwh),
    )


def business(day: date) -> bool:
    return is_business_day(day, "nerc")


def test_pretended_events_are_the_most_recent_business_days_at_the_same_clock_hours() -> None:
    """The load ends on Wednesday 10 June at midnight; the last event is on the Tuesday."""
    windows = recent_windows(load(), CLOCK, FOUR_TO_SEVEN, is_like=business, count=3)

    local = [window.start_utc.astimezone(CLOCK.zone) for window in windows]
    assert [f"{start:%a %d %H}" for start in local] == ["Fri 05 16", "Mon 08 16", "Tue 09 16"]


def test_memorial_day_is_passed_over() -> None:
    windows = recent_windows(load(), CLOCK, FOUR_TO_SEVEN, is_like=business, count=11)

    days = {window.start_utc.date() for window in windows}
    assert date(2026, 5, 25) not in days
    assert date(2026, 5, 26) in days


def test_a_day_on_which_the_clock_is_set_is_passed_over() -> None:
    """Clocks go forward on Sunday 8 March."""
    windows = recent_windows(
        load(), CLOCK, FOUR_TO_SEVEN, is_like=lambda day: day.weekday() == 6, count=99
    )

    assert date(2026, 3, 8) not in {window.start_utc.date() for window in windows}
    assert date(2026, 3, 15) in {window.start_utc.date() for window in windows}


def test_hours_across_midnight_end_on_the_day_after() -> None:
    (window,) = recent_windows(load(), CLOCK, (time(22), time(1)), is_like=business, count=1)

    assert window.duration_h == 3


def test_a_load_without_an_ordinary_day_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="at least one day without an event"):
        recent_windows(load(), CLOCK, FOUR_TO_SEVEN, is_like=lambda _: False, count=3)


def test_a_pretended_event_is_settled_by_the_code_that_settles_events() -> None:
    rule = load_program("pjm_economic_3day")
    windows = recent_windows(load(), CLOCK, FOUR_TO_SEVEN, is_like=business, count=12)

    (found,) = back_test([rule], load(), windows)

    for place, window in enumerate(windows):
        single = compute_baseline(rule, load(), window)
        assert found.baseline_kwh[place] == pytest.approx(single.adjusted_baseline_kwh, rel=1e-12)
        assert found.metered_kwh[place] == pytest.approx(single.metered_kwh)


def test_noise_of_four_percent_shows_as_such_in_accuracy_band_and_coverage() -> None:
    """An adjusted mean of days errs by somewhat more than the noise of 4 on about 90 kWh."""
    windows = recent_windows(load(), CLOCK, FOUR_TO_SEVEN, is_like=business, count=40)

    (found,) = back_test([load_program("caiso_10_in_10", overrides=EASTERN)], load(), windows)

    assert found.accuracy is not None
    assert found.band_ratio is not None
    assert found.coverage is not None
    assert found.accuracy.rrmse_ratio == pytest.approx(0.05, abs=0.015)
    assert 0.03 < found.band_ratio < 0.1
    assert found.coverage.event_count == 40 - 9


EASTERN = ("settlement_clock.tz=America/New_York",)


def test_a_rule_without_history_says_why_for_each_event() -> None:
    short = load(4)
    windows = recent_windows(short, CLOCK, FOUR_TO_SEVEN, is_like=business, count=2)

    (found,) = back_test([load_program("caiso_10_in_10", overrides=EASTERN)], short, windows)

    assert found.accuracy is None
    assert sorted(found.refused) == [0, 1]
    assert "needs" in found.refused[0] or "expected" in found.refused[0]


def test_a_gap_in_the_event_hours_is_no_zero() -> None:
    holed = load()
    window = recent_windows(holed, CLOCK, FOUR_TO_SEVEN, is_like=business, count=1)
    place = holed.index_of(window[0].start_utc + timedelta(hours=1))
    holed.energy_kwh[place] = np.nan
    holed.coverage_ratio[place] = 0

    (found,) = back_test([load_program("pjm_economic_3day")], holed, window)

    assert found.accuracy is None
