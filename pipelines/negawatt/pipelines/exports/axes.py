"""Where a chart's axes begin and end, and where names beside it stand.

Not here: what is drawn (charts.py, bar_charts.py).
"""

import math
from itertools import pairwise
from typing import Any, Final

import altair as alt
import polars as pl

PLAIN: Final = ",.10~g"
"""Numbers of an axis with grouped thousands and no exponent."""
CUT_BELOW_RATIO: Final = 0.15
"""Powers that span less than this share of the largest one would lie flat on an axis from zero."""


def power_domain(
    columns: list[pl.Series], more_kw: list[float], cut_below_ratio: float = CUT_BELOW_RATIO
) -> tuple[float, float]:
    """Return the ends of a power axis [kW]: from zero, unless all would then lie flat at the top.

    Args:
        columns: Powers that are drawn [kW].
        more_kw: Further ones [kW].
        cut_below_ratio: The axis is cut where the powers span less than this share of the largest.

    Examples:
        >>> power_domain([pl.Series([50.0, 100.0])], [])
        (0.0, 108.0)
        >>> power_domain([pl.Series([960.0, 1000.0])], [])
        (940.0, 1006.0)
    """
    low_kw, high_kw = extent([*columns, pl.Series(more_kw, dtype=pl.Float64)])
    reach_kw = high_kw - low_kw
    if low_kw < 0 or reach_kw >= cut_below_ratio * high_kw or not reach_kw:
        return min(low_kw, 0.0), high_kw * 1.08
    step_kw = 10.0 ** math.floor(math.log10(reach_kw))
    low_kw = math.floor((low_kw - 0.5 * reach_kw) / step_kw) * step_kw
    return low_kw, high_kw + 0.15 * reach_kw


def spread(wanted_px: list[float], gap_px: float, bottom_px: float) -> list[float]:
    """Return places at least a gap apart, as near to the wanted ones as going down once allows.

    Args:
        wanted_px: Wanted places, growing downward [px].
        gap_px: Least distance [px].
        bottom_px: Lowest place that is allowed [px].

    Examples:
        >>> spread([10.0, 12.0, 100.0], 20.0, 100.0)
        [10.0, 30.0, 100.0]
        >>> spread([95.0, 98.0], 20.0, 100.0)
        [80.0, 100.0]
    """
    order = sorted(range(len(wanted_px)), key=lambda position: wanted_px[position])
    places = list(wanted_px)
    for upper, lower in pairwise(order):
        places[lower] = max(places[lower], places[upper] + gap_px)
    floor_px = bottom_px
    for position in reversed(order):
        places[position] = min(places[position], floor_px)
        floor_px = places[position] - gap_px
    return places


def inline(rows: pl.DataFrame) -> alt.InlineData:
    """Return rows inside the chart; inline rows have no limit on their number.

    Altair copies what is a list or a dictionary with every change of a chart, and a tuple never.
    """
    return alt.InlineData(values=tuple(rows.to_dicts()))


def zero_based(columns: list[pl.Series]) -> tuple[float, float]:
    """Return the ends of an axis that holds zero, with room for text at the right."""
    low, high = extent([*columns, pl.Series([0.0])])
    reach = (high - low) or 1.0
    return (low - 0.05 * reach if low < 0 else 0.0), high + 0.2 * reach


def extent(columns: list[pl.Series]) -> tuple[Any, Any]:
    """Return the smallest and the largest known value; 0 and 1 where none is known."""
    known = [value for column in columns for value in column.drop_nulls()]
    return (min(known), max(known)) if known else (0.0, 1.0)
