"""Reading the money side of a settlement: the site's payment rule, its prices and its facts.

Here: from the registration and the price table to a Market with its digests. Not here: what is
paid (negawatt.models.settlement), and energy (settlement.py).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta

import polars as pl

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.event import Event
from negawatt.models.settlement.market import Market, MarketSeries, RegistrationFact, facts_for
from negawatt.models.settlement.payment.rules import (
    load_payment_rule,
    payment_rule_text,
    payment_rules_of,
)
from negawatt.models.settlement.rounding import plain
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICES
from negawatt.warehouse.price_tables import prices_in
from negawatt.warehouse.sites import Site, SiteFact, SitePayment


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredMarket:
    """What was read of an event's money side.

    Attributes:
        market: Rule, prices and facts; None where the site registered no payment.
        input_sha256: Digest of each of them, by name.
    """

    market: Market | None = None
    input_sha256: dict[str, str] = field(default_factory=dict)


def gather_market(layout: Layout, site: Site, event: Event, rule: BaselineRule) -> GatheredMarket:
    """Read what an event's payment is computed from.

    Only prices of the event and facts that hold for it are read: one that is published later
    restates no earlier event.

    Args:
        layout: Where the warehouse lies.
        site: The registered site.
        event: The event.
        rule: Its baseline rule, on whose clock a fact's days are counted.

    Raises:
        ConfigurationError: The registered payment rule does not pay this program.
    """
    payment = site.payments.get(event.program_id)
    if payment is None:
        return GatheredMarket()
    payment_rule = load_payment_rule(payment.rule)
    if event.program_id not in payment_rule.program_ids:
        able = ", ".join(one.payment_id for one in payment_rules_of(event.program_id)) or "none"
        raise ConfigurationError(
            thing=f"site {event.site_id!r}, payments of program {event.program_id!r}",
            expected=f"a payment rule that pays this program ({able})",
            found=repr(payment.rule),
            remedy="correct the site file and import it again",
        )
    facts = registered_facts(payment, event, rule)
    rows = {name: prices_in(layout, one, event.interval) for name, one in payment.prices.items()}
    return GatheredMarket(
        market=Market(
            payment_rule_toml=payment_rule_text(payment.rule),
            series=tuple(
                _series(name, payment.prices[name], frame) for name, frame in sorted(rows.items())
            ),
            facts=facts,
        ),
        input_sha256={
            f"payment {payment_rule.rule_id}": payment_rule.digest,
            f"facts of {event.site_id}": _facts_digest(facts),
            **{
                f"{PRICES} {payment.prices[name]}": frame_digest(frame)
                for name, frame in rows.items()
            },
        },
    )


def registered_facts(
    payment: SitePayment, event: Event, rule: BaselineRule
) -> tuple[RegistrationFact, ...]:
    """Return the registered facts that hold for an event on all its days of the program's clock."""
    clock = program_clock(rule.settlement_clock)
    last_utc = event.interval.end_utc - timedelta(microseconds=1)
    return facts_for(
        map(fact_of, payment.facts),
        event.event_id,
        clock.local_date(event.interval.start_utc),
        clock.local_date(last_utc),
    )


def fact_of(registered: SiteFact) -> RegistrationFact:
    """Return a fact of the site file as the models know it."""
    return RegistrationFact(**registered.model_dump())


def _series(name: str, series_id: str, rows: pl.DataFrame) -> MarketSeries:
    """Return rows as a series; one in several currencies names them all, and pays nothing."""
    known = rows.filter(pl.col("price_amount").is_not_null())
    currencies, units = (
        sorted(known[column].unique()) for column in ("price_currency", "price_unit")
    )
    return MarketSeries(
        price_name=name,
        series_id=series_id,
        currency=", ".join(currencies),
        per=", ".join(units),
        interval_start_utc=tuple(known["interval_start_utc"]),
        interval_end_utc=tuple(known["interval_end_utc"]),
        amounts=tuple(map(plain, known["price_amount"])),
    )


def _facts_digest(facts: tuple[RegistrationFact, ...]) -> str:
    text = json.dumps([asdict(fact) for fact in facts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
