from collections.abc import Callable

import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.response import response_of

LoadAround = Callable[..., tuple[LoadSeries, Interval]]
NAN = float("nan")


def test_an_event_with_ramp_and_rebound(load_around: LoadAround) -> None:
    """Level 100 kW, limit 75 kW, intervals of 30 min.

    In the event 80, 70, 60, mean 70: the drop is 30, its tenth 3. Before it 100, then 95 < 97: one
    interval of ramp. The second interval is the first under the limit: 30 min. Afterwards 90, 110,
    120, 100: at most +20; 10 and 20 kW above for half an hour are 15 kWh; less 5 kWh is 10.
    """
    load, event = load_around([100, 95], [80, 70, 60], [90, 110, 120, 100])

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert response.limit_reached_minutes == 30.0
    assert response.ramp_before_minutes == 30.0
    assert response.rebound_kw_max == 20.0
    assert response.recovered_kwh == 15.0
    assert response.net_after_kwh == 10.0


def test_a_load_that_never_returns_has_a_negative_rebound(load_around: LoadAround) -> None:
    """80 kW for two hours at a level of 100: -20 kW, nothing recovered, -40 kWh."""
    load, event = load_around([100, 100], [50], [80] * 4)

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert response.rebound_kw_max == -20.0
    assert response.recovered_kwh == 0.0
    assert response.net_after_kwh == -40.0


def test_only_two_hours_after_the_event_count(load_around: LoadAround) -> None:
    load, event = load_around([100, 100], [50], [100, 100, 100, 100, 500])

    assert response_of(load, event, level_kw=100.0, limit_kw=None).rebound_kw_max == 0.0


@pytest.mark.parametrize(
    ("event_kw", "expected"),
    [([70, 90], 0.0), ([80, 90], None), ([NAN, 70], None), ([80, 75], 30.0)],
)
def test_the_limit_is_reached_at_the_first_interval_that_keeps_it(
    load_around: LoadAround, event_kw: list[float], expected: float | None
) -> None:
    load, event = load_around([100, 100], event_kw)

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert response.limit_reached_minutes == expected


def test_a_dip_that_returned_before_the_start_is_no_ramp(load_around: LoadAround) -> None:
    """A dip to 60, back to 100, then 90: below 95 for the last quarter of an hour only."""
    load, event = load_around([100, 60, 100, 90], [50], interval_minutes=15)

    assert response_of(load, event, level_kw=100.0, limit_kw=None).ramp_before_minutes == 15.0


def test_without_a_drop_there_is_no_ramp(load_around: LoadAround) -> None:
    load, event = load_around([100, 100], [100])

    assert response_of(load, event, level_kw=100.0, limit_kw=None).ramp_before_minutes is None


def test_what_is_not_measured_is_not_known(load_around: LoadAround) -> None:
    """The load ends one hour after the event, and has a gap before it."""
    load, event = load_around([NAN, 100], [50], [100, 100])

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert response.rebound_kw_max is response.recovered_kwh is response.net_after_kwh is None
    assert response.ramp_before_minutes is None
    assert response.limit_reached_minutes == 0.0


def test_without_a_level_only_the_limit_can_be_timed(load_around: LoadAround) -> None:
    load, event = load_around([100, 100], [50], [100] * 4)

    response = response_of(load, event, level_kw=None, limit_kw=75.0)

    assert response.ramp_before_minutes is response.rebound_kw_max is None
    assert response.limit_reached_minutes == 0.0


def test_shed_is_recovered_plus_net_energy_and_each_ramp_is_its_steepest_step(
    load_around: LoadAround,
) -> None:
    """Level 100 kW, half hours: 20, 30 and 40 kW below for half an hour each are 45 kWh shed.

    15 kWh come back (10 and 20 kW above), which leaves 30. The steepest fall until the limit of 75
    is 95 to 80, the steepest rise 60 to 90: 15 and 30 kW in 30 minutes. The drop is 30, so 97 kW
    are recovered, first 30 minutes after the release.
    """
    load, event = load_around([100, 95], [80, 70, 60], [90, 110, 120, 100])

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert (response.shed_kwh, response.recovered_kwh, response.net_shed_kwh) == (45, 15, 30)
    assert response.ramp_down_kw_per_minute == 0.5
    assert response.ramp_up_kw_per_minute == 1.0
    assert response.recovery_minutes == 30.0


@pytest.mark.parametrize(
    ("before_kw", "notice_intervals", "expected_minutes"),
    [([100, 100], 2, 60.0), ([100, 70], 2, 30.0), ([70, 100], 2, 60.0), ([70, 70], 1, 0.0)],
)
def test_response_from_the_notice_is_to_the_run_that_leads_into_the_event(
    load_around: LoadAround, before_kw: list[float], notice_intervals: int, expected_minutes: float
) -> None:
    """A load that was within the limit of 75 kW and left it again had not responded yet."""
    load, event = load_around(before_kw, [70, 70])

    response = response_of(
        load,
        event,
        level_kw=100.0,
        limit_kw=75.0,
        notified_at_utc=event.start_utc - notice_intervals * load.interval,
    )

    assert response.limit_reached_minutes == 0.0
    assert response.limit_reached_after_notice_minutes == expected_minutes


def test_unknown_power_leaves_shed_and_recovery_unknown(load_around: LoadAround) -> None:
    load, event = load_around([100, 100], [70, NAN], [NAN, 100, 100, 100])

    response = response_of(load, event, level_kw=100.0, limit_kw=75.0)

    assert response.shed_kwh is None
    assert response.net_shed_kwh is None
    assert response.recovery_minutes is None
    assert response.ramp_up_kw_per_minute is None
