"""Events paid by the rules of real programs, each by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment import pay_event
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.rules import load_payment_rule
from tests.models.settlement.payment.conftest import EventOf, amounts, price, variant


def test_pjm_pays_hours_that_pass_the_net_benefits_test_at_the_generators(
    event_of: EventOf,
) -> None:
    """1000 kWh at 85 and 20 USD/MWh, loss factor 1.05, test at 30: 1.05 x 85 = 89.25."""
    event = event_of(
        [1000, 1000],
        interval_prices={"lmp": (price(85), price(20))},
        loss_factor=Decimal("1.05"),
        net_benefits_per_mwh=Decimal(30),
    )

    payment = pay_event(load_payment_rule("pjm_economic"), event)

    assert amounts(payment) == {"energy at the locational marginal price": "89.25"}
    assert (payment.total, payment.currency) == (Decimal("89.25"), "USD")
    assert any("loss factor" in fact for fact in payment.low_confidence_facts)


def test_a_day_ahead_sale_that_did_not_come_is_bought_back(event_of: EventOf) -> None:
    """Sold 2 MW at 50: 100; delivered 1 MW: -1 MW at 200: -200."""
    event = event_of(
        [1000],
        day_ahead_kw=(Decimal(2000),),
        interval_prices={"lmp_day_ahead": (price(50),), "lmp": (price(200),)},
        loss_factor=Decimal(1),
    )

    payment = pay_event(load_payment_rule("pjm_economic_day_ahead"), event)

    assert payment.total == -100


@pytest.mark.parametrize(("lmp", "expected"), [(-40, 500), (80, 500), (900, 900)])
def test_nyiso_pays_at_least_five_hundred_in_an_emergency(
    event_of: EventOf, lmp: int, expected: int
) -> None:
    """1 MWh delivered; the hour 200 kWh above its baseline counts as zero."""
    event = event_of([1000, -200], interval_prices={"lmp": (price(lmp), price(lmp))})

    assert pay_event(load_payment_rule("nyiso_edrp"), event).total == expected


def test_aemo_pays_the_spot_price_and_takes_back_the_retailers_rate(event_of: EventOf) -> None:
    """1 MWh at -50 AUD/MWh is -50; the reimbursement of 90 is owed besides."""
    event = event_of(
        [1000],
        interval_prices={"spot": (price(-50, "AUD"),)},
        prices={"reimbursement_rate": price(90, "AUD")},
        loss_factor=Decimal(1),
    )

    payment = pay_event(load_payment_rule("aemo_wdr"), event)

    assert amounts(payment) == {
        "energy at the spot price": "-50.00",
        "reimbursement of the retailer": "-90.00",
    }
    assert (payment.total, payment.currency) == (Decimal(-140), "AUD")


def test_the_british_service_pays_k_of_each_half_hour(event_of: EventOf) -> None:
    """Q = 1 MW at 3000 GBP/MWh: 1500 for a whole half hour.

    500 kWh of 500 is K = 1; 200 of 500 is K = 0.3; -100 of 500 is K = -0.2: 1.1 x 1500.
    """
    event = event_of(
        [500, 200, -100],
        interval_minutes=30,
        dispatched_kw=(Decimal(1000),) * 3,
        prices={"bid": price(3000, "GBP")},
    )

    assert pay_event(load_payment_rule("gb_dfs"), event).total == 1650


def test_a_firm_service_level_short_in_two_intervals_is_charged_for_them(
    event_of: EventOf,
) -> None:
    """PLC 1000, loss factor 1; hours of 400, 700, 1100 kW deliver 600, 300 and 0 of 500.

    Short by 200 and 500 kW. 300 USD/MW-day x 365 / 30 h = 3650 USD/MWh: 0.7 x 3650 = 2555.
    """
    event = firm_level_event(event_of, already_charged=0)

    payment = pay_event(load_payment_rule("pjm_capacity_fsl"), event)

    assert payment.delivered is not None
    assert [str(value) for value in payment.delivered.interval_kw] == ["600", "300", "0"]
    assert amounts(payment) == {
        "non-performance charge": "-2555.00",
        "test shortfall charge": "0.00",
    }


def test_the_year_of_a_firm_service_level_charges_up_to_its_limit(event_of: EventOf) -> None:
    """The limit is 1.5 x 10 USD/MW-day x 365 x 0.5 MW = 2737.50; 2000 were charged before."""
    event = firm_level_event(event_of, already_charged=2000)

    assert pay_event(load_payment_rule("pjm_capacity_fsl"), event).total == Decimal("-737.50")


def test_a_test_is_charged_by_its_own_rule(event_of: EventOf) -> None:
    """Mean delivered 300 of 500: 0.2 MW x (10 + 20) x 365 days."""
    event = firm_level_event(event_of, already_charged=0)
    rates = {"revenue_rate": price(10, per="MW-day")}
    event = replace(event, is_test=True, prices=rates)

    assert pay_event(load_payment_rule("pjm_capacity_fsl"), event).total == -2190


def firm_level_event(event_of: EventOf, *, already_charged: int) -> EventInputs:
    return event_of(
        [0, 0, 0],
        metered_kwh=(Decimal(400), Decimal(700), Decimal(1100)),
        peak_load_kw=Decimal(1000),
        loss_factor=Decimal(1),
        committed_kw=Decimal(500),
        year_days=Decimal(365),
        already_charged=Decimal(already_charged),
        prices={
            "net_cone": price(300, per="MW-day"),
            "clearing_price": price(10, per="MW-day"),
        },
    )


def test_a_charge_at_a_rate_without_end_that_is_half_a_cent_is_a_tie(event_of: EventOf) -> None:
    """60 USD/MW-day x 365 / 30 h / 12 is 60.8333...; 162 kW of it are 9.855, half to even 9.86."""
    event = event_of(
        [0],
        interval_minutes=5,
        metered_kwh=(Decimal("13.5"),),
        peak_load_kw=Decimal(1000),
        loss_factor=Decimal(1),
        committed_kw=Decimal(1000),
        year_days=Decimal(365),
        already_charged=Decimal(0),
        prices={
            "net_cone": price(60, per="MW-day"),
            "clearing_price": price(10, per="MW-day"),
        },
    )

    assert pay_event(load_payment_rule("pjm_capacity_fsl"), event).total == Decimal("-9.86")


@pytest.mark.parametrize(("number", "expected"), [(3, "0.00"), (4, "25.60")])
def test_idaho_pays_energy_from_the_fourth_event(
    event_of: EventOf, number: int, expected: str
) -> None:
    event = event_of([90, 70], event_number=number)

    assert str(pay_event(load_payment_rule("idaho_flex_peak"), event).total) == expected


def test_reserve_is_paid_for_what_was_held_up_to_the_assignment(event_of: EventOf) -> None:
    """Held 60 kW of 100 assigned, over a quarter of an hour at 20 USD/MW-h: 0.30."""
    minutes = [Decimal(100)] * 2 + [Decimal(40)] * 15
    event = event_of(
        [None] * 15,
        interval_minutes=1,
        reserve_readings_kw=tuple(minutes),
        reserve_start=1,
        committed_kw=Decimal(100),
        prices={"reserve_price": price(20, per="MW-h")},
    )

    assert pay_event(load_payment_rule("pjm_synchronized_reserve"), event).total == Decimal("0.30")


def test_regulation_scales_capability_and_mileage_by_the_score(event_of: EventOf) -> None:
    """2 MW x (30 + 2.5 x 4) x 0.9 for an hour."""
    event = event_of(
        [None],
        capability_kw=Decimal(2000),
        mileage_ratio=Decimal("2.5"),
        score_ratio=Decimal("0.9"),
        prices={
            "capability_price": price(30, per="MW-h"),
            "performance_price": price(4, per="MW-h"),
        },
    )

    assert pay_event(load_payment_rule("pjm_regulation"), event).total == 72


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reduction_kwh": (Decimal(1), None)}, "reduction_kwh of every interval, found 1 of 2"),
        ({"reduction_kwh": ()}, "found 0 of 2 known"),
        ({"interval_prices": {"lmp": (price(85), None)}}, "the price 'lmp' in USD/MWh, found none"),
        ({"interval_prices": {}}, "the price 'lmp' in USD/MWh, found none"),
        ({"interval_prices": {"lmp": (price(85),)}}, "for each interval, found 1"),
        (
            {"interval_prices": {"lmp": (price(85), price(85, "CAD"))}},
            "in USD/MWh, found 85 CAD/MWh",
        ),
        (
            {"interval_prices": {"lmp": (price(1), price(1, per="kWh"))}},
            "in USD/MWh, found 1 USD/kWh",
        ),
        ({"loss_factor": None}, "expected loss_factor"),
        ({"net_benefits_per_mwh": None}, "expected net_benefits_per_mwh"),
    ],
)
def test_what_is_not_known_is_refused_by_name_and_never_zero(
    event_of: EventOf, change: dict[str, Any], message: str
) -> None:
    event = event_of(
        [1, 1],
        interval_prices={"lmp": (price(85), price(85))},
        loss_factor=Decimal(1),
        net_benefits_per_mwh=Decimal(0),
    )

    with pytest.raises(DataRefusedError, match=message):
        pay_event(load_payment_rule("pjm_economic"), replace(event, **change))


def test_an_event_without_intervals_is_refused(event_of: EventOf) -> None:
    with pytest.raises(ValueError, match="intervals that divide an hour"):
        event_of([])
    with pytest.raises(ValueError, match="intervals that divide an hour"):
        event_of([1], interval_minutes=7)


def test_reserve_that_was_not_held_is_not_paid(event_of: EventOf) -> None:
    """Down by 60 kW, back by 40 in minute 13: 20 kW for a quarter of an hour at 20 USD/MW-h."""
    minutes = [Decimal(100)] * 2 + [Decimal(40)] * 12 + [Decimal(80)] + [Decimal(40)] * 2
    event = event_of(
        [None] * 15,
        interval_minutes=1,
        reserve_readings_kw=tuple(minutes),
        reserve_start=1,
        committed_kw=Decimal(100),
        prices={"reserve_price": price(20, per="MW-h")},
    )

    assert pay_event(load_payment_rule("pjm_synchronized_reserve"), event).total == Decimal("0.10")


def test_a_score_is_rounded_before_it_scales_where_the_file_says_so(event_of: EventOf) -> None:
    """1 MW at 100 for an hour, score 0.8449 as 0.84."""
    rule = variant(
        "pjm_regulation",
        "[[rounding]]",
        '[[rounding]]\nstage = "factor"\ndecimals = 2\nmode = "half_up"\n\n[[rounding]]',
    )
    event = event_of(
        [None],
        capability_kw=Decimal(1000),
        mileage_ratio=Decimal(0),
        score_ratio=Decimal("0.8449"),
        prices={
            "capability_price": price(100, per="MW-h"),
            "performance_price": price(4, per="MW-h"),
        },
    )

    assert pay_event(rule, event).total == 84
