"""The charts of a month or portfolio as SVG, with the words for those who cannot see them.

Here: which events and months are drawn, and the alternative texts. Not here: drawing
(overview_charts.py).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import polars as pl
from altair.utils.schemapi import debug_mode

from negawatt.models.settlement.overall import overall
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports import overview_charts as charts
from negawatt.pipelines.exports import words as say
from negawatt.pipelines.exports.overview_facts import EventRow

MOST_BARS: Final = 20
"""Of more events, those are drawn that delivered the least share: what a printed page holds."""
MOST_MONTHS: Final = 14
"""Of more months, the last ones are drawn."""


@debug_mode(arg=False)  # parts of a chart are not checked as they are made: see style.to_svg
def overview_figures(rows: Sequence[EventRow]) -> dict[str, str]:
    """Return the charts that there are figures for, as SVG by name."""
    drawn = {}
    shares = share_rows(rows)
    if not shares.is_empty():
        listed = "; ".join(f"{name}: {text}" for name, text in shares.select("name", "text").rows())
        drawn["shares"] = style.to_svg(
            charts.shares_chart(shares), f"Bar chart of the share delivered by event. {listed}."
        )
    months = month_rows(rows)
    if months.height > 1:
        listed = "; ".join(
            f"{month}: {text}" for month, text in months.select("month", "text").rows()
        )
        told = f"Bar chart of what was delivered of what was promised by month. {listed}."
        drawn["months"] = style.to_svg(charts.months_chart(months), told)
    return drawn


def share_rows(rows: Sequence[EventRow]) -> pl.DataFrame:
    """Return the events that promised a reduction and whose delivery is known, as they are drawn.

    Columns: name (with its site where there are several), ratio, outcome, text.
    """
    known = [
        (one.money.delivered_kw / one.money.committed_kw, one)
        for one in rows
        if one.money.delivered_kw is not None and one.money.committed_kw
    ]
    several = len({one.money.site_id for one in rows}) > 1
    weakest = sorted(known, key=lambda entry: entry[0])[:MOST_BARS]
    kept = {one.money.statement_id for _, one in weakest}
    made = [
        {
            "name": one.money.event_id + (f", {one.money.site_id}" if several else ""),
            "ratio": ratio,
            "outcome": one.money.baseline_outcome.value,
            "text": f"{_beyond(ratio)}{say.percent(ratio, 0)}: {_of(one)}",
        }
        for ratio, one in known
        if one.money.statement_id in kept
    ]
    schema = {"name": pl.String, "ratio": pl.Float64, "outcome": pl.String, "text": pl.String}
    return pl.DataFrame(made, schema=schema)


def _of(one: EventRow) -> str:
    delivered_kw, committed_kw = one.money.delivered_kw, one.money.committed_kw
    return f"{one.words.estimate(delivered_kw)} of {one.words.estimate(committed_kw)} kW"


def _beyond(ratio: float) -> str:
    if ratio > charts.HIGH_RATIO:
        return "\N{RIGHTWARDS ARROW} "
    return "\N{LEFTWARDS ARROW} " if ratio < charts.LOW_RATIO else ""


def month_rows(rows: Sequence[EventRow]) -> pl.DataFrame:
    """Return the last months, of the events that promised a reduction and whose delivery is known.

    Columns: month, reduction_kwh, committed_kwh, text.
    """
    ordered = sorted((one.money for one in rows), key=lambda one: one.month)
    made = []
    for month, events in groupby(ordered, key=lambda one: one.month):
        found = overall(events)
        row = {
            "month": month.text,
            "reduction_kwh": float(found.promised_reduction_kwh),
            "committed_kwh": found.committed_kwh,
            "text": f"{say.number(found.promised_reduction_kwh, 1)} of "
            f"{say.number(found.committed_kwh, 1)} kWh",
        }
        made += [row] if found.promised_count else []
    schema = {
        "month": pl.String,
        "reduction_kwh": pl.Float64,
        "committed_kwh": pl.Float64,
        "text": pl.String,
    }
    return pl.DataFrame(made[-MOST_MONTHS:], schema=schema)
