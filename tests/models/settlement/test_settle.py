"""Which earlier days the band of a real settlement rests on; the load is flat at 100 kWh an hour.

July 2026: the 11th is a Saturday, the 12th a Sunday, and the 4th, a holiday, a Saturday.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.build import SettlementTerms
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.statement import StatementBody

HOUR = timedelta(hours=1)
FIRST_UTC = datetime(2026, 5, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
PHOENIX = ZoneInfo("America/Phoenix")
PJM = load_program("pjm_economic_3day")
STANDARD = load_program(
    "pjm_economic_3day",
    overrides=('settlement_clock.mode="standard"', 'dst_policy="standard_time"'),
)


def settled_body(
    rule: BaselineRule, start_utc: datetime, time_zone: ZoneInfo = NEW_YORK
) -> StatementBody:
    """Return the statement of an event of one hour."""
    event = Event(
        event_id="e1",
        revision=1,
        site_id="s1",
        program_id=rule.program_id,
        interval=Interval(start_utc, start_utc + HOUR),
    )
    energy_kwh = np.full((start_utc + 6 * HOUR - FIRST_UTC) // HOUR, 100.0)
    return settle_event(
        SettlementInputs(
            event=event,
            rule=rule,
            alternative_rules=(),
            load=LoadSeries(
                meter_id="m",
                start_utc=FIRST_UTC,
                interval_minutes=60,
                energy_kwh=energy_kwh,
                coverage_ratio=np.ones(energy_kwh.size),
            ),
            job_loads={},
            other_event_windows=(),
            time_zone=time_zone,
            input_sha256={"core_site__interval_energy": "c" * 64},
            data_findings=(),
            terms=SettlementTerms(statement_id="s1.e1", revenue_grade=True),
        )
    ).body


def placebo_dates(
    rule: BaselineRule, start_utc: datetime, time_zone: ZoneInfo = NEW_YORK
) -> tuple[date, ...]:
    """Return the placebo days of an event of one hour."""
    placebo = settled_body(rule, start_utc, time_zone).placebo
    assert placebo is not None
    return placebo.dates


def test_a_statement_says_which_tests_for_manipulation_lacked_their_data() -> None:
    """Nobody said what the operator's other meters did, nor what generates behind the meter."""
    body = settled_body(PJM, datetime(2026, 7, 11, 21, tzinfo=UTC))

    not_made = [
        finding.message for finding in body.findings if finding.code is FindingCode.SCREEN_NOT_MADE
    ]
    assert any("displacement" in message for message in not_made)
    assert any("generation swap" in message for message in not_made)


def test_a_saturday_of_a_rule_with_saturdays_has_saturdays_without_holidays() -> None:
    """PJM settles Saturday 4 July with Sundays, so the Saturday before the 11th is 27 June."""
    dates = placebo_dates(PJM, datetime(2026, 7, 11, 21, tzinfo=UTC))

    assert dates[0] == date(2026, 6, 27)
    assert {day.isoweekday() for day in dates} == {6}


def test_a_sunday_is_compared_with_the_holiday_that_the_rule_treats_as_one() -> None:
    dates = placebo_dates(PJM, datetime(2026, 7, 12, 21, tzinfo=UTC))

    assert dates[:3] == (date(2026, 7, 5), date(2026, 7, 4), date(2026, 6, 28))


def test_placebo_days_are_days_of_the_programs_clock_and_not_the_sites() -> None:
    """05:00 UTC on Saturday is 01:00 in New York, and 22:00 of Friday at the site in Phoenix."""
    dates = placebo_dates(PJM, datetime(2026, 7, 11, 5, tzinfo=UTC), PHOENIX)

    assert {day.isoweekday() for day in dates} == {6}


def test_a_program_on_standard_time_has_placebo_days_of_standard_time() -> None:
    """04:00 UTC on Saturday is 00:00 by New York's summer clock, and 23:00 of Friday by its own."""
    start_utc = datetime(2026, 7, 11, 4, tzinfo=UTC)

    prevailing, standard = (placebo_dates(rule, start_utc) for rule in (PJM, STANDARD))

    assert {day.isoweekday() for day in prevailing} == {6}
    assert {day.isoweekday() for day in standard} == {1, 2, 3, 4, 5}


def test_a_rule_that_looks_at_no_other_day_has_weekends_of_the_sites_clock() -> None:
    """03:00 UTC on Monday is 20:00 of Sunday in Phoenix; the rule's own clock is UTC."""
    rule = load_program("pre_event_hour", overrides=("interval_minutes=60",))

    dates = placebo_dates(rule, datetime(2026, 7, 13, 3, tzinfo=UTC), PHOENIX)

    assert dates[:3] == (date(2026, 7, 11), date(2026, 7, 5), date(2026, 7, 4))
    assert {day.isoweekday() for day in dates} == {6, 7}
