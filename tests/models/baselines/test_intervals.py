"""From the meter's interval to the program's, and the programs' clocks."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from negawatt.models.baselines.calendar import (
    ClockLabel,
    day_type_of,
    holiday_name,
    holidays_of,
    program_clock,
)
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import daily, load_of, window


def series(minutes: int, energy_kwh: list[float]) -> LoadSeries:
    return LoadSeries(
        meter_id="m1",
        start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        interval_minutes=minutes,
        energy_kwh=np.array(energy_kwh),
        coverage_ratio=np.ones(len(energy_kwh)),
    )


@pytest.mark.parametrize(
    ("have", "want"), [(5, 15), (5, 30), (5, 60), (15, 30), (15, 60), (30, 60)]
)
def test_energy_is_summed_and_power_averaged(have: int, want: int) -> None:
    """6 kW in the first half of a longer interval and 12 kW in the second: 9 kW on average."""
    parts = want // have
    power_kw = [6.0] * (parts // 2) + [12.0] * (parts - parts // 2)
    wanted_kw = sum(power_kw) / parts

    longer = at_interval(series(have, [kw * have / 60 for kw in power_kw]), want)

    assert longer.energy_kwh == pytest.approx([wanted_kw * want / 60])
    assert longer.power_kw == pytest.approx([wanted_kw])


@pytest.mark.parametrize("want", [5, 15, 30])
def test_an_hour_becomes_a_flat_profile_where_the_program_takes_one(want: int) -> None:
    shorter = at_interval(series(60, [12.0, np.nan]), want, flat_profile=True)

    n = 60 // want
    assert shorter.energy_kwh[:n].tolist() == [12.0 / n] * n
    assert np.isnan(shorter.energy_kwh[n:]).all()
    assert shorter.interval_minutes == want


def test_a_rule_says_whether_longer_intervals_are_spread() -> None:
    """100 kWh an hour are 100 / 12 kWh in five minutes."""
    load = load_of(daily({}), date(2026, 5, 1), date(2026, 7, 15))
    event = window("2026-07-15T17:00", "2026-07-15T18:00")
    spread = load_program(
        "isone_10_of_10", overrides=("coarser_data=flat_profile", "adjustment={type='none'}")
    )

    assert compute_baseline(spread, load, event).baseline_kwh == pytest.approx([100 / 12] * 12)
    with pytest.raises(DataRefusedError, match="divides the rule's 5 minutes, found 60"):
        compute_baseline(load_program("isone_10_of_10"), load, event)


@pytest.mark.parametrize(
    ("program_id", "hours"),
    [
        ("aemo_wdr_10_of_10", 10),
        ("ieso_15_of_20", -5),
        ("miso_10_of_10", -5),
        ("korea_mid_6_of_10", 9),
        ("japan_high_4_of_5", 9),
    ],
)
def test_a_standard_time_market_has_24_hours_every_day(program_id: str, hours: int) -> None:
    """AEST, EST, KST and JST: 16:00 on every day of 2026 is as far from UTC."""
    clock = program_clock(load_program(program_id).settlement_clock)
    days = [date(2026, 1, 1) + timedelta(n) for n in range(365)]

    assert not any(clock.is_transition_day(day) for day in days)
    for day in days[::30]:
        (start_utc,) = clock.instants_utc(day, ClockLabel(0, time(16)))
        assert start_utc == datetime.combine(day, time(16), UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("program_id", "day", "name"),
    [
        ("gb_dfs_bl01", date(2026, 8, 31), "Late Summer"),  # not in Scotland
        ("aemo_wdr_10_of_10", date(2026, 6, 8), "King's Birthday"),  # on another day in Queensland
        ("ieso_15_of_20", date(2026, 2, 16), "Family Day"),
        ("korea_mid_6_of_10", date(2026, 6, 3), "Local Election Day"),
        ("japan_high_4_of_5", date(2026, 7, 20), "Marine Day"),
        ("belgium_high_4_of_5", date(2026, 7, 21), "National Day"),
    ],
)
def test_each_market_has_its_own_holidays(program_id: str, day: date, name: str) -> None:
    rule = load_program(program_id)
    found = day_type_of(rule, day)

    assert name in (holiday_name(rule, day) or "")
    assert found is None or 6 in found.dows


def test_a_program_adds_holidays_of_its_own_and_leaves_others_out() -> None:
    rule = load_program(
        "pjm_economic_3day",
        overrides=("holidays_added=[2026-12-24]", 'holidays_dropped=["Labor Day"]'),
    )

    assert holiday_name(rule, date(2026, 12, 24)) == "holiday of the program"
    assert holiday_name(rule, date(2026, 9, 7)) is None
    assert holiday_name(rule, date(2026, 5, 25)) == "Memorial Day"


def test_a_region_that_is_not_known_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="whose holidays are known, found 'national:CA-Q'"):
        holidays_of("national:CA-Q", 2026)
