"""The money side of a settlement as values: the payment rule, prices, and facts of registration.

Here: what a settlement needs besides energy, so that who has it can recompute every amount. Not
here: where prices and facts are kept (negawatt.warehouse), and what becomes of them (valuation.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSeries:
    """Prices of one market series around an event, oldest first.

    Attributes:
        price_name: Name under which the payment rule asks for it: ``lmp``, ``spot``.
        series_id: Name of the series.
        currency: ISO 4217 code.
        per: What a price is for: ``MWh``.
        interval_start_utc: Start of each price interval, length n.
        interval_end_utc: End of each, excluded, length n.
        amounts: Price of each, length n; an interval without a price is left out.
    """

    price_name: str
    series_id: str
    currency: str
    per: str
    interval_start_utc: tuple[datetime, ...]
    interval_end_utc: tuple[datetime, ...]
    amounts: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.interval_start_utc), len(self.interval_end_utc), len(self.amounts)}
        if len(lengths) > 1:
            raise ValueError(f"starts, ends and amounts must be as many, got {sorted(lengths)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFact:
    """One fact that a payment takes from a registration, an auction or a publication.

    Attributes:
        name: ``loss_factor``, ``peak_load_kw``, ``net_benefits_price``, or a price's name.
        value: Its value.
        unit: ``factor``, ``ratio``, ``kW``, ``days``, ``count``, a currency, or a price's unit:
            ``USD/MWh``, ``USD/MW-day``.
        source: Where it was read: document, page, date.
        valid_from: First local day on which it holds; None where it always did.
        valid_until: Last local day on which it holds; None where it still does.
        event_id: The one event that it is about; None where it holds for all.
    """

    name: str
    value: Decimal
    unit: str
    source: str
    valid_from: date | None = None
    valid_until: date | None = None
    event_id: str | None = None

    def holds(self, event_id: str, first: date, last: date) -> bool:
        """Say whether it holds for an event on all its local days.

        Examples:
            >>> june = RegistrationFact(name="net_benefits_price", value=Decimal("27.31"),
            ...     unit="USD/MWh", source="posting of May 15", valid_from=date(2026, 6, 1),
            ...     valid_until=date(2026, 6, 30))
            >>> june.holds("e1", date(2026, 6, 30), date(2026, 6, 30))
            True
            >>> june.holds("e1", date(2026, 6, 30), date(2026, 7, 1))
            False
        """
        return (
            self.event_id in (None, event_id)
            and (self.valid_from is None or self.valid_from <= first)
            and (self.valid_until is None or last <= self.valid_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Everything that an event's payment is computed from besides its settled energy.

    Attributes:
        payment_rule_toml: The file of the payment rule, word for word.
        series: Prices of intervals around the event; one for each price that the site draws from
            a market, also where no price of it is known.
        facts: Facts that hold for the event, by name.
    """

    payment_rule_toml: str
    series: tuple[MarketSeries, ...] = ()
    facts: tuple[RegistrationFact, ...] = ()


def facts_for(
    facts: Iterable[RegistrationFact], event_id: str, first: date, last: date
) -> tuple[RegistrationFact, ...]:
    """Return the facts that hold for an event, by name; a fact of the event itself comes first.

    Those of other months and events are left out, so that a price that is published later changes
    no statement of an earlier event.

    Args:
        facts: All facts of the registration, in any order.
        event_id: The event.
        first: First local day of the event.
        last: Last local day of the event.
    """
    holding = [fact for fact in facts if fact.holds(event_id, first, last)]
    own = {fact.name for fact in holding if fact.event_id is not None}
    kept = [fact for fact in holding if fact.event_id is not None or fact.name not in own]
    return tuple(sorted(kept, key=lambda fact: (fact.name, fact.source, fact.value)))
