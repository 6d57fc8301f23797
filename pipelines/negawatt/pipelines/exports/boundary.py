"""The boundary of a statement as a picture: which meter, and what is behind it.

A drawing of declared facts, in SVG by hand, since it holds no figure. Not here: charts.
"""

import html
import textwrap
from typing import Final

from negawatt.models.settlement.statement import StatementBody
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.words import count, visible
from negawatt.warehouse.sites import Site

_WIDTH: Final = 745
_INSIDE_X: Final = 300
_LINE: Final = 16
_DASHES: Final = ' stroke-dasharray="7 4"'
_TEXT_CHARACTERS: Final = 62
_NAME_CHARACTERS: Final = 18


def boundary_svg(body: StatementBody, site: Site) -> str:
    """Draw the grid, the meter and what is behind it.

    Args:
        body: What is reported.
        site: Facts about the site.
    """
    declared = _wrapped(site.boundary, _TEXT_CHARACTERS)
    meter = _wrapped(body.meter_id, _NAME_CHARACTERS)
    top, inside_height = 14, 62 + _LINE * len(declared)
    middle = top + inside_height / 2
    height = max(top + inside_height, middle + 48 + _LINE * len(meter)) + 38
    grade = "accepted for payment" if body.revenue_grade else "not accepted for payment"
    jobs = body.attribution.jobs if body.attribution else ()
    measured = f"{count(len(jobs), 'job')} with telemetry" if jobs else "no job with telemetry"
    parts = [
        _box(8, middle - 22, 92, 44, dashed=False),
        _text(54, middle + 5, ["Grid"], anchor="middle", bold=True),
        _line(100, middle, 180, middle),
        _circle(205, middle, dashed=not body.revenue_grade),
        _text(205, middle + 5, ["kWh"], anchor="middle", bold=True),
        _text(205, middle + 44, [*meter, grade], anchor="middle"),
        _line(230, middle, _INSIDE_X, middle),
        _box(_INSIDE_X, top, _WIDTH - _INSIDE_X - 8, inside_height, dashed=True),
        _text(_INSIDE_X + 14, top + 22, [f"Site {body.event.site_id}"], bold=True),
        _text(_INSIDE_X + 14, top + 42, declared),
        _text(_INSIDE_X + 14, top + 50 + _LINE * len(declared), [f"Traced to jobs: {measured}"]),
        _text(
            8,
            height - 8,
            ["Not in the figures: other meters and sites of the operator."],
            color=style.FAINT,
        ),
    ]
    told = (
        f"Diagram: the grid, meter {body.meter_id}, {grade}, and behind it site "
        f"{body.event.site_id}: {site.boundary}"
    )
    return (
        f'<svg role="img" aria-label="{html.escape(visible(told), quote=True)}" '
        f'viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" height="{height:g}" '
        f'font-family="{html.escape(style.FONT)}" font-size="13">{"".join(parts)}</svg>'
    )


def _wrapped(text: str, characters: int) -> list[str]:
    return textwrap.wrap(visible(text), characters) or ["not stated"]


def _box(x: float, y: float, width: float, height: float, *, dashed: bool) -> str:
    dashes = _DASHES if dashed else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="none" '
        f'stroke="{style.INK}" stroke-width="1.5"{dashes}/>'
    )


def _circle(x: float, y: float, *, dashed: bool) -> str:
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="25" fill="white" stroke="{style.INK}" '
        f'stroke-width="2.5"{_DASHES if dashed else ""}/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" '
        f'stroke="{style.INK}" stroke-width="2.5"/>'
    )


def _text(
    x: float,
    y: float,
    lines: list[str],
    *,
    anchor: str = "start",
    bold: bool = False,
    color: str = style.INK,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return "".join(
        f'<text x="{x:g}" y="{y + _LINE * place:g}" text-anchor="{anchor}" fill="{color}"{weight}>'
        f"{html.escape(line)}</text>"
        for place, line in enumerate(lines)
    )
