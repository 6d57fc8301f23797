"""Periods paid by the rules of real programs, each by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment import pay_event, pay_period
from negawatt.models.settlement.payment.inputs import PeriodInputs
from negawatt.models.settlement.payment.measure import measure
from negawatt.models.settlement.payment.rules import load_payment_rule
from tests.models.settlement.payment.conftest import EventOf, event_with, price


def test_capacity_is_nominated_megawatts_times_price_times_days() -> None:
    """2 MW x 269.92 x 30 = 16195.20."""
    period = PeriodInputs(
        subject="June",
        period_count=Decimal(30),
        nominated_kw=Decimal(2000),
        prices={"clearing_price": price("269.92", per="MW-day")},
    )

    payment = pay_period(load_payment_rule("pjm_capacity_fsl"), period, [])

    assert payment.total == Decimal("16195.20")


def test_a_special_case_resource_is_paid_by_its_best_four_hours(event_of: EventOf) -> None:
    """Hours of 10, 80, 80, 80, 40 of 100 kW: the best four make 70; 100 kW x 10 x 0.70."""
    delivered = event_with("nyiso_scr", event_of([10, 80, 80, 80, 40], committed_kw=Decimal(100)))
    period = PeriodInputs(
        subject="July",
        period_count=Decimal(1),
        nominated_kw=Decimal(100),
        prices={"capacity_price": price(10, per="kW-month")},
    )

    payment = pay_period(load_payment_rule("nyiso_scr"), period, [delivered])

    assert delivered.ratios == (Decimal("0.7"),)
    assert payment.total == 700


def test_capacity_bidding_finds_the_tier_of_each_hour(event_of: EventOf) -> None:
    """Hours of 100, 70 and 50 of 100 kW: 1, 0.35 and -0.1 make 0.41667; 100 kW x 10.

    The tier of the mean, 73.3 %, would have been 0.36667.
    """
    rule = load_payment_rule("pge_cbp")
    month = PeriodInputs(
        subject="July",
        period_count=Decimal(1),
        nominated_kw=Decimal(100),
        prices={"capacity_price": price(10, per="kW-month")},
    )
    first = measure(rule, event_of([100, 70], committed_kw=Decimal(100)))
    second = measure(rule, event_of([50], committed_kw=Decimal(100)))

    assert pay_period(rule, month, [first, second]).total == Decimal("416.67")
    assert pay_period(rule, month, [second, first]).total == Decimal("416.67")


def test_two_events_of_a_month_count_by_their_hours(event_of: EventOf) -> None:
    """One hour of 100 and three of 50 of 100 kW: 62.5 %, at 2 decimals 0.63; 100 kW x 5."""
    rule = load_payment_rule("coned_csrp")
    month = PeriodInputs(subject="July", period_count=Decimal(1), nominated_kw=Decimal(100))
    events = [
        measure(rule, event_of(kwh, committed_kw=Decimal(100))) for kwh in ([100], [50, 50, 50])
    ]

    assert pay_period(rule, month, events).total == 315


def test_thirds_that_add_up_to_a_tie_are_a_tie(event_of: EventOf) -> None:
    """Hours of 33, 33, 34 and of 166 of 100 kW: 2.66 / 4 = 0.665, half up 0.67; 100 kW x 5.

    The first event's ratio is a third; three thirds of 60 digits are a hair below 1.
    """
    rule = load_payment_rule("coned_csrp")
    month = PeriodInputs(subject="July", period_count=Decimal(1), nominated_kw=Decimal(100))
    events = [
        measure(rule, event_of(kwh, committed_kw=Decimal(100))) for kwh in ([33, 33, 34], [166])
    ]

    assert pay_period(rule, month, events).total == 335


def test_thirds_that_add_up_to_the_threshold_reach_it(event_of: EventOf) -> None:
    """Hours of 33, 33, 34 and of 0 of 100 kW are a quarter: 100 kW x 5 x 0.25, and not nothing."""
    rule = load_payment_rule("coned_csrp")
    month = PeriodInputs(subject="July", period_count=Decimal(1), nominated_kw=Decimal(100))
    events = [
        measure(rule, event_of(kwh, committed_kw=Decimal(100))) for kwh in ([33, 33, 34], [0])
    ]

    assert pay_period(rule, month, events).total == 125


def test_emergency_response_multiplies_both_factors(event_of: EventOf) -> None:
    """1 MW x 6 USD/MW-h x 500 h x 0.8 squared x 0.5 = 960."""
    delivered = event_with(
        "ercot_ers",
        event_of(
            [250, 0],
            interval_minutes=15,
            committed_kw=Decimal(1000),
            first_interval_ratio=Decimal(1),
        ),
    )
    period = PeriodInputs(
        subject="October to November",
        period_count=Decimal(500),
        nominated_kw=Decimal(1000),
        availability_ratio=Decimal("0.8"),
        prices={"awarded_price": price(6, per="MW-h")},
    )

    assert delivered.ratios == (Decimal("0.5"),)
    assert pay_period(load_payment_rule("ercot_ers"), period, [delivered]).total == 960


def test_base_interruptible_pays_the_incentive_and_charges_excess(event_of: EventOf) -> None:
    """Two quarter hours of 30 kWh are 120 kW over 100: 10 kWh at 6. (900 - 100) x 8 a month."""
    rule = load_payment_rule("pge_bip")
    event = event_of(
        [None, None],
        interval_minutes=15,
        metered_kwh=(Decimal(30), Decimal(30)),
        limit_kw=Decimal(100),
    )
    period = PeriodInputs(
        subject="July",
        period_count=Decimal(1),
        on_peak_demand_kw=Decimal(900),
        limit_kw=Decimal(100),
        prices={"incentive": price(8, per="kW-month")},
    )

    assert pay_event(rule, event).total == -60
    assert pay_period(rule, period, []).total == 6400


@pytest.mark.parametrize(("kwh", "factor", "expected"), [(24, "0", "0"), (66.5, "0.67", "335.00")])
def test_con_edison_rounds_its_factor_after_the_threshold(
    event_of: EventOf, kwh: float, factor: str, expected: str
) -> None:
    """24 of 100 kW earn nothing; 66.5 round to 0.67: 100 kW x 5 x 0.67. Energy: 0.50 a kWh."""
    rule = load_payment_rule("coned_csrp")
    event = event_of([kwh], committed_kw=Decimal(100))
    period = PeriodInputs(subject="July", period_count=Decimal(1), nominated_kw=Decimal(100))

    reservation = pay_period(rule, period, [measure(rule, event)])

    assert reservation.total == Decimal(expected), factor
    assert pay_event(rule, event).total == Decimal(str(kwh)) / 2


def test_idaho_pays_weeks_on_the_nomination_or_on_what_came(event_of: EventOf) -> None:
    """100 kW nominated: 325 without an event; 80 kW came in the event week: 260."""
    rule = load_payment_rule("idaho_flex_peak")
    week = PeriodInputs(subject="week 27", period_count=Decimal(1), nominated_kw=Decimal(100))
    delivered = measure(rule, event_of([90, 70]))

    assert pay_period(rule, week, []).total == 325
    assert pay_period(rule, week, [delivered]).total == 260


def test_a_month_without_an_event_needs_a_ratio_that_is_carried_forward() -> None:
    rule = load_payment_rule("coned_csrp")
    month = PeriodInputs(subject="May", period_count=Decimal(1), nominated_kw=Decimal(100))

    with pytest.raises(DataRefusedError, match=r"May: expected performance_ratio"):
        pay_period(rule, month, [])

    assert pay_period(rule, replace(month, performance_ratio=Decimal(1)), []).total == 500


def test_an_event_without_a_commitment_has_no_ratio_to_pay_by(event_of: EventOf) -> None:
    rule = load_payment_rule("coned_csrp")
    month = PeriodInputs(subject="May", period_count=Decimal(1), nominated_kw=Decimal(100))

    with pytest.raises(DataRefusedError, match="committed_kw of every event"):
        pay_period(rule, month, [measure(rule, event_of([1]))])


def test_demand_below_the_firm_service_level_earns_no_incentive_and_owes_none() -> None:
    period = PeriodInputs(
        subject="July",
        period_count=Decimal(1),
        on_peak_demand_kw=Decimal(90),
        limit_kw=Decimal(100),
        prices={"incentive": price(8, per="kW-month")},
    )

    assert pay_period(load_payment_rule("pge_bip"), period, []).total == 0
