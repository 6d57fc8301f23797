"""``negawatt capability``: what a site can promise next, from what it delivered.

Not here: the bounds (negawatt.models.settlement.capability).
"""

import json
from collections.abc import Iterator
from typing import Annotated

import typer
from pydantic import TypeAdapter

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.models.settlement.capability import SEASONS, Capability
from negawatt.warehouse.layout import Layout

_HOURS = 24


def capability(
    site: Annotated[str, typer.Argument(help="Registered site.")],
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Confidence of each bound.")
    ] = 0.9,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Say how much a site can promise, how fast, how long, how often, and how sure that is.

    Bounds assume no distribution; what too few events cannot say is "not known". Hours are of the
    site's clock.

    Example: negawatt capability demo-hall --confidence 0.5 --warehouse negawatt-data/demo
    """
    from negawatt.pipelines.portfolio import read_capability  # noqa: PLC0415 - Polars takes long

    found = read_capability(Layout(warehouse), site, confidence)
    if json_output:
        tree = TypeAdapter(Capability).dump_python(found, mode="json")
        typer.echo(json.dumps(tree, sort_keys=True))
        return
    typer.echo("\n".join(_words(found)))


def _words(found: Capability) -> Iterator[str]:
    best = found.best_confidence_ratio
    most = "nothing" if best is None else f"something up to {best:.0%} confidence"
    yield f"site         {found.site_id}, each bound with {found.confidence_ratio:.0%} confidence"
    yield f"events       {found.event_count} settled; so many can say {most}"
    yield f"how much     at least {_share(found.delivered_ratio_low)} of its baseline"
    yield f"how fast     at its limit within {_figure(found.reached_minutes_high, 'min')}"
    yield f"how long     {_figure(found.longest_met_h, 'h')} is the longest that delivered"
    yield (
        f"how often    {found.most_in_30_days_count} in 30 days; "
        f"{_figure(found.shortest_rest_h, 'h')} is the shortest rest"
    )
    yield (
        f"how sure     {found.met_count} of {found.judged_count} delivered their commitment; "
        f"the next one with a chance of at least {_share(found.met_ratio_low)}"
    )
    yield ""
    by_cell = {(cell.season, cell.local_hour): cell.deliverable_kw for cell in found.cells}
    if any(value is not None for value in by_cell.values()):
        yield "deliverable kW by local hour; '-' is not known"
        yield "hour    " + "".join(f"{season:>10}" for season in SEASONS)
        for hour in range(_HOURS):
            cells = (by_cell[season, hour] for season in SEASONS)
            shown = ("-" if value is None else f"{value:.1f}" for value in cells)
            yield f"{hour:02d}:00   " + "".join(f"{value:>10}" for value in shown)
    else:
        yield "deliverable kW by local hour: not known in any"
    reasons = sorted({cell.reason for cell in found.cells if cell.reason})
    yield from (f"    {reason}" for reason in reasons)


def _share(ratio: float | None) -> str:
    return "not known" if ratio is None else f"{ratio:.1%}"


def _figure(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:g} {unit}"
