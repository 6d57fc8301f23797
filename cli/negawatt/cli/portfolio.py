"""``negawatt portfolio``: what settled events and their months are paid, by site and program.

Not here: the sums (negawatt.models.settlement.portfolio), and settling.
"""

import json
import webbrowser
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter

from negawatt.cli.export import FormatOption
from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.portfolio import Money, Portfolio, ProgramMonth
from negawatt.pipelines.exports.formats import Format, format_of
from negawatt.warehouse.layout import Layout

if TYPE_CHECKING:
    from negawatt.pipelines.overview import Overview


def portfolio(
    month: Annotated[str | None, typer.Option(help="Only this month, such as 2026-06.")] = None,
    site: Annotated[str | None, typer.Option(help="Only this registered site.")] = None,
    *,
    page: Annotated[
        bool, typer.Option("--page", help="Write a page with charts, and its tables, as well.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write the page as PDF as well.")] = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    kind: FormatOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the tables to this file or folder as well.")
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Add up what settled events and their months are paid, by month, site, program and currency.

    Counts the newest version of every statement; settles nothing. What has no amount though one is
    due is listed; currencies are never added, and no energy is paid twice. --page writes the same
    as one page: verdicts, delivered against committed, what needs a person, links to the reports.

    Example: negawatt portfolio --month 2026-06 --page --warehouse negawatt-data/demo
    """
    from negawatt.pipelines.overview import read_overview  # noqa: PLC0415 - Polars takes long

    layout = Layout(warehouse)
    overview = read_overview(layout, month=None if month is None else _month(month), site_id=site)
    for written in _written(layout, overview, page=page or open_page, pdf=pdf, kind=kind, out=out):
        typer.echo(f"written  {written}", err=True)
        opens = open_page and written.suffix == ".html"
        if opens and not webbrowser.open(written.absolute().as_uri()):
            typer.echo("no browser was found; open the page yourself", err=True)
    found = overview.portfolio
    if json_output:
        tree = TypeAdapter(Portfolio).dump_python(found, mode="json")
        typer.echo(json.dumps(tree, sort_keys=True))
        return
    typer.echo("\n".join(_words(found)))


def _written(
    layout: Layout,
    overview: "Overview",
    *,
    page: bool,
    pdf: bool,
    kind: Format | None,
    out: Path | None,
) -> Iterator[Path]:
    """Write what is asked for, and yield where it is."""
    if page or pdf:
        from negawatt.pipelines.exports.overview_page import (  # noqa: PLC0415 - charts take long
            PAGE,
            PDF,
            write_overview,
        )

        folder = write_overview(layout, overview, pdf=pdf)
        yield folder / PAGE
        if pdf:
            yield folder / PDF
    if kind is not None or out is not None:
        from negawatt.pipelines.exports.export import (  # noqa: PLC0415 - Polars takes long
            write_export,
        )
        from negawatt.pipelines.exports.portfolio_tables import (  # noqa: PLC0415 - as above
            portfolio_export,
        )

        wanted = format_of(kind, out)
        path = out or layout.export_path(f"portfolio{wanted.suffix}")
        yield from write_export(portfolio_export(overview), wanted, path)


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise ConfigurationError(
            thing="--month", expected="a month such as 2026-06", found=repr(text), remedy="name one"
        ) from error


def _words(found: Portfolio) -> Iterator[str]:
    if not found.months:
        yield "no settled event; settle one with `negawatt settle EVENT`"
        return
    for one in found.months:
        yield from _month_words(one)
        yield ""
    yield f"together  {found.reduction_kwh} kWh"
    yield from _money_words(found.money)
    if found.without_amount:
        yield f"without an amount though one is due: {len(found.without_amount)}"
        yield from (f"    {missing}" for missing in found.without_amount)


def _month_words(one: ProgramMonth) -> Iterator[str]:
    yield f"{one.month.text}  {one.site_id}  {one.program_id}  {one.reduction_kwh} kWh"
    for event in one.events:
        amount = (
            "no payment registered"
            if event.outcome is None
            else event.outcome.value
            if event.paid is None
            else f"{event.paid} {event.currency}"
        )
        yield f"    {event.event_id}  {event.reduction_kwh} kWh  {amount}"
        for lost in event.deductions:
            yield f"        of it {lost.amount} {event.currency}: paid by {', '.join(lost.paid_by)}"
    if one.period is not None:
        for line in one.period.lines:
            yield f"    {line.name}  {line.amount} {one.period.currency}"
        if one.period.total is None:
            yield f"    {one.period.outcome.value}: {one.period.reason}"
    yield from _money_words(one.money)


def _money_words(amounts: Sequence[Money]) -> Iterator[str]:
    for money in amounts:
        yield (
            f"    {money.total} {money.currency}: events {money.event_amount}, "
            f"of which charges {money.charged_amount}, months {money.period_amount}; "
            f"{_known(money.at_stake_amount)} more than for nothing delivered"
        )


def _known(amount: Decimal | None) -> str:
    return "an amount that is not known" if amount is None else str(amount)
