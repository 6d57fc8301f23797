"""The chart of a score: how far methods are off, scenario by scenario.

Pure function from a frame to an Altair chart. Not here: the figures
(negawatt.models.counterfactual.scoring), colors and fonts (chart_style.py).
"""

from typing import Any, Final

import altair as alt
import polars as pl

from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import extent, inline

_COLORS: Final = (style.BLUE, style.VERMILLION, style.SKY, style.FAINT, style.INK)
_SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross")
_LEAST_PCT: Final = 0.1  # a logarithmic axis has no zero
_MARGIN: Final = 1.15


def score_chart(errors: pl.DataFrame) -> alt.LayerChart:
    """Draw for every scenario and method a line from the median error to the 90th percentile.

    Args:
        errors: Columns scenario, method, p50_pct, p90_pct; scenarios in order from the top,
            methods in the order of the legend.
    """
    methods = errors["method"].unique(maintain_order=True).to_list()
    scenarios = errors["scenario"].unique(maintain_order=True)
    floor = pl.col("p50_pct", "p90_pct").clip(_LEAST_PCT)
    words = pl.col("scenario", "method").str.replace_all("_", " ")
    errors = errors.with_columns(floor, words)
    rows = inline(errors)
    low, high = extent([errors["p50_pct"], errors["p90_pct"]])
    named = [method.replace("_", " ") for method in methods]
    order = [scenario.replace("_", " ") for scenario in scenarios]
    y = alt.Y(
        "scenario:N",
        sort=order,
        axis=alt.Axis(title=None, grid=False, domain=False, ticks=False, labelLimit=240),
        scale=alt.Scale(paddingInner=0.35),
    )
    offset = alt.YOffset("method:N", sort=named)
    x: dict[str, Any] = {
        "scale": alt.Scale(type="log", nice=False, domain=[low / _MARGIN, high * _MARGIN]),
        "axis": alt.Axis(
            title="Error of the event's reduction: median to 90th percentile [%]",
            values=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200],
            format="~g",
        ),
    }
    legend = alt.Legend(title=None, orient="top", columns=3, labelLimit=240, symbolSize=60)
    color = alt.Color(
        "method:N",
        sort=named,
        scale=alt.Scale(domain=named, range=_cycled(_COLORS, len(named))),
        legend=legend,
    )
    shape = alt.Shape(
        "method:N",
        sort=named,
        scale=alt.Scale(domain=named, range=_cycled(_SHAPES, len(named))),
        legend=legend,
    )
    return style.styled(
        alt.Chart(rows)
        .mark_rule(strokeWidth=2)
        .encode(alt.X("p50_pct:Q", **x), alt.X2("p90_pct:Q"), y, offset, color),
        alt.Chart(rows)
        .mark_point(size=38, filled=True, opacity=1)
        .encode(alt.X("p50_pct:Q", **x), y, offset, color, shape),
        height=alt.Step(11),
    )


def _cycled(values: tuple[str, ...], count: int) -> list[str]:
    return [values[place % len(values)] for place in range(count)]
