"""The charts of a report that show a course: of power over time, and of days.

Pure functions from frames (chart_rows.py) to Altair charts. Lines are named where they are; points
differ in shape as well as color. Not here: bars (bar_charts.py), colors and fonts (chart_style.py).
"""

from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import polars as pl

from negawatt.models.baselines.result import DayUse
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import PLAIN, extent, inline, power_domain, spread

HEIGHT: Final = 300
SUMMARY_HEIGHT: Final = 190
_LABEL_GAP_PX: Final = 32
_X_SHAPE: Final = "M-0.8,-0.8L0.8,0.8M0.8,-0.8L-0.8,0.8"
_CUT_POINTS_BELOW_RATIO: Final = 0.5
"""As CUT_BELOW_RATIO, for points: they have no length that a cut axis could falsify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A power that is named beside the chart.

    Attributes:
        name: What it is.
        text: The power in words.
        power_kw: The power [kW].
        from_ms: Where on the time axis its line ends and a thin leader begins.
        color: Color of line and name.
    """

    name: str
    text: str
    power_kw: float
    from_ms: int
    color: str


def event_chart(
    power: pl.DataFrame,
    baseline: pl.DataFrame,
    spans: pl.DataFrame,
    levels: list[Level],
    *,
    time_title: str,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """Draw metered power, adjusted baseline with its band, the limit, the event and its ramp.

    Args:
        power: From ``power_rows``.
        baseline: From ``baseline_rows``.
        spans: Columns start_ms, end_ms, kind: ``event`` and ``ramp``.
        levels: What is named at the right; one named ``Limit`` is drawn over the event.
        time_title: Title of the time axis, with the offset from UTC.
        height: Height of the axes [px].
    """
    first_ms, last_ms = extent([power["time_ms"], spans["start_ms"], spans["end_ms"]])
    low_kw, high_kw = power_domain(
        [power["power_kw"], *baseline.drop("time_ms").iter_columns()],
        [level.power_kw for level in levels],
    )
    cut = f" (axis starts at {low_kw:,.0f} kW, not at zero)" if low_kw > 0 else ""
    time = alt.X(
        "time_ms:T",
        title=time_title,
        scale=alt.Scale(type="utc", domain=[first_ms, last_ms], nice=False),
        axis=alt.Axis(format="%H:%M", grid=False, tickCount=8, labelFlush=False),
    )
    kw: dict[str, Any] = {
        "scale": alt.Scale(domain=[low_kw, high_kw], nice=False, zero=False),
        "axis": alt.Axis(title=f"Power [kW]{cut}", format=PLAIN, tickCount=6),
    }
    return style.styled(
        *_shade(spans, first_ms, last_ms),
        alt.Chart(inline(baseline.drop_nulls()))
        .mark_area(interpolate="step-after", color=style.BAND, opacity=1)
        .encode(time, alt.Y("lower_kw:Q", **kw), alt.Y2("upper_kw:Q")),
        *_limit(levels, spans, kw),
        alt.Chart(inline(power))
        .mark_line(interpolate="step-after", color=style.INK, strokeWidth=1.3)
        .encode(time, alt.Y("power_kw:Q", **kw)),
        alt.Chart(inline(baseline))
        .mark_line(interpolate="step-after", color=style.BLUE, strokeWidth=2.5, strokeDash=[7, 3])
        .encode(time, alt.Y("baseline_kw:Q", **kw)),
        *_named(levels, last_ms, (low_kw, high_kw), kw, height),
        height=height,
    )


def days_chart(days: pl.DataFrame, baseline_kw: float, baseline_text: str) -> alt.LayerChart:
    """Draw the mean power of each candidate day over the event's hours, by what became of it."""
    low_kw, high_kw = power_domain([days["power_kw"]], [baseline_kw], _CUT_POINTS_BELOW_RATIO)
    cut = f", axis from {low_kw:,.0f} kW" if low_kw > 0 else ""
    kw: dict[str, Any] = {
        "scale": alt.Scale(domain=[low_kw, high_kw], nice=False, zero=False),
        "axis": alt.Axis(title=f"Mean power [kW]{cut}", format=PLAIN, tickCount=5),
    }
    used = set(days["use"])
    shown = [use.value for use in DayUse if use.value in used]
    shapes = {"selected": "circle", "considered": "square", "dropped": _X_SHAPE}
    legend = alt.Legend(title=None, orient="top", labelFontSize=style.TEXT_SIZE, symbolSize=90)
    colors = {"selected": style.BLUE, "considered": style.FAINT, "dropped": style.VERMILLION}
    return style.styled(
        alt.Chart(inline(pl.DataFrame({"power_kw": [baseline_kw]})))
        .mark_rule(color=style.BLUE, strokeDash=[7, 3], strokeWidth=2)
        .encode(alt.Y("power_kw:Q", **kw)),
        alt.Chart(inline(pl.DataFrame({"power_kw": [baseline_kw]})))
        .mark_text(**style.label(color=style.BLUE, lineBreak="\n"))
        .encode(
            alt.Y("power_kw:Q", **kw),
            x=alt.XValue(style.WIDTH + 8),
            text=alt.TextValue(baseline_text),
        ),
        alt.Chart(inline(days))
        .mark_point(size=90, strokeWidth=2.2, filled=False, opacity=1)
        .encode(
            alt.X("day:O", sort=None, axis=alt.Axis(title=None, labelAngle=-45, grid=True)),
            alt.Y("power_kw:Q", **kw),
            shape=alt.Shape(
                "use:N",
                scale=alt.Scale(domain=shown, range=[shapes[use] for use in shown]),
                legend=legend,
            ),
            color=alt.Color(
                "use:N",
                scale=alt.Scale(domain=shown, range=[colors[use] for use in shown]),
                legend=legend,
            ),
        ),
        height=240,
    )


def _shade(spans: pl.DataFrame, first_ms: int, last_ms: int) -> list[alt.Chart]:
    """Return the shaded event and ramp, with lines and words that also stand in a gray print."""
    scale = alt.Scale(type="utc", domain=[first_ms, last_ms], nice=False)
    event = spans.filter(pl.col.kind == "event")
    ramp = spans.filter(pl.col.kind == "ramp")
    before = [(start_ms, "ramp") for start_ms in ramp["start_ms"]]
    before.append((event["end_ms"][0], "end"))
    after = [(event["start_ms"][0], "start")]
    return [
        alt.Chart(inline(spans))
        .mark_rect(opacity=1)
        .encode(
            alt.X("start_ms:T", scale=scale),
            alt.X2("end_ms:T"),
            color=alt.ColorValue(
                style.RAMP_SHADE, condition={"test": "datum.kind == 'event'", "value": style.SHADE}
            ),
        ),
        *(
            mark
            for rows, align, dx_px in ((before, "right", -3), (after, "left", 3))
            for mark in _edges(rows, scale, align=align, dx_px=dx_px)
        ),
    ]


def _edges(
    rows: list[tuple[int, str]], scale: alt.Scale, *, align: str, dx_px: int
) -> list[alt.Chart]:
    """Return dotted lines at instants, each with its word on one side of it."""
    edges = alt.Chart(inline(pl.DataFrame(rows, schema=["start_ms", "mark"], orient="row")))
    x = alt.X("start_ms:T", scale=scale)
    return [
        edges.mark_rule(color=style.FAINT, strokeWidth=1, strokeDash=[1, 2]).encode(x),
        edges.mark_text(**style.label(color=style.FAINT, align=align, dx=dx_px)).encode(
            x, alt.Text("mark:N"), y=alt.YValue(6)
        ),
    ]


def _limit(levels: list[Level], spans: pl.DataFrame, kw: dict[str, Any]) -> list[alt.Chart]:
    event = spans.filter(pl.col.kind == "event")
    return [
        alt.Chart(inline(event.with_columns(power_kw=pl.lit(level.power_kw))))
        .mark_rule(color=level.color, strokeWidth=2, strokeDash=[2, 2])
        .encode(alt.X("start_ms:T"), alt.X2("end_ms:T"), alt.Y("power_kw:Q", **kw))
        for level in levels
        if level.name == "Limit"
    ]


def _named(
    levels: list[Level],
    last_ms: int,
    domain_kw: tuple[float, float],
    kw: dict[str, Any],
    height: int,
) -> list[alt.Chart]:
    """Return leaders from the ends of lines to the right edge, and the names beside it."""
    low_kw, high_kw = domain_kw
    px_per_kw = height / (high_kw - low_kw)
    wanted = [(high_kw - level.power_kw) * px_per_kw for level in levels]
    places = spread(wanted, _LABEL_GAP_PX, height)
    leaders = pl.DataFrame(
        [(level.from_ms, last_ms, level.power_kw) for level in levels],
        schema=["start_ms", "end_ms", "power_kw"],
        orient="row",
    )
    return [
        alt.Chart(inline(leaders.filter(pl.col.start_ms < pl.col.end_ms)))
        .mark_rule(color=style.FAINT, strokeWidth=0.7, strokeDash=[1, 3])
        .encode(alt.X("start_ms:T"), alt.X2("end_ms:T"), alt.Y("power_kw:Q", **kw)),
        *(
            alt.Chart(inline(pl.DataFrame({"text": [f"{level.name}\n{level.text}"]})))
            .mark_text(**style.label(color=level.color, lineBreak="\n", baseline="middle", dy=-7))
            .encode(
                alt.Text("text:N"),
                x=alt.XValue(style.WIDTH + 8),
                y=alt.YValue(place_px),
            )
            for level, place_px in zip(levels, places, strict=True)
        ),
    ]
