"""The chart of a back-test: how far each method is off on ordinary days.

Pure function from a frame to an Altair chart. Not here: the figures (negawatt.models.backtest),
colors and fonts (chart_style.py).
"""

from typing import Any

import altair as alt
import polars as pl

from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import inline, zero_based


def errors_chart(errors: pl.DataFrame) -> alt.LayerChart:
    """Draw the middle eight tenths of every method's event errors about zero, and their median.

    Args:
        errors: Columns method, p10_pct, p50_pct, p90_pct; one row for each method, in order from
            the top.
    """
    low, high = zero_based([errors["p10_pct"], errors["p90_pct"]])
    row = alt.Y(
        "method:N",
        sort=errors["method"].to_list(),
        axis=alt.Axis(title=None, labelLimit=240, grid=False, domain=False, ticks=False),
    )
    x: dict[str, Any] = {
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(title="Baseline less metered, eight of ten events [%]", tickCount=7),
    }
    rows = inline(errors)
    return style.styled(
        alt.Chart(inline(pl.DataFrame({"p50_pct": [0.0]})))
        .mark_rule(color=style.INK, strokeWidth=1)
        .encode(alt.X("p50_pct:Q", **x)),
        alt.Chart(rows)
        .mark_bar(size=9, color=style.BAND)
        .encode(alt.X("p10_pct:Q", **x), alt.X2("p90_pct:Q"), row),
        alt.Chart(rows)
        .mark_tick(size=15, thickness=2.5, color=style.BLUE)
        .encode(alt.X("p50_pct:Q", **x), row),
        height=alt.Step(22),
    )
