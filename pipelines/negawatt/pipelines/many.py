"""Settling many events in one run: side by side, each by itself, none stopped by another's refusal.

A Dagster run of its own for each event costs more than its settlement. Here: one run for all of
them, with processes that publish and render one event after another. Not here: what settling an
event is (publish.py), and which events are due.
"""

import logging
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import dagster as dg

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.report import write_report
from negawatt.pipelines.publish import publish_settlement
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.warehouse.layout import Layout

REPORT = "event_report"
_KILLED: Final = "its process was killed twice, the second time with no other beside it"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one event.

    Attributes:
        event_id: The event.
        statement: Its newest version, None where the settlement was refused.
        refusal: Why it was refused, or why its report could not be written; empty otherwise.
        row_counts: Rows of each out_ table of the event.
    """

    event_id: str
    statement: Statement | None = None
    refusal: str = ""
    row_counts: tuple[tuple[str, int], ...] = ()


class ManyConfig(dg.Config):
    """Which events.

    Attributes:
        events: Their names.
    """

    events: list[str]


@dg.op(pool="settlement")
def settle_each(
    context: dg.OpExecutionContext,
    config: ManyConfig,
    warehouse: WarehouseResource,
    clock: ClockResource,
) -> list[Settled]:
    """Settle events, record what was materialized for each, and return what became of them."""
    outcomes = []
    for outcome in settle_side_by_side(warehouse.layout, config.events, clock.now_utc()):
        _LOG.info("settled %s", outcome.event_id)
        outcomes.append(outcome)
        for materialization in _materializations(outcome):
            context.log_event(materialization)
        if outcome.refusal:
            context.log.warning("event %r not settled: %s", outcome.event_id, outcome.refusal)
    return sorted(outcomes, key=lambda one: config.events.index(one.event_id))


@dg.job(description="Core to out for many events at once, each as event_settlement settles it.")
def many_settlements() -> None:
    """Settle many events in one run."""
    settle_each()


def settle_side_by_side(
    layout: Layout, event_ids: Sequence[str], now_utc: datetime
) -> Iterator[Settled]:
    """Settle events in as many processes as there are cores; each as soon as it is done.

    Which process settles which event, and in which order, changes no byte of any statement. Where a
    process is killed, as for want of memory, the others go on in a new pool, and what was begun is
    settled once more by itself; what kills its process then too is refused.

    Args:
        layout: Where the warehouse lies.
        event_ids: Known events.
        now_utc: Time of issue.
    """
    if len(event_ids) == 1:  # a process of its own costs more than it saves
        yield _settle(layout.root, event_ids[0], now_utc)
        return
    todo, killed = deque(event_ids), list[str]()
    while todo:
        killed += yield from _in_a_pool(layout.root, todo, now_utc, os.cpu_count() or 1)
    for event_id in killed:  # alone: nobody knows which of those that were settled then it was
        if (yield from _in_a_pool(layout.root, deque([event_id]), now_utc, 1)):
            yield Settled(event_id=event_id, refusal=_KILLED)


def _in_a_pool(
    root: Path, todo: deque[str], now_utc: datetime, workers: int
) -> Generator[Settled, None, list[str]]:
    """Settle events until all are, or until a process is killed, with which its pool ends.

    Args:
        root: Folder of the warehouse.
        todo: The events; those that are begun are taken out.
        now_utc: Time of issue.
        workers: Processes; two events for each are begun, so that none waits and few are in vain.

    Returns:
        Events that were begun when a process was killed, and not settled.
    """
    running: dict[Future[Settled], str] = {}
    killed: list[str] = []
    # A fork would copy locks that Polars' threads hold.
    with ProcessPoolExecutor(min(len(todo), workers), mp_context=get_context("spawn")) as pool:
        while running or (todo and not killed):
            while todo and not killed and len(running) < 2 * workers:
                event_id = todo.popleft()
                try:
                    running[pool.submit(_settle, root, event_id, now_utc)] = event_id
                except BrokenExecutor:
                    killed.append(event_id)
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                event_id = running.pop(done)
                try:
                    yield done.result()
                except BrokenExecutor:
                    killed.append(event_id)
                except Exception as error:  # noqa: BLE001 - a full disk, a defect: of one event
                    yield Settled(event_id=event_id, refusal=f"{type(error).__name__}: {error}")
    return killed


def _settle(root: Path, event_id: str, now_utc: datetime) -> Settled:
    layout = Layout(root)
    try:
        statement, rows = publish_settlement(layout, event_id, now_utc)
    except NegawattError as error:
        return Settled(event_id=event_id, refusal=str(error))
    counts = tuple((table, frame.height) for table, frame in rows.items())
    settled = Settled(event_id=event_id, statement=statement, row_counts=counts)
    try:
        write_report(layout, event_id)
    except NegawattError as error:
        return replace(settled, refusal=f"stated, but its report is not written: {error}")
    return settled


def _materializations(outcome: Settled) -> Iterator[dg.AssetMaterialization]:
    if outcome.statement is None:
        return
    said = {
        "statement_version": outcome.statement.statement_version,
        "statement_stage": outcome.statement.stage.value,
        "statement_digest": outcome.statement.statement_digest,
    }
    for table, row_count in outcome.row_counts:
        yield dg.AssetMaterialization(
            table, partition=outcome.event_id, metadata={"row_count": row_count, **said}
        )
    if not outcome.refusal:
        yield dg.AssetMaterialization(REPORT, partition=outcome.event_id, metadata=said)
