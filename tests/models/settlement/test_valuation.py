"""What a statement says of money; reductions are 30.000 and 20.001 kWh from 16:00 UTC."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.settlement.market import Market, MarketSeries, RegistrationFact
from negawatt.models.settlement.paid import (
    PaymentOutcome,
    Scenario,
    StatementPayment,
)
from negawatt.models.settlement.payment.rules import payment_rule_text
from negawatt.models.settlement.statement import StatementBody
from tests.models.settlement.conftest import MARKET, fact, market_at

Settle = Callable[..., StatementBody]


def paid(body: StatementBody) -> StatementPayment:
    assert body.payment is not None
    return body.payment


def with_facts(market: Market, *facts: RegistrationFact) -> Market:
    kept = {one.name: one for one in (*market.facts, *facts)}
    return replace(market, facts=tuple(kept.values()))


def capacity_market(loss_factor: str = "1", kind: str = "fsl", peak_kw: str = "90") -> Market:
    """Return a market in which each kW short costs 3.65 USD/kWh."""
    return Market(
        payment_rule_toml=payment_rule_text(f"pjm_capacity_{kind}"),
        facts=(
            fact("loss_factor", loss_factor, "factor"),
            fact("peak_load_kw", peak_kw, "kW"),
            fact("year_days", "365", "days"),
            fact("already_charged", "0", "USD"),
            fact("net_cone", "300", "USD/MW-day"),
            fact("clearing_price", "270", "USD/MW-day"),
            fact("revenue_rate", "270", "USD/MW-day"),
        ),
    )


def test_each_interval_is_paid_its_price_and_the_line_is_rounded_once(settle: Settle) -> None:
    """30 x 0.05 + 20.001 x 0.08 = 1.5 + 1.60008 = 3.10008, rounded 3.10."""
    payment = paid(settle(market=market_at(Decimal(50), Decimal(80))))

    (line,) = payment.lines
    assert [str(one.exact_amount) for one in line.intervals] == ["1.5", "1.60008"]
    assert [str(one.price_per_kwh) for one in line.intervals] == ["0.05", "0.08"]
    assert [str(one.counted_kw) for one in line.intervals] == ["30", "20.001"]
    assert (str(line.amount), str(payment.total), payment.currency) == ("3.10", "3.10", "USD")
    assert payment.rule_id == "pjm_economic@2026-11"
    assert any("check" in one for one in payment.low_confidence_facts)


def test_the_net_benefits_test_says_what_it_withheld(settle: Settle) -> None:
    """At 60 USD/MWh the hour of 50 is not paid: 30 x 0.05 = 1.50 withheld, 1.60 paid."""
    market = with_facts(
        market_at(Decimal(50), Decimal(80)), fact("net_benefits_price", "60", "USD/MWh")
    )

    payment = paid(settle(market=market))

    assert payment.net_benefits is not None
    assert (payment.net_benefits.passed_count, payment.net_benefits.interval_count) == (1, 2)
    assert str(payment.net_benefits.withheld_amount) == "1.50"
    assert str(payment.total) == "1.60"


def test_a_price_at_the_net_benefits_price_passes(settle: Settle) -> None:
    payment = paid(settle(market=with_facts(MARKET, fact("net_benefits_price", "50", "USD/MWh"))))

    assert payment.net_benefits is not None
    assert payment.net_benefits.passed_count == 2


def test_other_courses_of_the_event_are_paid_by_the_same_rule(settle: Settle) -> None:
    """Nothing: 0. The commitment of 20 kW in both hours at 0.05: 2.00."""
    nothing, committed = paid(settle()).exposure

    assert (nothing.scenario, str(nothing.total)) == (Scenario.NOTHING_DELIVERED, "0.00")
    assert (committed.scenario, str(committed.total)) == (Scenario.COMMITMENT_DELIVERED, "2.00")


def test_a_missing_price_leaves_the_payment_open_and_the_energy_settled(settle: Settle) -> None:
    body = settle(market=market_at(Decimal(50)))

    payment = paid(body)
    assert payment.outcome is PaymentOutcome.NOT_COMPUTABLE
    assert payment.total is None
    assert "a price at 2026-07-01T17:00:00+00:00" in str(payment.reason)
    assert str(body.totals.reduction_kwh) == "50.001"
    (finding,) = [f for f in body.findings if f.code is FindingCode.PAYMENT_NOT_COMPUTABLE]
    assert finding.severity is Severity.WARNING
    assert finding.evidence["found"] == "none"


@pytest.mark.parametrize("name", ["loss_factor", "net_benefits_price"])
def test_a_missing_fact_is_named_and_not_guessed(settle: Settle, name: str) -> None:
    known = tuple(one for one in MARKET.facts if one.name != name)

    payment = paid(settle(market=replace(MARKET, facts=known)))

    assert payment.outcome is PaymentOutcome.NOT_COMPUTABLE
    assert name.removesuffix("_price") in str(payment.reason)


def test_two_values_of_one_fact_are_named_with_their_sources(settle: Settle) -> None:
    doubled = replace(MARKET, facts=(*MARKET.facts, fact("loss_factor", "1.05", "factor")))

    reason = paid(settle(market=doubled)).reason

    assert "1 (the contract) and 1.05 (the contract)" in str(reason)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (fact("loss_factor", "4", "percent"), "a value in factor, found 4 percent"),
        (fact("net_benefits_price", "30", "EUR/MWh"), "a value in USD/MWh, found 30 EUR/MWh"),
        (fact("los_factor", "1", "factor"), "or a price with a unit such as USD/MWh"),
    ],
)
def test_a_fact_in_another_unit_or_of_no_known_name_is_refused(
    settle: Settle, wrong: RegistrationFact, message: str
) -> None:
    assert message in str(paid(settle(market=with_facts(MARKET, wrong))).reason)


def test_a_price_in_another_currency_is_not_converted(settle: Settle) -> None:
    series = replace(MARKET.series[0], currency="EUR")

    reason = paid(settle(market=replace(MARKET, series=(series,)))).reason

    assert "USD/MWh, found 50 EUR/MWh" in str(reason)


def test_a_series_without_a_price_and_without_a_unit_is_a_missing_price(settle: Settle) -> None:
    empty = MarketSeries(
        price_name="lmp",
        series_id="zone",
        currency="",
        per="",
        interval_start_utc=(),
        interval_end_utc=(),
        amounts=(),
    )

    reason = paid(settle(market=replace(MARKET, series=(empty,)))).reason

    assert "prices 'zone': expected a price at 2026-07-01T16:00:00" in str(reason)


def test_a_shortfall_is_charged_and_delivering_nothing_would_have_cost_more(
    settle: Settle,
) -> None:
    """Peak load 90 kW: 70 and 80 kW leave 20 and 10 of 20 kW, 10 kW short in one hour.

    Net CONE 300 USD/MW-day x 365 days / 30 h are 3650 USD/MWh: 36.50. At the baseline of 100 kW
    each hour is 20 kW short: 146.00. The yearly limit of 1.5 x 20 kW x 365 x 0.27 is 2956.50.
    """
    payment = paid(settle(market=capacity_market()))

    shortfall = payment.lines[0]
    assert (shortfall.name, str(shortfall.amount)) == ("non-performance charge", "-36.50")
    assert shortfall.intervals == ()
    nothing, committed = payment.exposure
    assert (str(nothing.total), str(nothing.charges)) == ("-146.00", "-146.00")
    assert (str(committed.total), str(committed.charges)) == ("0.00", "0")
    assert payment.delivered is not None
    assert str(payment.delivered.event_kw) == "15"


@pytest.mark.parametrize("kind", ["fsl", "gld"])
@pytest.mark.parametrize("loss_factor", ["1.25", "0.8"])
def test_a_commitment_at_the_generators_is_kept_by_another_drop_at_the_meter(
    settle: Settle, kind: str, loss_factor: str
) -> None:
    """20 kW at the generators are 16 at the meter where losses add a quarter: nothing is short.

    Peak loads 200 kW: the lesser of the two measures is the drop from the comparison load.
    """
    committed = paid(settle(market=capacity_market(loss_factor, kind, "200"))).exposure[1]

    assert committed.scenario is Scenario.COMMITMENT_DELIVERED
    assert str(committed.charges) == "0"


def test_a_tenth_of_a_kilowatt_short_at_the_meter_is_an_eighth_at_the_generators(
    settle: Settle,
) -> None:
    """15.9 of 16 kW: 0.125 kW for 2 h at 3.65 USD/kWh are 0.9125 USD."""
    short = settle(metered_kwh=(84.1004, 84.1006), market=capacity_market("1.25", "gld", "200"))

    assert str(paid(short).lines[0].amount) == "-0.91"


def test_what_is_paid_by_the_period_has_no_amount_and_is_no_finding(settle: Settle) -> None:
    body = settle(market=Market(payment_rule_toml=payment_rule_text("pge_cbp")))

    payment = paid(body)
    assert payment.outcome is PaymentOutcome.BY_PERIOD
    assert (payment.total, payment.lines) == (None, ())
    assert payment.delivered is not None
    assert FindingCode.PAYMENT_NOT_COMPUTABLE not in {one.code for one in body.findings}


def test_a_payment_rule_that_is_none_is_refused(settle: Settle) -> None:
    with pytest.raises(ConfigurationError, match="the payment rule"):
        settle(market=Market(payment_rule_toml="payment_id = 1"))


def test_a_total_that_is_not_the_sum_is_refused(settle: Settle) -> None:
    payment = paid(settle())

    with pytest.raises(ValueError, match=r"total must be 2\.50, got 2\.51"):
        replace(payment, total=Decimal("2.51"))
    with pytest.raises(ValueError, match="reason belongs"):
        replace(payment, reason="because")
