"""Prices as they are known: the newest version of each interval of a series.

Not here: reading price files (price_files.py), and joining prices to an event
(negawatt.models.settlement).
"""

from datetime import timedelta

import polars as pl

from negawatt.models.domain.interval import Interval
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES
from negawatt.warehouse.raw_files import read_raw

_LONGEST = timedelta(days=1)


def prices_in(layout: Layout, series_id: str, window: Interval) -> pl.DataFrame:
    """Return the prices of a series that reach into a window, oldest first.

    Of several versions of an interval the newest counts, also where it says that there is none.

    Args:
        layout: Where the warehouse lies.
        series_id: The series.
        window: The span of time; price intervals are at most a day long.
    """
    rows = read_raw(
        layout,
        PRICES,
        PRICE_FOLDER,
        (window.start_utc - _LONGEST).date(),
        window.end_utc.date(),
        (pl.col("series_id") == series_id)
        & (pl.col("interval_start_utc") < window.end_utc)
        & (pl.col("interval_end_utc") > window.start_utc),
    )
    newest = rows.sort("available_at_utc").unique("interval_start_utc", keep="last")
    return newest.drop("available_at_utc").sort("interval_start_utc")
