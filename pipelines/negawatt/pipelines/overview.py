"""What a month of a site, or the portfolio, is made of: read from the warehouse.

Here: the statements that count, their sums, and the events that have none. Not here: pages and
files (negawatt.pipelines.exports).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from negawatt.models.domain.event import Event
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.portfolio import EventMoney, Portfolio
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.portfolio import read_portfolio
from negawatt.pipelines.selection import Selection, selected
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, read_sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Settled events together, with what they rest on.

    Attributes:
        month: Only this month; None for all.
        site_id: Only this site; None for all.
        portfolio: The sums.
        statements: The newest version of each event's statement, by statement.
        sites: The registered sites.
        not_settled: Events that are not withdrawn and have no statement: not settled, or not over.
        void_count: Events whose statement was voided.
    """

    month: Month | None
    site_id: str | None
    portfolio: Portfolio
    statements: Mapping[str, Statement]
    sites: Mapping[str, Site]
    not_settled: tuple[Event, ...]
    void_count: int

    @property
    def events(self) -> list[EventMoney]:
        """The settled events, oldest first."""
        every = [event for month in self.portfolio.months for event in month.events]
        return sorted(every, key=lambda one: (one.interval.start_utc, one.statement_id))

    @property
    def last_issued_at_utc(self) -> datetime | None:
        """When the newest of the statements was issued, None where there is none."""
        return max((one.provenance.issued_at_utc for one in self.statements.values()), default=None)


def read_overview(
    layout: Layout, *, month: Month | None = None, site_id: str | None = None
) -> Overview:
    """Return the events of a month, a site, or all, with the sums over their statements.

    Raises:
        ConfigurationError: The site is not registered.
        DataRefusedError: Programs claim the same energy without an order of priority.
    """
    portfolio = read_portfolio(layout, month=month, site_id=site_id)
    found = selected(layout, Selection(site_id=site_id, month=month.text if month else None))
    statements = [one.statement for one in found if one.statement is not None]
    return Overview(
        month=month,
        site_id=site_id,
        portfolio=portfolio,
        statements={
            one.body.statement_id: one for one in statements if one.stage is not Stage.VOID
        },
        sites=read_sites(layout),
        not_settled=tuple(
            one.event for one in found if one.statement is None and not one.event.cancelled
        ),
        void_count=sum(one.stage is Stage.VOID for one in statements),
    )
