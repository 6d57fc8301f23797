"""``negawatt portfolio``: what settled events and their months are paid, by site and program.

Not here: the sums (negawatt.models.settlement.portfolio), and settling.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from pydantic import TypeAdapter

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.portfolio import Money, Portfolio, ProgramMonth
from negawatt.warehouse.layout import Layout


def portfolio(
    month: Annotated[str | None, typer.Option(help="Only this month, such as 2026-06.")] = None,
    site: Annotated[str | None, typer.Option(help="Only this registered site.")] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Add up what settled events and their months are paid, by month, site, program and currency.

    Counts the newest version of every statement; settles nothing. What has no amount though one is
    due is listed; currencies are never added, and no energy is paid twice.

    Example: negawatt portfolio --month 2026-06 --warehouse negawatt-data/demo
    """
    from negawatt.pipelines.portfolio import read_portfolio  # noqa: PLC0415 - Polars takes long

    found = read_portfolio(
        Layout(warehouse), month=None if month is None else _month(month), site_id=site
    )
    if json_output:
        tree = TypeAdapter(Portfolio).dump_python(found, mode="json")
        typer.echo(json.dumps(tree, sort_keys=True))
        return
    typer.echo("\n".join(_words(found)))


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
            f"{money.at_stake_amount} more than for nothing delivered"
        )
