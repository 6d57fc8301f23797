from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.baselines.registry import load_program
from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.tariff import tariff_reduction_kw
from negawatt.models.domain.errors import InsufficientHistoryError
from tests.models.counterfactual.fleets import EVENT, Work, cap, fleet_of

AT_HOME = ("settlement_clock.tz=UTC", "holiday_calendar=none")
FIRST, LAST = EVENT


def metered(fleet: Fleet, *drawn: tuple[int, int, float]) -> Fleet:
    """Return the fleet with a meter of 10 kW but for the stretches named."""
    meter_kw = np.full(fleet.n_minutes, 10.0)
    for first, last, power in drawn:
        meter_kw[first:last] = power
    return replace(fleet, meter_kw=meter_kw)


def test_the_hour_before_less_the_meter_is_the_reduction_of_every_minute() -> None:
    """10 kW in the hour before; 6 kW in the first hour of the event and 7 kW then."""
    fleet = metered(fleet_of([]), (FIRST, FIRST + 60, 6.0), (FIRST + 60, LAST, 7.0))
    rule = load_program("pre_event_hour", overrides=AT_HOME)

    found = tariff_reduction_kw(rule, fleet, fleet.events[-1])

    np.testing.assert_allclose(found, [4.0] * 60 + [3.0] * 120)


def test_the_ramp_does_not_count_as_the_hour_before() -> None:
    """Control begins 30 minutes early and the meter falls to 8 kW; the level stays 10 kW."""
    work = Work(name="a", runs=[(0, 1440, range(4))])
    ramped = (FIRST - 30, FIRST, 8.0)
    fleet = metered(fleet_of([work], [cap(FIRST - 30, "a")]), ramped, (FIRST, LAST, 6.0))
    rule = load_program("pre_event_hour", overrides=AT_HOME)

    found = tariff_reduction_kw(rule, fleet, fleet.events[-1])

    np.testing.assert_allclose(found, 4.0)


def test_a_program_without_enough_days_refuses() -> None:
    fleet = metered(fleet_of([]))
    rule = load_program("pjm_economic_3day", overrides=AT_HOME)

    with pytest.raises(InsufficientHistoryError):
        tariff_reduction_kw(rule, fleet, fleet.events[-1])
