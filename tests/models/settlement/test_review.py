from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from negawatt.models.settlement.lifecycle import Decision, DecisionKind, Provenance
from negawatt.models.settlement.review import (
    ReviewItem,
    ReviewKind,
    Stake,
    items_of,
    ranked,
    rules_not_read,
    stake_of,
)
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.models.settlement.versions import issue, void

Settle = Callable[..., StatementBody]

TODAY = date(2026, 7, 10)
FINAL = Decision(kind=DecisionKind.FINALIZE, decided_by="A. Auditor")


def item(name: str, stake: Stake) -> ReviewItem:
    return ReviewItem(
        kind=ReviewKind.BLOCKED,
        subject=name,
        site_id="s",
        program_id="p",
        stake=stake,
        message="m",
        remedy="r",
    )


def kinds(
    statement: Statement,
    *changes: str,
    is_cancelled: bool = False,
    deadline: date | None = None,
) -> list[ReviewKind]:
    found = items_of(
        statement,
        changes=changes,
        is_cancelled=is_cancelled,
        today=TODAY,
        deadline=deadline,
        within_days=14,
    )
    return [one.kind for one in found]


def test_money_comes_before_energy_and_energy_before_what_nobody_knows() -> None:
    items = [
        item("unknown", Stake()),
        item("little energy", Stake(energy_kwh=Decimal(5))),
        item("energy", Stake(energy_kwh=Decimal(900))),
        item("little money", Stake(amount=Decimal(2), currency="USD", energy_kwh=Decimal(999))),
        item("pounds", Stake(amount=Decimal(1), currency="GBP")),
        item("money", Stake(amount=Decimal(50), currency="USD")),
    ]

    assert [one.subject for one in ranked(items)] == [
        "pounds", "money", "little money", "energy", "little energy", "unknown"
    ]  # fmt: skip


def test_a_statement_that_nothing_is_wrong_with_needs_nobody(
    settle: Settle, provenance: Provenance
) -> None:
    assert kinds(issue(None, settle(), provenance)) == []


def test_what_changed_is_out_of_date_and_after_final_needs_a_person_to_reopen(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)
    final = issue(first, settle(), provenance, decision=FINAL)

    assert kinds(first, "load: 1 interval") == [ReviewKind.OUT_OF_DATE]
    (found,) = items_of(
        final,
        changes=["load: 1 interval on 2026-07-01"],
        is_cancelled=False,
        today=TODAY,
        deadline=TODAY,
        within_days=14,
    )
    assert found.kind is ReviewKind.CHANGED_AFTER_FINAL
    assert "load: 1 interval on 2026-07-01" in found.message
    assert "--reopen REASON --by NAME" in found.remedy


def test_a_cancelled_event_needs_a_person_until_it_is_void(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)
    voided = void(first, replace(first.body.event, revision=2, cancelled=True), provenance)

    assert kinds(first, is_cancelled=True) == [ReviewKind.CANCELLED]
    assert kinds(voided, is_cancelled=True, deadline=TODAY) == []


@pytest.mark.parametrize(
    ("deadline", "is_listed"),
    [
        (date(2026, 7, 25), False),
        (date(2026, 7, 24), True),
        (date(2026, 7, 9), True),
        (None, False),
    ],
)
def test_a_deadline_is_listed_from_two_weeks_before_it(
    settle: Settle, provenance: Provenance, deadline: date | None, *, is_listed: bool
) -> None:
    """From 10 July the 24th is 14 days away."""
    found = kinds(issue(None, settle(), provenance), deadline=deadline)

    assert found == ([ReviewKind.DEADLINE] if is_listed else [])


def test_what_is_at_stake_is_the_money_where_there_is_money(
    settle: Settle, provenance: Provenance
) -> None:
    """30.000 and 20.001 kWh at 0.05 USD: 2.50 USD."""
    paid = issue(None, settle(), provenance)
    unpaid = issue(None, replace(settle(), payment=None), provenance)

    assert stake_of(paid) == Stake(
        amount=Decimal("2.50"), currency="USD", energy_kwh=Decimal("50.001")
    )
    assert stake_of(unpaid) == Stake(energy_kwh=Decimal("50.001"))


def test_a_rule_that_nobody_read_is_listed_once_with_all_money_that_rests_on_it(
    settle: Settle, provenance: Provenance
) -> None:
    body = settle(low_confidence_facts=("cap: 20 %", "window: two hours"))
    payment = body.payment
    assert payment is not None
    plain = replace(body, payment=replace(payment, low_confidence_facts=()))
    statements = [
        issue(None, replace(plain, statement_id=name), provenance) for name in ("s.e1", "s.e2")
    ]
    unpaid = issue(None, replace(plain, payment=None), provenance)

    (found,) = rules_not_read([*statements, unpaid])

    assert (found.subject, found.stake.amount) == ("program@1", Decimal("5.00"))
    assert found.message.startswith("2 facts were not read in the primary document; 2 statements")
