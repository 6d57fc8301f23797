"""The charts of a month or portfolio: delivered against committed, and energy by month.

Pure functions from frames to Altair charts. Fill, frame and a line tell apart what color does, so
that a print in black and white says the same. Not here: rows (overview_figures.py).
"""

from typing import Any, Final

import altair as alt
import polars as pl

from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import PLAIN, inline, zero_based

LOW_RATIO: Final = -0.5
HIGH_RATIO: Final = 2.0
"""Shares beyond are drawn to here; their text says how far they go."""
_WIDTH: Final = 745
_NAMES_WIDTH: Final = 230
_WIDTH_OF_BARS: Final = _WIDTH - _NAMES_WIDTH
_TEXT_RATIO: Final = 0.7
_AXIS_RATIOS: Final = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
_SHORT_NAME: Final = (
    "length(datum.label) > 26 ? slice(datum.label, 0, 11) + '…' + slice(datum.label, -14) "
    ": datum.label"
)


def shares_chart(events: pl.DataFrame) -> alt.LayerChart:
    """Draw what each event delivered as share of its commitment, which is the line at 100%.

    Args:
        events: Columns name (each once), ratio, outcome (``met`` or ``not met``), text.
    """
    shown = events.with_columns(drawn=pl.col("ratio").clip(LOW_RATIO, HIGH_RATIO))
    low, high = min(0.0, *shown["drawn"]), max(1.0, *shown["drawn"])
    marks = [share for share in _AXIS_RATIOS if low <= share <= high]
    rows = inline(shown)
    row = alt.Y(
        "name:N",
        sort=events["name"].to_list(),
        axis=alt.Axis(
            title=None,
            labelExpr=_SHORT_NAME,
            labelLimit=_NAMES_WIDTH,
            labelPadding=8,
            ticks=False,
            domain=False,
        ),
    )
    x: dict[str, Any] = {
        # Room at the right for the texts, which are wider in some fonts than in others.
        "scale": alt.Scale(domain=[low, high + _TEXT_RATIO * (high - low)], nice=False),
        "axis": alt.Axis(
            title="Delivered, as share of the commitment",
            titleAnchor="start",
            format=".0%",
            grid=False,
            values=marks,
        ),
    }
    return style.styled(
        alt.Chart(rows)
        .mark_bar(size=14, stroke=style.INK, strokeWidth=1)
        .encode(
            alt.X("drawn:Q", **x),
            row,
            color=alt.ColorValue(
                "#ffffff", condition={"test": "datum.outcome == 'met'", "value": style.BLUE}
            ),
        ),
        alt.Chart(inline(pl.DataFrame({"whole": [1.0]})))
        .mark_rule(color=style.INK, strokeWidth=2)
        .encode(alt.X("whole:Q", **x)),
        alt.Chart(rows)
        .mark_text(**style.label())
        .encode(alt.Text("text:N"), row, x=alt.XValue(_WIDTH_OF_BARS / (1 + _TEXT_RATIO) + 10)),
        width=_WIDTH_OF_BARS,
        height=alt.Step(24),
    )


def months_chart(months: pl.DataFrame) -> alt.LayerChart:
    """Draw what the events of each month delivered from zero, and what they promised as a mark.

    Args:
        months: Columns month, reduction_kwh, committed_kwh, text.
    """
    low, high = zero_based([months["reduction_kwh"], months["committed_kwh"]])
    rows = inline(
        months.with_columns(text_at=pl.max_horizontal("reduction_kwh", "committed_kwh", 0))
    )
    month = alt.X("month:O", sort=None, axis=alt.Axis(title=None, labelAngle=0))
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(title="Delivered [kWh]", format=PLAIN, tickCount=5),
    }
    return style.styled(
        alt.Chart(rows)
        .mark_bar(size=38, color=style.SKY, stroke=style.INK, strokeWidth=1)
        .encode(month, alt.Y("reduction_kwh:Q", **y)),
        alt.Chart(rows)
        .mark_tick(size=54, thickness=3, color=style.INK, opacity=1)
        .encode(month, alt.Y("committed_kwh:Q", **y)),
        alt.Chart(rows)
        .mark_text(**style.label(align="center", dy=-9))
        .encode(month, alt.Y("text_at:Q", **y), alt.Text("text:N")),
        width=_WIDTH - 60,
        height=200,
    )
