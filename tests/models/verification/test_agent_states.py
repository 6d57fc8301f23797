"""The agent's own word beside the meter."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.agent_states import AgentState, agent_finding

START_UTC = datetime(2026, 7, 1, 21, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(limit_kw: float | None = 100.0) -> Event:
    return Event(
        event_id="e1",
        revision=1,
        site_id="s1",
        program_id="p",
        limit_kw=limit_kw,
        interval=Interval(START_UTC, START_UTC + 20 * MINUTE),
    )


def load(*power_kw: float) -> LoadSeries:
    """Return 5-minute intervals: 12 kW are 1 kWh in each."""
    return LoadSeries(
        meter_id="m1",
        start_utc=START_UTC,
        interval_minutes=5,
        energy_kwh=np.array(power_kw) / 12,
        coverage_ratio=np.ones(len(power_kw)),
    )


def state(
    minute: float,
    calculated_kw: float,
    *,
    compliant: bool = True,
    limit_kw: float | None = 100.0,
    in_flight: bool = False,
) -> AgentState:
    return AgentState(
        at_utc=START_UTC + minute * MINUTE,
        compliant=compliant,
        calculated_kw=calculated_kw,
        limit_kw=limit_kw,
        in_flight=in_flight,
    )


def compared(states: list[AgentState], *power_kw: float, tolerance_kw: float = 0.0) -> Finding:
    finding = agent_finding(states, load(*power_kw), event(), tolerance_kw=tolerance_kw)
    assert finding is not None
    return finding


def test_where_agent_and_meter_agree_it_is_for_the_record() -> None:
    """The meter read 96, 84, 96, 84 kW, mean 90; the agent said 92 all along: 2 kW more."""
    finding = compared([state(0, 92.0), state(10, 92.0)], 96.0, 84.0, 96.0, 84.0)

    assert finding.severity is Severity.INFO
    assert finding.evidence["calculated_less_measured_kw_mean"] == 2.0
    assert finding.evidence["compared_count"] == 4


def test_a_calculated_load_is_the_mean_over_time_of_the_states_that_hold() -> None:
    """90 for 2 minutes and 100 for 3: 96 kW in the first interval; 100 in the three others."""
    finding = compared([state(-1, 90.0), state(2, 100.0), state(12, 100.0)], 99, 99, 99, 99)

    assert finding.evidence["calculated_kw_mean"] == pytest.approx((96 + 3 * 100) / 4)


def test_compliance_that_the_meter_does_not_show_is_a_warning_with_its_reason() -> None:
    finding = compared(
        [state(0, 95.0), state(5, 95.0, in_flight=True), state(10, 95.0, limit_kw=120.0)],
        *(110.0, 110.0, 110.0, 99.0),
    )

    assert finding.severity is Severity.WARNING
    assert finding.evidence["agent_only_count"] == 3
    for cause in (
        "the load that the agent calculates is not the meter's",
        "the agent was on its way between two levels",
        "the agent held another target than the event's limit",
    ):
        assert f"in 1, {cause}" in finding.message
    assert "in 1, the agent was on its way between two levels" in finding.message


def test_a_breach_that_the_meter_does_not_show_is_counted_apart() -> None:
    states = [state(0, 105.0, compliant=False), state(10, 95.0)]

    finding = compared(states, 99.0, 99.0, 99.0, 99.0)

    assert (finding.evidence["agent_only_count"], finding.evidence["meter_only_count"]) == (0, 2)


def test_what_the_program_tolerates_is_no_disagreement() -> None:
    states = [state(0, 100.0), state(10, 100.0)]

    assert compared(states, *[101.0] * 4, tolerance_kw=1.0).severity is Severity.INFO
    assert compared(states, *[101.0] * 4).severity is Severity.WARNING


def test_a_state_holds_for_a_quarter_of_an_hour_and_no_longer() -> None:
    assert compared([state(0, 95.0)], 99.0, 99.0, 99.0, 99.0).evidence["compared_count"] == 3


def test_an_interval_whose_energy_is_not_known_is_not_compared() -> None:
    found = compared([state(0, 95.0), state(10, 95.0)], 99.0, float("nan"), 99.0, 99.0)

    assert found.evidence["compared_count"] == 3


def test_without_a_limit_or_a_state_there_is_nothing_to_compare() -> None:
    assert agent_finding([], load(99.0), event()) is None
    assert agent_finding([state(0, 95.0)], load(99.0), event(limit_kw=None)) is None
    assert agent_finding([state(-60, 95.0)], load(*[99.0] * 4), event()) is None
