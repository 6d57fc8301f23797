"""Parts and other courses of an event add up to the event, for any figures."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.settlement.paid import Scenario
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.payment.pay import pay_event
from negawatt.models.settlement.payment.rules import load_payment_rule
from negawatt.models.settlement.rounding import total
from negawatt.models.settlement.stakes import exposure, net_benefits_test, paid_intervals

pytestmark = pytest.mark.slow

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)
KWH = st.decimals(-500, 500, places=3)
PRICE = st.decimals(-100, 1000, places=2)
ROWS = st.lists(st.tuples(KWH, PRICE), min_size=2, max_size=24)
FEW = settings(max_examples=40, deadline=None)
RULES = (
    "aemo_wdr",
    "caiso_pdr",
    "gb_dfs",
    "nyiso_edrp",
    "pjm_economic",
    "pjm_economic_day_ahead",
)


def event_of(rows: list[tuple[Decimal, Decimal]], payment_id: str, minutes: int = 5) -> EventInputs:
    currency = load_payment_rule(payment_id).currency
    length = timedelta(minutes=minutes)

    def prices(amounts: list[Decimal]) -> tuple[Price, ...]:
        return tuple(Price(amount=one, currency=currency, per="MWh") for one in amounts)

    return EventInputs(
        subject="event 'e'",
        interval_minutes=minutes,
        interval_start_utc=tuple(START_UTC + n * length for n in range(len(rows))),
        reduction_kwh=tuple(kwh for kwh, _ in rows),
        metered_kwh=tuple(1000 - kwh for kwh, _ in rows),
        comparison_kwh=(Decimal(1000),) * len(rows),
        day_ahead_kw=(Decimal(70),) * len(rows),
        dispatched_kw=(Decimal(70),) * len(rows),
        committed_kw=Decimal(50),
        loss_factor=Decimal("1.037"),
        net_benefits_per_mwh=Decimal(30),
        interval_prices={
            name: prices([price for _, price in rows])
            for name in ("lmp", "spot", "bid", "lmp_day_ahead")
        },
        prices={"reimbursement_rate": Price(amount=Decimal(60), currency=currency, per="MWh")},
    )


@pytest.mark.parametrize("payment_id", RULES)
@FEW
@given(rows=ROWS)
def test_intervals_add_up_to_the_line_before_its_rounding(
    payment_id: str, rows: list[tuple[Decimal, Decimal]]
) -> None:
    rule, event = load_payment_rule(payment_id), event_of(rows, payment_id)

    payment = pay_event(rule, event)

    for component, line in zip(rule.event_payments, payment.lines, strict=True):
        parts = paid_intervals(component, rule, event)
        assert len(parts) == len(rows)
        assert abs(total(one.exact_amount for one in parts) - line.exact_amount) < Decimal("1E-30")


@FEW
@given(rows=ROWS, cut=st.data())
def test_adjacent_parts_of_an_event_are_paid_what_the_whole_is(
    rows: list[tuple[Decimal, Decimal]], cut: st.DataObject
) -> None:
    """To within one rounding of each part."""
    at = cut.draw(st.integers(1, len(rows) - 1))
    rule = load_payment_rule("pjm_economic")

    whole, first, rest = (
        pay_event(rule, event_of(part, "pjm_economic")).lines[0].exact_amount
        for part in (rows, rows[:at], rows[at:])
    )

    assert abs(whole - first - rest) < Decimal("1E-30")


@FEW
@given(rows=ROWS)
def test_what_the_test_withholds_and_what_is_paid_are_all_of_it(
    rows: list[tuple[Decimal, Decimal]],
) -> None:
    rule = load_payment_rule("pjm_economic")
    event = event_of(rows, "pjm_economic")

    test = net_benefits_test(rule, event)

    assert test is not None
    full = sum((kwh * price for kwh, price in rows), Decimal(0)) * Decimal("1.037") / 1000
    paid = pay_event(rule, event).total
    assert abs(test.withheld_amount + paid - full) <= Decimal("0.01")
    assert test.passed_count == sum(price >= 30 for _, price in rows)


@FEW
@given(rows=ROWS, step=st.decimals("1E-6", "1E-3", places=6))
def test_a_payment_moves_no_further_than_its_energy_at_the_highest_price(
    rows: list[tuple[Decimal, Decimal]], step: Decimal
) -> None:
    """Continuous in the reduction: K has no jump, and its steepest slope is 2."""
    for payment_id in ("pjm_economic", "gb_dfs", "aemo_wdr"):
        rule = load_payment_rule(payment_id)
        before, after = (
            pay_event(rule, event_of(part, payment_id))
            for part in (rows, [(kwh + step, price) for kwh, price in rows])
        )
        exact = [sum((one.exact_amount for one in p.lines), Decimal(0)) for p in (before, after)]
        most = sum((abs(price) + 60 for _, price in rows), Decimal(0)) * step * 2 * 2 / 1000
        assert abs(exact[1] - exact[0]) <= most


@FEW
@given(rows=ROWS)
def test_nothing_delivered_earns_nothing_from_energy(
    rows: list[tuple[Decimal, Decimal]],
) -> None:
    courses = exposure(load_payment_rule("pjm_economic"), event_of(rows, "pjm_economic"))
    found = {one.scenario: one for one in courses}

    assert found[Scenario.NOTHING_DELIVERED].total == 0
    paid = sum((price for _, price in rows if price >= 30), Decimal(0))
    expected = paid * Decimal("1.037") * 50 / 12 / 1000
    assert abs(found[Scenario.COMMITMENT_DELIVERED].total - expected) <= Decimal("0.005")


def test_readings_and_scores_have_no_other_course() -> None:
    for payment_id in ("pjm_synchronized_reserve", "pjm_regulation"):
        event = event_of([(Decimal(1), Decimal(1))] * 2, payment_id)
        assert exposure(load_payment_rule(payment_id), event) == ()
