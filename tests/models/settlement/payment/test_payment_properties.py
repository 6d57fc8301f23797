"""What holds for all payments: continuity, additivity, order, and one rounding."""

import random
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.settlement.payment.capacity import within_yearly_limit
from negawatt.models.settlement.payment.components import Capacity, PerformanceEnergy
from negawatt.models.settlement.payment.delivered import (
    consecutive_mean_kw,
    zero_per_group,
    zero_per_interval,
)
from negawatt.models.settlement.payment.energy import (
    energy_amount,
    excess_energy_amount,
    performance_energy_amount,
)
from negawatt.models.settlement.payment.event_lines import event_amount
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.measure import measure
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.payment.pay import pay_event
from negawatt.models.settlement.payment.rules import list_payment_rules, load_payment_rule
from negawatt.models.settlement.payment.stacking import paid_once_kwh
from tests.models.settlement.payment.conftest import START_UTC

pytestmark = pytest.mark.slow

KW = st.decimals(-5000, 5000, places=3)
PRICE = st.decimals(-1, 10, places=5)
FEW = settings(max_examples=50, deadline=None)
FUNCTIONS = {
    payment_id: component.function
    for payment_id in list_payment_rules()
    for component in load_payment_rule(payment_id).payments
    if isinstance(component, Capacity | PerformanceEnergy) and component.function
}
STEP = Decimal("1E-20")


@pytest.mark.parametrize(
    "payment_id", [name for name, function in FUNCTIONS.items() if function.continuous]
)
@FEW
@given(ratio=st.decimals(-3, 3, places=6))
def test_a_payment_is_continuous_where_its_file_says_so(payment_id: str, ratio: Decimal) -> None:
    """A step of 1E-20 moves it by at most the steepest slope times the step."""
    function = FUNCTIONS[payment_id]
    steepest = max(abs(piece.slope) for piece in function.pieces)
    meets = [piece.from_ratio for piece in function.pieces if piece.from_ratio is not None]

    for at in (ratio, *meets):
        assert abs(function(at) - function(at - STEP)) <= steepest * STEP


@FEW
@given(rows=st.lists(st.tuples(KW, PRICE), min_size=2, max_size=40), cut=st.data())
def test_energy_is_additive_over_intervals(
    rows: list[tuple[Decimal, Decimal]], cut: st.DataObject
) -> None:
    at = cut.draw(st.integers(1, len(rows) - 1))

    whole, first, rest = (
        energy_amount([kw for kw, _ in part], [price for _, price in part], 4)
        for part in (rows, rows[:at], rows[at:])
    )

    assert whole == first + rest


@FEW
@given(kw=KW, more_kw=KW, price=PRICE)
def test_energy_is_additive_over_reductions(kw: Decimal, more_kw: Decimal, price: Decimal) -> None:
    together = energy_amount([kw + more_kw], [price], 1)

    assert together == energy_amount([kw], [price], 1) + energy_amount([more_kw], [price], 1)


@FEW
@given(rows=st.lists(st.tuples(KW, KW, PRICE), min_size=1, max_size=20), seed=st.integers())
def test_the_order_of_intervals_never_matters(
    rows: list[tuple[Decimal, Decimal, Decimal]], seed: int
) -> None:
    mixed = random.Random(seed).sample(rows, len(rows))  # noqa: S311 - a test's own order
    function = FUNCTIONS["gb_dfs"]
    quarters_kw = [[kw for kw, _, _ in part] for part in (rows, mixed)]

    paid = [
        performance_energy_amount(
            [kw for kw, _, _ in part],
            [abs(asked) for _, asked, _ in part],
            [price for _, _, price in part],
            4,
            lambda ratio: round(function(ratio), 10),
        )
        for part in (rows, mixed)
    ]
    charged = [excess_energy_amount(loads, Decimal(100), Decimal(6), 4) for loads in quarters_kw]

    assert abs(paid[0] - paid[1]) < Decimal("1E-40")
    assert charged[0] == charged[1]
    assert sum(zero_per_interval(quarters_kw[0])) == sum(zero_per_interval(quarters_kw[1]))


@FEW
@given(
    charges=st.lists(st.decimals(0, 1000, places=2), max_size=10),
    limit=st.decimals(0, 3000, places=2),
    seed=st.integers(),
)
def test_a_year_is_charged_the_same_in_whatever_order(
    charges: list[Decimal], limit: Decimal, seed: int
) -> None:
    mixed = random.Random(seed).sample(charges, len(charges))  # noqa: S311 - as above

    totals = []
    for order in (charges, mixed):
        charged = Decimal(0)
        for amount in order:
            charged += within_yearly_limit(amount, charged, limit)
        totals.append(charged)

    assert totals == [min(sum(charges, Decimal(0)), limit)] * 2


@FEW
@given(claims=st.lists(st.tuples(KW, KW, KW), min_size=1, max_size=8))
def test_several_programs_never_pay_more_than_the_largest_claim(
    claims: list[tuple[Decimal, Decimal, Decimal]],
) -> None:
    by_program = {name: [row[n] for row in claims] for n, name in enumerate("abc")}

    paid = paid_once_kwh(by_program, ["c", "a", "b"])

    for position, row in enumerate(claims):
        credits_kwh = [max(share[position], Decimal(0)) for share in paid.values()]
        assert sum(credits_kwh) == max(*row, Decimal(0))


@FEW
@given(values=st.lists(KW, min_size=1, max_size=12))
def test_flooring_by_event_pays_no_more_than_flooring_by_interval(values: list[Decimal]) -> None:
    by_event = zero_per_group(values, ["e"] * len(values))

    assert 0 <= sum(by_event) <= sum(zero_per_interval(values))
    assert consecutive_mean_kw(values, 1, max) == max(values)


@FEW
@given(
    rows=st.lists(
        st.tuples(st.decimals(-500, 500, places=6), st.decimals(-9, 99, places=4)),
        min_size=1,
        max_size=24,
    )
)
def test_a_payment_is_rounded_once_and_at_the_end(rows: list[tuple[Decimal, Decimal]]) -> None:
    """The rounded line is the exact sum rounded, not a sum of rounded intervals."""
    event = EventInputs(
        subject="event 'e'",
        interval_minutes=60,
        interval_start_utc=(START_UTC,) * len(rows),
        reduction_kwh=tuple(kwh for kwh, _ in rows),
        interval_prices={"lmp": tuple(Price(amount=p, currency="USD", per="MWh") for _, p in rows)},
        loss_factor=Decimal("1.037"),
        net_benefits_per_mwh=Decimal(-10),
    )
    rule = load_payment_rule("pjm_economic")
    exact = sum((kwh * Decimal("1.037") * price / 1000 for kwh, price in rows), Decimal(0))

    (line,) = pay_event(rule, event).lines

    assert line.exact_amount == event_amount(rule.payments[0], rule, event, measure(rule, event))
    assert abs(line.exact_amount - exact) < Decimal("1E-18")
    assert line.amount == line.exact_amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


@FEW
@given(
    loads=st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=36),
    net_cone=st.decimals(100, 500, places=2),
)
def test_a_shortfall_charge_agrees_with_fractions(loads: list[Decimal], net_cone: Decimal) -> None:
    """Five-minute intervals do not divide evenly: the same by rational arithmetic, to the cent."""
    event = EventInputs(
        subject="event 'e'",
        interval_minutes=5,
        interval_start_utc=(START_UTC,) * len(loads),
        metered_kwh=tuple(loads),
        peak_load_kw=Decimal(1000),
        loss_factor=Decimal("1.037"),
        committed_kw=Decimal(900),
        year_days=Decimal(365),
        already_charged=Decimal(0),
        prices={
            "net_cone": Price(amount=net_cone, currency="USD", per="MW-day"),
            "clearing_price": Price(amount=Decimal(10_000), currency="USD", per="MW-day"),
        },
    )
    delivered_kw = [
        max(Fraction(0), 1000 - Fraction("1.037") * 12 * Fraction(load)) for load in loads
    ]
    short_kwh = sum(max(Fraction(0), 900 - kw) for kw in delivered_kw) / 12
    expected = -round(short_kwh * Fraction(net_cone) * 365 / 30 / 10)

    payment = pay_event(load_payment_rule("pjm_capacity_fsl"), event)

    assert payment.total * 100 == expected
