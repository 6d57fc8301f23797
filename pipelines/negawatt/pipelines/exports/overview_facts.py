"""What a page of a month or portfolio lists: its title, its rows and what a person must look at.

Figures become text here, in the clock and with the decimals of their own site. Not here: sums
(negawatt.models.settlement), markup (the templates).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from negawatt.models.settlement.concerns import ConcernKind, concerns_of
from negawatt.models.settlement.portfolio import EventMoney
from negawatt.pipelines.exports import words as say
from negawatt.pipelines.exports.page import words_of
from negawatt.pipelines.exports.words import Words
from negawatt.pipelines.overview import Overview

MOST_MESSAGES: Final = 5
"""More findings of one kind than this stand in concerns.csv only."""
_KINDS: Final = list(ConcernKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event as a page shows it.

    Attributes:
        money: The event itself.
        words: How its site writes.
        href: Its report, relative to the page; None where none is written.
        paid: What it is paid, in words.
        concern_count: Things to look at in it.
    """

    money: EventMoney
    words: Words
    href: str | None
    paid: str
    concern_count: int

    @property
    def day(self) -> str:
        """Local date of the start."""
        return say.day(self._first_day)

    @property
    def hours(self) -> str:
        """Local times of start and end, with the offset from UTC."""
        start_utc, end_utc = self.money.interval.start_utc, self.money.interval.end_utc
        days = (end_utc.astimezone(self.words.zone).date() - self._first_day).days
        later = f" (+{say.count(days, 'day')})" if days else ""
        return f"{self.words.clock(start_utc)} to {self.words.clock(end_utc)}{later}"

    @property
    def _first_day(self) -> date:
        return self.money.interval.start_utc.astimezone(self.words.zone).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernGroup:
    """The same thing to look at, in one or several events.

    Attributes:
        kind: Why.
        title: What it is.
        found: Statement, event and what was found in it, the first few.
        count: How often it was found.
    """

    kind: str
    title: str
    found: tuple[tuple[str, str, str], ...]
    count: int


class _Found(NamedTuple):
    rank: int
    title: str
    statement_id: str
    event_id: str
    message: str


def title_of(overview: Overview) -> str:
    """Return what the page is about."""
    when = f"{overview.month.first:%B %Y}" if overview.month else "All months"
    return f"{when}, {f'site {overview.site_id}' if overview.site_id else 'all sites'}"


def event_rows(overview: Overview, hrefs: Mapping[str, str]) -> list[EventRow]:
    """Return the settled events, oldest first.

    Args:
        overview: What is shown.
        hrefs: Where the report of a statement lies, by statement.
    """
    rows = []
    for one in overview.events:
        statement = overview.statements[one.statement_id]
        row = EventRow(
            money=one,
            words=words_of(statement.body, overview.sites[one.site_id]),
            href=hrefs.get(one.statement_id),
            paid=_paid(one),
            concern_count=len(concerns_of(statement)),
        )
        rows.append(row)
    return rows


def concern_groups(overview: Overview) -> list[ConcernGroup]:
    """Return what a person must look at: the gravest first, the same thing together."""
    every = sorted(_found(overview), key=lambda one: (one.rank, one.title))
    groups = []
    for (rank, title), entries in groupby(every, key=lambda one: (one.rank, one.title)):
        group = list(entries)
        shown = tuple(
            (one.statement_id, one.event_id, one.message) for one in group[:MOST_MESSAGES]
        )
        groups.append(
            ConcernGroup(kind=_KINDS[rank].value, title=title, found=shown, count=len(group))
        )
    return groups


def _found(overview: Overview) -> Iterator[_Found]:
    for event in overview.events:
        statement = overview.statements[event.statement_id]
        words = words_of(statement.body, overview.sites[event.site_id])
        for one in concerns_of(statement):
            message = words.local_times(one.message)
            rank = _KINDS.index(one.kind)
            yield _Found(rank, one.title, event.statement_id, event.event_id, message)


def _paid(one: EventMoney) -> str:
    """Return what an event is paid; the reason why it is not stands among the things to look at."""
    if one.outcome is None:
        return "no payment registered"
    return (
        one.outcome.value
        if one.paid is None
        else f"{say.money(one.paid)}\N{NO-BREAK SPACE}{one.currency}"
    )
