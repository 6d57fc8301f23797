from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from negawatt.models.backtest.features import Sight, features
from negawatt.models.backtest.hourly_days import HourlyDays, hourly_days
from negawatt.models.baselines.calendar import ProgramClock
from negawatt.models.metering.load_series import LoadSeries

DATES = tuple(date(2026, 1, 5) + timedelta(day) for day in range(42))
BEFORE = Sight(event_hours=(16, 17, 18), before_hours=tuple(range(8, 15)))
AROUND = replace(BEFORE, after_hours=(20, 21))
SYNTHETIC = replace(BEFORE, sees_others=True)
EVENT_DAY = 39  # the Friday of the sixth week


def days(seed: int = 1) -> HourlyDays:
    """Return three meters of about 100 kWh per hour on six weeks, Monday to Friday alike."""
    noise = np.random.default_rng(seed).normal(0, 3, (3, len(DATES), 24))
    is_like = np.array([day.weekday() < 5 for day in DATES])
    return HourlyDays(dates=DATES, is_like=is_like, energy_kwh=100 + noise)


def weather() -> NDArray[np.float64]:
    return np.random.default_rng(9).normal(size=(len(DATES), 24, 1))


def seen(table: HourlyDays, sight: Sight) -> NDArray[np.float64]:
    """Return what is seen of the first meter on the event's day."""
    return np.asarray(features(table, weather(), sight).seen[0, EVENT_DAY])


def changed(meter: int, day: int, hour: int) -> HourlyDays:
    table = days()
    energy_kwh = table.energy_kwh.copy()
    energy_kwh[meter, day, hour] += 50
    return replace(table, energy_kwh=energy_kwh)


def test_the_anchor_is_the_mean_of_ten_like_days_and_the_target_a_share_of_it() -> None:
    """Ten days of 100 kWh, and 110 in an event hour: a tenth above."""
    table = replace(days(), energy_kwh=np.full((1, len(DATES), 24), 100.0))
    table.energy_kwh[0, EVENT_DAY, 17] = 110

    found = features(table, weather(), BEFORE)

    assert found.anchor_kwh[0, EVENT_DAY].tolist() == [100, 100, 100]
    assert found.target[0, EVENT_DAY] == pytest.approx([0, 0.1, 0])
    assert found.energy_kwh(found.target)[0, EVENT_DAY] == pytest.approx([100, 110, 100])


@pytest.mark.parametrize("sight", [BEFORE, AROUND, SYNTHETIC])
@pytest.mark.parametrize("hour", [15, 16, 17, 18, 19, 22])
def test_hours_that_are_not_seen_change_nothing(sight: Sight, hour: int) -> None:
    assert np.array_equal(seen(changed(0, EVENT_DAY, hour), sight), seen(days(), sight))


@pytest.mark.parametrize("day", [EVENT_DAY + 1, EVENT_DAY + 2])
def test_later_days_change_nothing(day: int) -> None:
    assert np.array_equal(seen(changed(0, day, 17), AROUND), seen(days(), AROUND))


def test_other_meters_are_seen_in_the_event_hours_only_where_that_is_said() -> None:
    other = changed(1, EVENT_DAY, 17)

    assert np.array_equal(seen(other, BEFORE), seen(days(), BEFORE))
    assert not np.array_equal(seen(other, SYNTHETIC), seen(days(), SYNTHETIC))


def test_what_is_seen_of_the_others_is_their_mean_without_the_meter_itself() -> None:
    """Event hours a tenth, a fifth and a half above: the first sees (0.2 + 0.5) / 2."""
    energy_kwh = np.full((3, len(DATES), 24), 100.0)
    energy_kwh[:, EVENT_DAY, 16:19] = [[110], [120], [150]]

    found = features(replace(days(), energy_kwh=energy_kwh), weather(), SYNTHETIC).seen

    means = found[:, EVENT_DAY, -3:]
    assert means == pytest.approx(np.array([[0.35] * 3, [0.3] * 3, [0.15] * 3]))


def test_the_hours_after_are_seen_only_by_a_model_around_the_event() -> None:
    late = changed(0, EVENT_DAY, 20)

    assert np.array_equal(seen(late, BEFORE), seen(days(), BEFORE))
    assert not np.array_equal(seen(late, AROUND), seen(days(), AROUND))


def test_an_hour_of_the_day_that_is_not_known_leaves_the_day_unknown() -> None:
    table = changed(0, EVENT_DAY, 12)
    table.energy_kwh[0, EVENT_DAY, 12] = np.nan

    found = features(table, weather(), BEFORE).seen

    assert np.isnan(found[0, EVENT_DAY]).any()
    assert np.isfinite(found[1:, EVENT_DAY]).all()


def test_a_gap_on_an_earlier_day_says_nothing_special() -> None:
    table = changed(0, EVENT_DAY - 1, 12)
    table.energy_kwh[0, EVENT_DAY - 1] = np.nan

    assert np.isfinite(seen(table, AROUND)).all()


def test_a_site_twice_as_large_looks_the_same() -> None:
    table = days()
    energy_kwh = table.energy_kwh.copy()
    energy_kwh[0] *= 2

    assert np.array_equal(seen(replace(table, energy_kwh=energy_kwh), AROUND), seen(table, AROUND))


def test_seen_hours_must_not_be_the_events() -> None:
    with pytest.raises(ValueError, match="not be the event's"):
        Sight(event_hours=(16, 17), before_hours=(14, 15, 16))


def test_a_day_on_which_the_clock_is_set_is_not_known() -> None:
    """New York, 8 March 2026 has 23 hours; the days beside it hold their own hours."""
    start_utc = datetime(2026, 3, 7, 5, tzinfo=UTC)
    load = LoadSeries(
        meter_id="m",
        start_utc=start_utc,
        interval_minutes=30,
        energy_kwh=np.arange(142.0),
        coverage_ratio=np.ones(142),
    )
    dates = (date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9))

    table = hourly_days([load], ProgramClock(ZoneInfo("America/New_York")), dates, np.ones(3, bool))

    assert table.energy_kwh[0, 0, :2].tolist() == [0 + 1, 2 + 3]
    assert np.isnan(table.energy_kwh[0, 1]).all()
    assert table.energy_kwh[0, 2, 0] == 94 + 95
