"""Reading what months, portfolios and capabilities are computed from: statements, facts, load.

Here: from the warehouse to the values of negawatt.models.settlement. Not here: any sum, and
settling.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.metering.roll_up import to_load_series
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.capability import Capability, capability
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.market import Market, facts_for
from negawatt.models.settlement.once_only import deductions
from negawatt.models.settlement.payment.rules import payment_rule_text
from negawatt.models.settlement.period import Month, pay_month
from negawatt.models.settlement.portfolio import (
    Portfolio,
    ProgramMonth,
    event_money,
    portfolio,
    program_month,
)
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.market import fact_of
from negawatt.pipelines.settlement import LOAD_TABLE
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, read_site, read_sites
from negawatt.warehouse.statement_tables import HEADERS

LOAD_YEAR = timedelta(days=366)
"""As far back before the last event or reading as load is read for a capability."""


def newest_statements(layout: Layout, site_id: str | None = None) -> list[Statement]:
    """Return the newest published version of every statement, by name; void ones count no more.

    Args:
        layout: Where the warehouse lies.
        site_id: Only statements of this site.
    """
    where = None if site_id is None else pl.col("site_id") == site_id
    rows = read_table(layout, HEADERS, where).frame
    newest = rows.sort("statement_version").unique("statement_id", keep="last")
    texts = newest.sort("statement_id")["statement_json"]
    statements = [from_json(text.encode()) for text in texts]
    return [statement for statement in statements if statement.stage is not Stage.VOID]


def read_portfolio(
    layout: Layout, *, month: Month | None = None, site_id: str | None = None
) -> Portfolio:
    """Return what the settled events of the warehouse, and their months, are paid.

    Args:
        layout: Where the warehouse lies.
        month: Only this month.
        site_id: Only this site.

    Raises:
        ConfigurationError: The site is not registered.
        DataRefusedError: Programs claim the same energy without an order of priority.
    """
    sites = read_sites(layout) if site_id is None else {site_id: read_site(layout, site_id)}
    statements = [
        statement
        for statement in newest_statements(layout, site_id)
        if statement.body.event.site_id in sites
    ]
    return portfolio(
        one
        for name, site in sorted(sites.items())
        for one in _site_months(
            name, site, [s for s in statements if s.body.event.site_id == name], month
        )
    )


def read_capability(layout: Layout, site_id: str, confidence_ratio: float) -> Capability:
    """Return what a site can promise next, from its statements and a year of its load.

    Raises:
        ConfigurationError: The site is not registered.
    """
    site = read_site(layout, site_id)
    return capability(
        site_id,
        [statement.body for statement in newest_statements(layout, site_id)],
        _load(layout, site_id, site.settlement_meter_id),
        site.zone,
        confidence_ratio=confidence_ratio,
    )


def month_of(statement: Statement, site: Site) -> Month:
    """Return the month in which a statement's event starts, on the site's clock."""
    start_utc = statement.body.event.interval.start_utc
    return Month.of(start_utc.astimezone(site.zone).date())


def _site_months(
    site_id: str, site: Site, statements: Sequence[Statement], month: Month | None
) -> Iterable[ProgramMonth]:
    lost = deductions((statement.body for statement in statements), site.payment_priority)
    months = {month_of(statement, site) for statement in statements}
    for one in sorted(months) if month is None else [month]:
        own = [statement for statement in statements if month_of(statement, site) == one]
        programs = {statement.body.event.program_id for statement in own}
        registered = site.payments.keys() if month is not None or own else set()
        for program_id in sorted(programs | registered):
            events = [s for s in own if s.body.event.program_id == program_id]
            market = _market_of(site, program_id, one)
            yield program_month(
                site_id,
                program_id,
                one,
                [event_money(s, one, lost.get(s.body.statement_id, ())) for s in events],
                pay_month(
                    one,
                    market,
                    [s.body.payment.delivered if s.body.payment else None for s in events],
                )
                if market is not None
                else None,
            )


def _market_of(site: Site, program_id: str, month: Month) -> Market | None:
    """Return the payment rule and the facts that hold in all of a month."""
    payment = site.payments.get(program_id)
    if payment is None:
        return None
    facts = facts_for(map(fact_of, payment.facts), "", month.first, month.last)
    return Market(payment_rule_toml=payment_rule_text(payment.rule), facts=facts)


def _load(layout: Layout, site_id: str, meter_id: str) -> LoadSeries | None:
    of_meter = (pl.col("site_id") == site_id) & (pl.col("meter_id") == meter_id)
    rows = read_table(layout, LOAD_TABLE, of_meter).frame
    if rows.is_empty():
        return None
    last_utc = rows["interval_end_utc"].max()
    assert isinstance(last_utc, datetime)  # there is a row  # noqa: S101
    kept = rows.filter(pl.col("interval_start_utc") >= last_utc.astimezone(UTC) - LOAD_YEAR)
    longest = (kept["interval_end_utc"] - kept["interval_start_utc"]).max()
    assert isinstance(longest, timedelta)  # as above  # noqa: S101
    return to_load_series(kept, longest // timedelta(minutes=1), meter_id)
