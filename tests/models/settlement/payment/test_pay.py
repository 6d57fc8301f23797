"""Events and periods paid by the rules of real programs, each by hand."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment import pay_event, pay_period
from negawatt.models.settlement.payment.inputs import EventInputs, PeriodInputs
from negawatt.models.settlement.payment.measure import Delivered, measure
from negawatt.models.settlement.payment.money import Per, Price
from negawatt.models.settlement.payment.rules import (
    PaymentRule,
    load_payment_rule,
    payment_rule_from_bytes,
)

FOLDER = files("negawatt.models.settlement.payment") / "programs"
EventOf = Callable[..., EventInputs]


def price(amount: float | str, currency: str = "USD", per: Per = "MWh") -> Price:
    return Price(amount=Decimal(str(amount)), currency=currency, per=per)


def amounts(payment: Any) -> dict[str, str]:  # noqa: ANN401 - a Payment
    return {line.name: str(line.amount) for line in payment.lines}


def event_with(payment_id: str, event: EventInputs) -> Delivered:
    return measure(load_payment_rule(payment_id), event)


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
    event = replace(firm_level_event(event_of, already_charged=0), is_test=True)

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


def test_a_guaranteed_drop_counts_the_comparison_load(event_of: EventOf) -> None:
    """(900 - 500) x 1.06 = 424 against 1000 - 530 = 470."""
    event = event_of(
        [0],
        metered_kwh=(Decimal(500),),
        comparison_kwh=(Decimal(900),),
        peak_load_kw=Decimal(1000),
        loss_factor=Decimal("1.06"),
        committed_kw=Decimal(424),
    )

    assert event_with("pjm_capacity_gld", event).ratios == (Decimal(1),)


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


@pytest.mark.parametrize(("number", "expected"), [(3, "0.00"), (4, "25.60")])
def test_idaho_pays_energy_from_the_fourth_event(
    event_of: EventOf, number: int, expected: str
) -> None:
    event = event_of([90, 70], event_number=number)

    assert str(pay_event(load_payment_rule("idaho_flex_peak"), event).total) == expected


def test_verified_savings_are_the_worst_hour(event_of: EventOf) -> None:
    """Quarter hours of 25 kWh, and an hour of 20: 80 kW."""
    event = event_of([25, 25, 20, 20, 20, 20], interval_minutes=15)

    assert event_with("centerpoint_load_management", event).event_kw == 80


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


def test_an_event_that_used_more_costs_nothing_where_there_is_no_penalty(
    event_of: EventOf,
) -> None:
    """Hours of 50 and -30 net to 20 kWh at 2; hours of 10 and -30 to nothing."""
    rule = load_payment_rule("pge_elrp")

    assert pay_event(rule, event_of([50, -30])).total == 40
    assert pay_event(rule, event_of([10, -30])).total == 0


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


def test_an_event_without_intervals_is_refused(event_of: EventOf) -> None:
    with pytest.raises(ValueError, match="intervals that divide an hour"):
        event_of([])
    with pytest.raises(ValueError, match="intervals that divide an hour"):
        event_of([1], interval_minutes=7)


def variant(payment_id: str, old: str, new: str) -> PaymentRule:
    """Return a rule with one place of its file replaced."""
    text = (FOLDER / f"{payment_id}.toml").read_text(encoding="utf-8")
    assert old in text
    return payment_rule_from_bytes(text.replace(old, new, 1).encode(), payment_id)


@pytest.mark.parametrize(("cap_at", "expected"), [("committed", 280), ("dispatched", 190)])
def test_nothing_counts_above_its_cap(event_of: EventOf, cap_at: str, expected: int) -> None:
    """150 and 20 kWh at 2, capped at 1.2 x 100, or at 1.2 x 62.5: 120 + 20, or 75 + 20."""
    rule = variant(
        "pge_elrp", "[performance]", f'[performance]\ncap_at = "{cap_at}"\ncap_factor = 1.2'
    )
    event = event_of(
        [150, 20],
        committed_kw=Decimal(100),
        dispatched_kw=(Decimal("62.5"), Decimal(100)),
    )

    assert pay_event(rule, event).total == expected


def test_a_day_that_nets_below_zero_counts_for_nothing_and_the_next_one_does(
    event_of: EventOf,
) -> None:
    """In London the event runs from 17:00: seven hours of July 1 net to -1, two of July 2 to 12."""
    rule = variant("pge_elrp", '"zero_per_event"', '"net_within_day"\nday_clock = "Europe/London"')

    payment = pay_event(rule, event_of([-10, 9, 0, 0, 0, 0, 0, 7, 5]))

    assert payment.total == 24


def test_delivered_power_is_rounded_where_the_file_says_so(event_of: EventOf) -> None:
    """1.9, -1.9 and 2.9 kWh lose their decimals: 1 - 1 + 2 kWh at 2."""
    rule = variant(
        "pge_elrp",
        "[[rounding]]",
        '[[rounding]]\nstage = "reduction"\ndecimals = 0\nmode = "truncate"\n\n[[rounding]]',
    )

    assert pay_event(rule, event_of(["1.9", "-1.9", "2.9"])).total == 4


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


def test_demand_below_the_firm_service_level_earns_no_incentive_and_owes_none() -> None:
    period = PeriodInputs(
        subject="July",
        period_count=Decimal(1),
        on_peak_demand_kw=Decimal(90),
        limit_kw=Decimal(100),
        prices={"incentive": price(8, per="kW-month")},
    )

    assert pay_period(load_payment_rule("pge_bip"), period, []).total == 0
