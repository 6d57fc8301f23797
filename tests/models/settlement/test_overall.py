"""Events together: verdicts counted, and only what was promised held against what was delivered."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.overall import overall
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.portfolio import EventMoney, event_money
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.settlement.versions import issue
from negawatt.models.verification.verdict import Outcome

JULY = Month(year=2026, month=7)


@pytest.fixture
def event(settle: Callable[..., StatementBody], provenance: Provenance) -> EventMoney:
    """Return a settled event of 50.001 kWh."""
    return event_money(issue(None, settle(), provenance), JULY)


def promised(event: EventMoney, committed_kwh: float | None, reduction_kwh: str) -> EventMoney:
    return replace(event, committed_kwh=committed_kwh, reduction_kwh=Decimal(reduction_kwh))


def test_what_promised_nothing_is_in_the_energy_and_in_no_comparison(event: EventMoney) -> None:
    """40 of 50 kWh and 70 of 60 kWh; the third promised nothing and gave 1000."""
    events = [
        promised(event, 50.0, "40.000"),
        promised(event, 60.0, "70.000"),
        promised(event, None, "1000.000"),
    ]

    found = overall(events)

    assert (found.event_count, found.promised_count) == (3, 2)
    assert (found.committed_kwh, str(found.promised_reduction_kwh)) == (110.0, "110.000")
    assert str(found.reduction_kwh) == "1110.000"


def test_a_delivery_that_is_not_known_is_in_no_comparison(event: EventMoney) -> None:
    unknown = replace(promised(event, 50.0, "0.000"), delivered_kw=None)

    assert overall([unknown, promised(event, 60.0, "70.000")]).promised_count == 1


def test_each_verdict_is_counted_also_where_none_has_it(event: EventMoney) -> None:
    met, missed = (
        replace(event, baseline_outcome=outcome) for outcome in (Outcome.MET, Outcome.NOT_MET)
    )

    counts = overall([met, missed, met]).baseline_counts

    assert counts == {
        Outcome.MET: 2,
        Outcome.NOT_MET: 1,
        Outcome.NOT_COMPUTABLE: 0,
        Outcome.NOT_SET: 0,
    }


def test_the_order_of_events_never_matters(event: EventMoney) -> None:
    """0.1 + 0.2 + 0.3 depends on the order in which floats are added."""
    events = [promised(event, kwh, "1.000") for kwh in (0.1, 0.2, 0.3)]

    assert {overall(order).committed_kwh for order in permutations(events)} == {0.6}


def test_no_event_is_nothing_and_not_unknown() -> None:
    found = overall([])

    assert (found.event_count, found.committed_kwh) == (0, 0.0)
    assert found.reduction_kwh == Decimal(0)
