"""Events and periods that a test states in a few figures."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.measure import Delivered, measure
from negawatt.models.settlement.payment.money import Per, Price
from negawatt.models.settlement.payment.pay import Payment
from negawatt.models.settlement.payment.rules import (
    PaymentRule,
    load_payment_rule,
    payment_rule_from_bytes,
)

FOLDER = files("negawatt.models.settlement.payment") / "programs"
EventOf = Callable[..., EventInputs]
START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)


def decimals(values: Sequence[Any]) -> tuple[Decimal | None, ...]:
    """Return figures as decimals, by their text; None stays None."""
    return tuple(None if value is None else Decimal(str(value)) for value in values)


@pytest.fixture
def event_of() -> Callable[..., EventInputs]:
    """Return a function that makes an event from 16:00 UTC with the given reductions [kWh]."""

    def make(
        reduction_kwh: Sequence[Any],
        *,
        interval_minutes: int = 60,
        **others: Any,  # noqa: ANN401 - as EventInputs takes them
    ) -> EventInputs:
        length = timedelta(minutes=interval_minutes)
        return EventInputs(
            subject="event 'e1'",
            interval_minutes=interval_minutes,
            interval_start_utc=tuple(START_UTC + n * length for n in range(len(reduction_kwh))),
            reduction_kwh=decimals(reduction_kwh),
            **others,
        )

    return make


def price(amount: float | str, currency: str = "USD", per: Per = "MWh") -> Price:
    return Price(amount=Decimal(str(amount)), currency=currency, per=per)


def amounts(payment: Payment) -> dict[str, str]:
    return {line.name: str(line.amount) for line in payment.lines}


def event_with(payment_id: str, event: EventInputs) -> Delivered:
    return measure(load_payment_rule(payment_id), event)


def variant(payment_id: str, old: str, new: str) -> PaymentRule:
    """Return a rule with one place of its file replaced."""
    text = (FOLDER / f"{payment_id}.toml").read_text(encoding="utf-8")
    assert old in text
    return payment_rule_from_bytes(text.replace(old, new, 1).encode(), payment_id)
