"""What needs a person, read from the warehouse: never settled, refused, changed, near its deadline.

Here: holding events, statements and inputs against each other. Not here: the order and the words of
an item (negawatt.models.settlement.review).
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from shlex import quote
from typing import Final

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.deadline import last_day
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import NegawattError
from negawatt.models.domain.event import Event
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.overrides import OverrideNeededError
from negawatt.models.settlement.review import (
    ReviewItem,
    ReviewKind,
    Stake,
    items_of,
    ranked,
    rules_not_read,
    stake_of,
)
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.changes import changes_of
from negawatt.pipelines.publish import compute_settlement
from negawatt.pipelines.selection import Selected, Selection, selected
from negawatt.pipelines.settlement import data_is_complete, load_window
from negawatt.warehouse.layout import Layout

_ENERGY: Final = Decimal("0.001")


def review(
    layout: Layout, selection: Selection, now_utc: datetime, *, within_days: int
) -> tuple[ReviewItem, ...]:
    """Return what needs a person, most at stake first; nothing is written.

    Args:
        layout: Where the warehouse lies.
        selection: Which events.
        now_utc: The time, for what is over and for deadlines.
        within_days: How many days before its deadline a statement that is not final is listed.
    """
    found = selected(layout, selection)
    items: list[ReviewItem] = []
    for one in found:
        if one.statement is None:
            items += _never_settled(layout, one.event, now_utc)
        else:
            items += _settled(layout, one, one.statement, now_utc, within_days)
    items += rules_not_read([one.statement for one in found if one.statement is not None])
    return ranked(items)


def facts_of(item: ReviewItem) -> dict[str, object]:
    """Return an item as JSON has it."""
    stake = item.stake
    return {
        "kind": item.kind.value,
        "subject": item.subject,
        "site_id": item.site_id or None,
        "program_id": item.program_id,
        "amount": None if stake.amount is None else str(stake.amount),
        "currency": stake.currency,
        "energy_kwh": None if stake.energy_kwh is None else str(stake.energy_kwh),
        "message": item.message,
        "remedy": item.remedy,
    }


def _settled(
    layout: Layout, one: Selected, statement: Statement, now_utc: datetime, within_days: int
) -> Iterator[ReviewItem]:
    event = one.event
    rule = load_program(event.program_id)
    clock = program_clock(rule.settlement_clock)
    changes = () if event.cancelled else changes_of(layout, event.event_id, statement)
    found = items_of(
        statement,
        changes=changes,
        is_cancelled=event.cancelled,
        today=clock.local_date(now_utc),
        deadline=last_day(rule, clock.local_date(event.interval.end_utc)),
        within_days=within_days,
    )
    refused: list[ReviewItem] = []
    if changes and statement.stage is not Stage.FINAL:
        refused = list(_refusal(layout, event, now_utc, stake_of(statement)))
    yield from refused
    yield from (one for one in found if not refused or one.kind is not ReviewKind.OUT_OF_DATE)


def _never_settled(layout: Layout, event: Event, now_utc: datetime) -> Iterator[ReviewItem]:
    end_utc = load_window(layout, event).end_utc
    if event.cancelled or now_utc < end_utc:
        return
    stake = Stake(energy_kwh=_promised_kwh(event))
    if not data_is_complete(layout, event, now_utc):
        yield _item(
            event,
            ReviewKind.NOT_SETTLED,
            stake,
            f"it is over, and its load is not metered to {end_utc:%Y-%m-%d %H:%M} UTC",
            f"import the meter's readings, then: negawatt settle {event.event_id}",
        )
        return
    refused = list(_refusal(layout, event, now_utc, stake))
    yield from refused
    if not refused:
        yield _item(
            event,
            ReviewKind.NOT_SETTLED,
            stake,
            "its data is complete and nobody settled it",
            f"negawatt settle {event.event_id} --metered",
        )


def _refusal(layout: Layout, event: Event, now_utc: datetime, stake: Stake) -> Iterator[ReviewItem]:
    """Yield why the event would not be settled now, if it would not."""
    try:
        compute_settlement(layout, event.event_id, now_utc)
    except OverrideNeededError as error:
        finding = error.finding
        yield _item(
            event,
            ReviewKind.BLOCKED,
            stake,
            finding.message,
            f"correct the data, or: negawatt settle {event.event_id} --metered "
            f"--override {_quoted(f'{finding.code.value}:{finding.subject}:REASON')} --by NAME",
        )
    except NegawattError as error:
        yield _item(
            event,
            ReviewKind.REFUSED,
            stake,
            f"{error.thing}: expected {error.expected}, found {error.found}",
            error.remedy,
        )


def _quoted(text: str) -> str:
    """Return one word of a shell, in double quotes where nothing in it means anything there."""
    return quote(text) if set(text) & set('"$`\\!') else f'"{text}"'


def _promised_kwh(event: Event) -> Decimal | None:
    """Return the energy that was promised, None where it was not promised in kW."""
    if event.committed_kw is None:
        return None
    return Decimal(event.committed_kw * event.interval.duration_h).quantize(_ENERGY)


def _item(event: Event, kind: ReviewKind, stake: Stake, message: str, remedy: str) -> ReviewItem:
    return ReviewItem(
        kind=kind,
        subject=event.event_id,
        site_id=event.site_id,
        program_id=event.program_id,
        stake=stake,
        message=message,
        remedy=remedy,
    )
