"""Stating again what changed: the statements whose inputs are not what they were, and only those.

Here: which they are, and running the settlement for them. Not here: the settlement and its versions
(publish.py), and words for people.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.pipelines import run
from negawatt.pipelines.changes import changes_of
from negawatt.pipelines.many import Settled
from negawatt.pipelines.publish import compute_settlement
from negawatt.pipelines.selection import Selection, selected
from negawatt.warehouse.layout import Layout


class Outcome(StrEnum):
    """What became of a statement whose inputs changed."""

    RESTATED = "restated"
    SAME = "same figures"
    VOIDED = "voided"
    FINAL = "final, not touched"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """What became of one statement whose inputs changed.

    Attributes:
        event_id: Its event.
        outcome: What became of it.
        old: The version that stood.
        new: The version that stands now, or would: None where it is refused or final.
        causes: What changed, in words.
        message: Why it is refused; empty otherwise.
    """

    event_id: str
    outcome: Outcome
    old: Statement
    new: Statement | None
    causes: tuple[str, ...]
    message: str = ""

    @property
    def moved_kwh(self) -> Decimal | None:
        """How much the settled reduction moved [kWh]; None where nothing new is stated."""
        if self.new is None or self.new.stage is Stage.VOID:
            return None
        return self.new.body.totals.reduction_kwh - self.old.body.totals.reduction_kwh


def restate(
    layout: Layout,
    selection: Selection,
    now_utc: datetime,
    *,
    dry_run: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Restatement]:
    """Settle again every selected statement whose inputs changed, and yield what became of each.

    All are settled in one run. What is final is left alone and yielded; statements whose inputs are
    the same are passed over.

    Args:
        layout: Where the warehouse lies.
        selection: Which events.
        now_utc: Time of issue of every new version.
        dry_run: Compute what would be stated, and write nothing.
        advance: Called for each selected event.
    """
    changed = list(_changed(layout, selection, advance))
    stated = [one for one in changed if one.old.stage is not Stage.FINAL]
    for one in changed:
        if one.old.stage is Stage.FINAL:
            yield one
    event_ids = [one.event_id for one in stated]
    outcomes = (
        [_would_state(layout, event_id, now_utc) for event_id in event_ids]
        if dry_run
        else run.run_many_settlements(layout, event_ids, fixed_utc=now_utc)
        if event_ids
        else []
    )
    for before, settled in zip(stated, outcomes, strict=True):
        yield _restated(before, settled)


def _changed(
    layout: Layout, selection: Selection, advance: Callable[[], None]
) -> Iterator[Restatement]:
    """Yield the statements whose inputs changed, as if they were left alone."""
    for one in selected(layout, selection):
        advance()
        statement, event = one.statement, one.event
        if statement is None or (event.cancelled and statement.stage is Stage.VOID):
            continue
        causes = (
            (f"event {event.event_id}: cancelled by revision {event.revision}",)
            if event.cancelled
            else changes_of(layout, event.event_id, statement)
        )
        if causes:
            yield Restatement(
                event_id=event.event_id,
                outcome=Outcome.FINAL,
                old=statement,
                new=None,
                causes=causes,
            )


def _would_state(layout: Layout, event_id: str, now_utc: datetime) -> Settled:
    try:
        computed = compute_settlement(layout, event_id, now_utc)
    except NegawattError as error:
        return Settled(event_id=event_id, refusal=str(error))
    return Settled(event_id=event_id, statement=computed.statement)


def _settled(body: StatementBody) -> tuple[object, ...]:
    """Return what a utility pays by: energy, money, verdicts, and whether the meter counts."""
    return body.totals, body.payment, body.verdicts, body.revenue_grade


def _restated(before: Restatement, settled: Settled) -> Restatement:
    new = settled.statement
    if new is None:
        return replace(before, outcome=Outcome.REFUSED, message=settled.refusal)
    outcome = Outcome.VOIDED if new.stage is Stage.VOID else Outcome.RESTATED
    if _settled(new.body) == _settled(before.old.body) and outcome is Outcome.RESTATED:
        outcome = Outcome.SAME
    return replace(before, outcome=outcome, new=new)
