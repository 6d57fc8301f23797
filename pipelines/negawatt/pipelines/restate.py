"""Stating again what changed: the statements whose inputs are not what they were, and only those.

Here: which they are, and running the settlement for them. Not here: the settlement and its versions
(publish.py), and words for people.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.causes import changed_inputs, input_digests
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines import run
from negawatt.pipelines.changes import changes_since
from negawatt.pipelines.publish import compute_settlement
from negawatt.pipelines.selection import Selection, selected
from negawatt.pipelines.settlement import gather_inputs
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


def changes_of(layout: Layout, event_id: str, statement: Statement) -> tuple[str, ...]:
    """Return what a statement was computed from and changed since, in words; nothing is settled."""
    try:
        gathered = gather_inputs(layout, event_id)
    except NegawattError as error:
        return (
            f"what it was computed from cannot be read any more ({error.thing}: {error.found})",
        )
    words = changes_since(layout, statement, gathered)
    names = changed_inputs(input_digests(statement.body), gathered.inputs.input_sha256)
    return tuple(f"{name}: {words.get(name, 'other content')}" for name in names)


def restate(
    layout: Layout,
    selection: Selection,
    now_utc: datetime,
    *,
    dry_run: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Restatement]:
    """Settle again every selected statement whose inputs changed, and yield what became of each.

    What is final is left alone and yielded; statements whose inputs are the same are passed over.

    Args:
        layout: Where the warehouse lies.
        selection: Which events.
        now_utc: Time of issue of every new version.
        dry_run: Compute what would be stated, and write nothing.
        advance: Called for each selected event.
    """
    for one in selected(layout, selection):
        advance()
        statement, event = one.statement, one.event
        if statement is None or (event.cancelled and statement.stage is Stage.VOID):
            continue
        changes = (
            (f"event {event.event_id}: cancelled by revision {event.revision}",)
            if event.cancelled
            else changes_of(layout, event.event_id, statement)
        )
        if not changes:
            continue
        yield _restated(layout, event.event_id, statement, changes, now_utc, dry_run=dry_run)


def _restated(
    layout: Layout,
    event_id: str,
    old: Statement,
    changes: tuple[str, ...],
    now_utc: datetime,
    *,
    dry_run: bool,
) -> Restatement:
    if old.stage is Stage.FINAL:
        return Restatement(
            event_id=event_id, outcome=Outcome.FINAL, old=old, new=None, causes=changes
        )
    try:
        new = (
            compute_settlement(layout, event_id, now_utc).statement
            if dry_run
            else run.run_event_settlement(layout, event_id, fixed_utc=now_utc)
        )
    except NegawattError as error:
        return Restatement(
            event_id=event_id,
            outcome=Outcome.REFUSED,
            old=old,
            new=None,
            causes=changes,
            message=str(error),
        )
    outcome = Outcome.VOIDED if new.stage is Stage.VOID else Outcome.RESTATED
    if new.body.totals == old.body.totals and outcome is Outcome.RESTATED:
        outcome = Outcome.SAME
    return Restatement(event_id=event_id, outcome=outcome, old=old, new=new, causes=changes)
