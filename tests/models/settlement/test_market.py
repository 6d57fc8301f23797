"""Which registered facts hold for an event."""

from datetime import date
from decimal import Decimal

import pytest

from negawatt.models.settlement.market import MarketSeries, RegistrationFact, facts_for

JULY_1 = date(2026, 7, 1)


def fact(
    name: str, value: str, valid_from: date | None = None, event_id: str | None = None
) -> RegistrationFact:
    return RegistrationFact(
        name=name,
        value=Decimal(value),
        unit="factor",
        source="contract",
        valid_from=valid_from,
        event_id=event_id,
    )


def test_a_fact_of_a_later_month_changes_nothing_of_an_earlier_event() -> None:
    now, later = fact("loss_factor", "1.04"), fact("other", "2", valid_from=date(2026, 8, 1))

    assert facts_for([now, later], "e1", JULY_1, JULY_1) == (now,)


def test_a_fact_of_the_event_itself_comes_before_one_that_holds_for_all() -> None:
    own, common = fact("loss_factor", "1.1", event_id="e1"), fact("loss_factor", "1.04")

    assert facts_for([common, own], "e1", JULY_1, JULY_1) == (own,)
    assert facts_for([common, own], "e2", JULY_1, JULY_1) == (common,)


def test_the_order_of_facts_never_matters() -> None:
    facts = [fact("b", "1"), fact("a", "2"), fact("a", "1")]

    assert facts_for(facts, "e", JULY_1, JULY_1) == facts_for(facts[::-1], "e", JULY_1, JULY_1)


def test_a_price_without_an_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        MarketSeries(
            price_name="lmp",
            series_id="zone",
            currency="USD",
            per="MWh",
            interval_start_utc=(),
            interval_end_utc=(),
            amounts=(Decimal(1),),
        )
