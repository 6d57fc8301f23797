"""The charts of a report whose length or place from zero says how much.

Pure functions from frames (chart_rows.py) to Altair charts. Not here: the course of power and of
days (charts.py), colors and fonts (chart_style.py).
"""

from typing import Any, Final

import altair as alt
import polars as pl

from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import PLAIN, inline, zero_based

_WIDTH: Final = 745
_NAMES_WIDTH: Final = 180
_SHORT_NAME: Final = (
    "length(datum.label) > 24 ? slice(datum.label, 0, 8) + '…' + slice(datum.label, -15) "
    ": datum.label"
)
"""Names often differ at their end only."""


def methods_chart(methods: pl.DataFrame) -> alt.LayerChart:
    """Draw the reduction under every method from zero, the settled one dark and with its band."""
    order = methods["method"].to_list()
    low, high = zero_based([methods["reduction_kwh"], methods["lower_kwh"], methods["upper_kwh"]])
    rows = inline(methods.with_columns(text_at=pl.max_horizontal("reduction_kwh", "upper_kwh", 0)))
    row = alt.Y("method:N", sort=order, axis=None)
    x: dict[str, Any] = {
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(
            title="Reduction over the event [kWh]", format=PLAIN, grid=False, tickCount=6
        ),
    }
    settled = alt.Chart(rows).transform_filter("datum.is_settled && datum.upper_kwh != null")
    return style.styled(
        alt.Chart(rows)
        .mark_bar(size=13, yOffset=8)
        .encode(
            alt.X("reduction_kwh:Q", **x),
            row,
            color=alt.ColorValue(
                "#a9b4bd", condition={"test": "datum.is_settled", "value": style.BLUE}
            ),
        ),
        settled.mark_rule(strokeWidth=2, color=style.INK, yOffset=8).encode(
            alt.X("lower_kwh:Q", **x), alt.X2("upper_kwh:Q"), row
        ),
        *(
            settled.mark_tick(size=11, thickness=2, color=style.INK, yOffset=8).encode(
                alt.X(f"{edge}:Q", **x), row
            )
            for edge in ("lower_kwh", "upper_kwh")
        ),
        alt.Chart(rows)
        .mark_text(**style.label(dy=-7))
        .encode(alt.Text("method:N"), row, x=alt.XValue(0)),
        alt.Chart(rows)
        .mark_text(**style.label(dx=7, dy=8))
        .encode(alt.X("text_at:Q", **x), row, alt.Text("text:N")),
        _zero(x),
        width=_WIDTH,
        height=alt.Step(40),
    )


def placebo_chart(
    errors: pl.DataFrame, reduction_kwh: float, reduction_text: str
) -> alt.LayerChart:
    """Draw the error of the method on each ordinary day beside the reduction of the event."""
    low, high = zero_based([errors["error_kwh"], pl.Series([reduction_kwh])])
    low -= 0.08 * (high - low)
    x = alt.X(
        "error_kwh:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(title="What the rule claims [kWh]", format=PLAIN, grid=False, tickCount=6),
    )
    event = pl.DataFrame({"error_kwh": [reduction_kwh]})
    names = pl.DataFrame(
        {"error_kwh": [0.0, reduction_kwh], "name": ["ordinary days", reduction_text]}
    )
    return style.styled(
        alt.Chart(inline(pl.DataFrame({"error_kwh": [0.0]})))
        .mark_rule(color=style.FAINT)
        .encode(x),
        alt.Chart(inline(errors))
        .mark_tick(color=style.INK, thickness=1.5, size=22)
        .encode(x, y=alt.YValue(42)),
        alt.Chart(inline(event))
        .mark_point(shape="diamond", filled=True, size=160, color=style.BLUE, opacity=1)
        .encode(x, y=alt.YValue(42)),
        alt.Chart(inline(names))
        .mark_text(**style.label(align="center"))
        .encode(x, alt.Text("name:N"), y=alt.YValue(16)),
        width=_WIDTH,
        height=60,
    )


def jobs_chart(jobs: pl.DataFrame) -> alt.LayerChart:
    """Draw the reduction of each job from zero, and what the jobs leave unexplained."""
    low, high = zero_based([jobs["reduction_kwh"]])
    rows = inline(jobs.with_columns(text_at=pl.max_horizontal("reduction_kwh", 0)))
    row = alt.Y(
        "job:N",
        sort=jobs["job"].to_list(),
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
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(
            title="Reduction over the event [kWh]", format=PLAIN, grid=False, tickCount=6
        ),
    }
    return style.styled(
        alt.Chart(rows)
        .mark_bar(size=14, stroke=style.INK, strokeWidth=0.6)
        .encode(
            alt.X("reduction_kwh:Q", **x),
            row,
            color=alt.ColorValue(
                "#ffffff", condition={"test": "datum.kind == 'job'", "value": style.SKY}
            ),
        ),
        alt.Chart(rows)
        .mark_text(**style.label(dx=6))
        .encode(alt.X("text_at:Q", **x), row, alt.Text("text:N")),
        _zero(x),
        width=_WIDTH - _NAMES_WIDTH,
        height=alt.Step(24),
    )


def _zero(x: dict[str, Any]) -> alt.Chart:
    """Return the line from which bars are measured."""
    line: alt.Chart = (
        alt.Chart(inline(pl.DataFrame({"zero": [0.0]})))
        .mark_rule(color=style.FAINT)
        .encode(alt.X("zero:Q", **x))
    )
    return line
