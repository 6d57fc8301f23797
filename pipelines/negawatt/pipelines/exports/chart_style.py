"""How every chart looks, and its way to SVG: no browser, no network, the same bytes each time.

Colors are from the palette of Okabe and Ito (2008), told apart by color-blind readers; in gray
print, dashes and shapes tell them apart. Not here: what the charts show (charts.py).
"""

import html
from typing import Any, Final

import altair as alt
import vl_convert as vlc

from negawatt.pipelines.exports.words import visible

INK: Final = "#1a1a1a"
FAINT: Final = "#6b6b6b"
GRID: Final = "#e3e3e3"
BLUE: Final = "#0072b2"
SKY: Final = "#56b4e9"
VERMILLION: Final = "#b84a00"
SHADE: Final = "#ececec"
RAMP_SHADE: Final = "#f6f6f6"
BAND: Final = "#b9d9ee"
WIDTH: Final = 590
FONT: Final = "Arial, Liberation Sans, Helvetica, sans-serif"
TEXT_SIZE: Final = 12


def styled(*layers: alt.Chart, width: int = WIDTH, height: int | alt.Step) -> alt.LayerChart:
    """Return layers as one chart in the house's look."""
    # Given at once: every method of a chart copies the whole of it.
    return alt.LayerChart(
        layer=layers,
        width=width,
        height=height,
        background="white",
        config=alt.Config(
            aria=False,
            font=FONT,
            # Text is measured with one font and shown in what a machine has, which may be wider.
            padding={"left": 22, "right": 26, "top": 4, "bottom": 4},
            view=alt.ViewConfig(stroke=None),
            axis=alt.AxisConfig(
                labelColor=INK,
                titleColor=INK,
                labelFontSize=TEXT_SIZE,
                titleFontSize=TEXT_SIZE,
                titleFontWeight="normal",
                gridColor=GRID,
                domainColor=FAINT,
                tickColor=FAINT,
                labelOverlap=True,
            ),
            text=alt.MarkConfig(fontSize=TEXT_SIZE, color=INK),
        ),
    )


def label(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - mark properties as Altair takes them
    """Return the properties of a text mark."""
    return {"font": FONT, "fontSize": TEXT_SIZE, "align": "left", **options}


def to_svg(chart: alt.LayerChart, alt_text: str) -> str:
    """Return a chart as an SVG element with a text for those who cannot see it.

    The chart is not held against Vega-Lite's schema here: that takes longer than drawing it. The
    tests do it for every chart.
    """
    svg = vlc.vegalite_to_svg(chart.to_dict(validate=False))
    opening = f'<svg role="img" aria-label="{html.escape(visible(alt_text), quote=True)}" '
    return opening + svg.removeprefix("<svg ")
