"""``negawatt exceptions``: what needs a person before money moves.

Not here: what is an exception and in which order (negawatt.models.settlement.review).
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from negawatt.cli.options import (
    DEFAULT_WAREHOUSE,
    JsonOption,
    MonthOption,
    ProgramOption,
    SiteOption,
    WarehouseOption,
)
from negawatt.cli.text_table import table_lines
from negawatt.warehouse.layout import Layout

if TYPE_CHECKING:
    from negawatt.models.settlement.review import ReviewItem, Stake


def exceptions(
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    site: SiteOption = None,
    program: ProgramOption = None,
    month: MonthOption = None,
    within_days: Annotated[
        int, typer.Option(min=0, help="A deadline is near this many days before it.")
    ] = 14,
    json_output: JsonOption = False,
) -> None:
    """List what needs a person: blocked, changed since final, near a deadline, not payable.

    Most at stake comes first: money where it is known, else energy. Nothing is written; what is
    metered already is looked at.

    Example: negawatt exceptions --site phoenix-srp --month 2025-05
    """
    from negawatt.pipelines.resources import ClockResource  # noqa: PLC0415 - Dagster takes seconds
    from negawatt.pipelines.review import facts_of, review  # noqa: PLC0415 - as above
    from negawatt.pipelines.selection import Selection  # noqa: PLC0415 - as above

    selection = Selection(site_id=site, program_id=program, month=month)
    now_utc = ClockResource().now_utc()
    items = review(Layout(warehouse), selection, now_utc, within_days=within_days)
    if json_output:
        typer.echo(json.dumps([facts_of(item) for item in items], sort_keys=True))
        return
    for line in _lines(items):
        typer.echo(line)
    typer.echo(f"{len(items)} need a person" if items else "nothing needs a person")


def _lines(items: "tuple[ReviewItem, ...]") -> list[str]:
    if not items:
        return []
    heads = ("#", "at stake", "event or rule", "site", "why")
    rows = [
        (str(number), stake_words(item.stake), item.subject, item.site_id or "-", item.kind.value)
        for number, item in enumerate(items, start=1)
    ]
    lines = [*table_lines(heads, rows, right=(0, 1)), ""]
    for number, item in enumerate(items, start=1):
        lines += [f"{number}  {item.subject}: {item.message}", f"   {item.remedy}"]
    return [*lines, ""]


def stake_words(stake: "Stake") -> str:
    """Return what is at stake, money before energy.

    Examples:
        >>> from decimal import Decimal
        >>> from negawatt.models.settlement.review import Stake
        >>> stake_words(Stake(amount=Decimal("89.25"), currency="USD")), stake_words(Stake())
        ('89.25 USD', 'not known')
    """
    if stake.amount is not None:
        return f"{stake.amount} {stake.currency}"
    return "not known" if stake.energy_kwh is None else f"{stake.energy_kwh} kWh"
