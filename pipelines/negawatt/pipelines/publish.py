"""Publishing a settlement: the tables of its event first, then the version that cites them.

A version is published by its header, which cites the version of each out_event__ table that was
written with it; a reader that reads as cited never sees the tables of another. Not here: which
version follows which (negawatt.models.settlement.versions), and the orchestrator (assets/out.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.chain import require_chain
from negawatt.models.settlement.lifecycle import Decision, DecisionKind, Stage
from negawatt.models.settlement.settle import settle_event
from negawatt.models.settlement.statement import Override, Statement
from negawatt.models.settlement.versions import issue, void
from negawatt.pipelines.changes import changes_since
from negawatt.pipelines.provenance import provenance
from negawatt.pipelines.rows import (
    EVENT_TABLES,
    event_rows,
    payment_lines,
    statement_header,
    statement_lines,
)
from negawatt.pipelines.settlement import gather_inputs
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import refresh_partition
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.locks import publishing
from negawatt.warehouse.statement_tables import (
    HEADERS,
    LINES,
    PAYMENTS,
    latest_statement_json,
    publish_statement,
    statement_versions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What settling an event now would state, not yet published.

    Attributes:
        latest: The latest published version, None where there is none.
        statement: The version that would follow; ``latest`` itself where nothing changed.
        rows: The rows of every out_event__ table that go with it.
    """

    latest: Statement | None
    statement: Statement
    rows: Mapping[str, pl.DataFrame]


def compute_settlement(
    layout: Layout,
    event_id: str,
    now_utc: datetime,
    *,
    overrides: tuple[Override, ...] = (),
    decision: Decision | None = None,
) -> Computed:
    """Return what settling an event now would state; nothing is written.

    Args:
        layout: Where the warehouse lies.
        event_id: A known event.
        now_utc: Time of issue.
        overrides: Decisions on blocking findings that are made now; those of the latest version
            stand.
        decision: That the statement is final, or that a final one is reopened.

    Raises:
        NegawattError: The settlement is refused, or the lifecycle does not allow it.
    """
    event = find_event(layout, event_id)
    latest = latest_statement(layout, event.statement_id)
    if event.cancelled and latest is not None:
        return _voided(latest, event, now_utc, decision)
    standing = () if latest is None else latest.body.overrides
    gathered = gather_inputs(layout, event_id, overrides, standing)
    settlement = settle_event(gathered.inputs)
    statement = issue(
        latest,
        settlement.body,
        provenance(now_utc, gathered.table_versions),
        decision=decision,
        changes=changes_since(layout, latest, gathered),
    )
    return Computed(latest=latest, statement=statement, rows=event_rows(settlement))


def publish_settlement(
    layout: Layout,
    event_id: str,
    now_utc: datetime,
    *,
    overrides: tuple[Override, ...] = (),
    decision: Decision | None = None,
) -> tuple[Statement, dict[str, pl.DataFrame]]:
    """Settle an event and publish what is new.

    It is computed before the warehouse is held, and again where another run has published in
    between: the version that is published follows the newest.

    Returns:
        The newest version, and the rows of every out_ table of the event.

    Raises:
        NegawattError: As ``compute_settlement``, or the published versions are not one whole chain;
            nothing is published.
    """
    compute = partial(
        compute_settlement, layout, event_id, now_utc, overrides=overrides, decision=decision
    )
    computed = compute()
    with publishing(layout):
        newest = latest_statement(layout, computed.statement.body.statement_id)
        return _publish(layout, event_id, computed if newest == computed.latest else compute())


def _publish(
    layout: Layout, event_id: str, computed: Computed
) -> tuple[Statement, dict[str, pl.DataFrame]]:
    statement, is_new = computed.statement, computed.statement is not computed.latest
    written = {
        table: refresh_partition(layout, table, {"event_id": event_id}, frame)
        for table, frame in computed.rows.items()
    }
    if is_new:
        statement = _citing(statement, written)
    header = statement_header(statement)
    lines = {LINES: statement_lines(statement), PAYMENTS: payment_lines(statement)}
    if is_new:
        require_chain((*all_versions(layout, statement.body.statement_id), statement))
        publish_statement(layout, header, lines)
    return statement, {**computed.rows, **lines, HEADERS: header}


def latest_statement(layout: Layout, statement_id: str) -> Statement | None:
    """Return the newest published version of a statement, None where there is none yet."""
    text = latest_statement_json(layout, statement_id)
    return None if text is None else from_json(text.encode())


def all_versions(layout: Layout, statement_id: str) -> tuple[Statement, ...]:
    """Return every published version of a statement, oldest first."""
    texts = statement_versions(layout, statement_id)["statement_json"]
    return tuple(from_json(text.encode()) for text in texts)


def is_to_be_voided(layout: Layout, event: Event) -> bool:
    """Say whether an event was cancelled and its statement still counts."""
    if not event.cancelled:
        return False
    latest = latest_statement(layout, event.statement_id)
    return latest is not None and latest.stage is not Stage.VOID


def _voided(
    latest: Statement, event: Event, now_utc: datetime, decision: Decision | None
) -> Computed:
    if decision is not None and decision.kind is DecisionKind.FINALIZE:
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected="an event that took place",
            found=f"revision {event.revision} cancels it",
            remedy="settle it without --final, which voids its statement",
        )
    statement = void(latest, event, provenance(now_utc, {}), decision=decision)
    empty = {table: pl.DataFrame(schema=schema(table)) for table in EVENT_TABLES}
    return Computed(latest=latest, statement=statement, rows=empty)


def _citing(statement: Statement, written: Mapping[str, int]) -> Statement:
    """Return the version with the tables that it was written with; one that voids keeps its own."""
    cited = {**written, **statement.provenance.table_versions}
    return replace(statement, provenance=replace(statement.provenance, table_versions=cited))
