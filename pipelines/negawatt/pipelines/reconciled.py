"""What a settlement needs to hold GPUs against the meter: their history, and the weather.

Here: from rows to values with their digests. Not here: the comparison
(negawatt.models.verification.reconciliation).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.roll_up import to_load_series
from negawatt.models.verification.reconciliation import (
    READING_HOLDS,
    RESIDUAL_LIMIT_RATIO,
    OutdoorReading,
    ReconciliationInputs,
)
from negawatt.pipelines.surroundings import interval_minutes_of
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw
from negawatt.warehouse.sites import Site
from negawatt.warehouse.weather_files import WEATHER

RECONCILIATION_TABLE = "core_site__reconciliation"
_ALL = "all GPUs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """GPUs beside the meter.

    Attributes:
        inputs: Their history and the weather; None where no GPU was ever measured.
        input_sha256: Digest of the rows, by table; a table without rows is left out, so that a
            site without GPUs has the statements that it had.
    """

    inputs: ReconciliationInputs | None
    input_sha256: Mapping[str, str]


def reconciled_of(
    layout: Layout, site_id: str, site: Site, rows: pl.DataFrame, window: Interval
) -> Reconciled:
    """Return what GPUs drew in a window, and how warm it was.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        site: What is registered of it.
        rows: Its rows of core_site__reconciliation that overlap the window.
        window: From the start of history to the end of the event.
    """
    if rows["gpu_kwh"].is_null().all():
        return Reconciled(inputs=None, input_sha256={})
    weather = _weather(layout, site_id, site, window)
    gpus = rows.select(
        "interval_start_utc",
        "interval_end_utc",
        "coverage_ratio",
        pl.lit(_ALL).alias("meter_id"),
        pl.col("gpu_kwh").alias("energy_kwh"),
        pl.lit("sum_of_gpus").alias("method"),
    )
    limit_ratio = site.reconciliation_limit_ratio
    inputs = ReconciliationInputs(
        gpu_load=to_load_series(gpus, interval_minutes_of(gpus), _ALL),
        outdoor=tuple(
            OutdoorReading(at_utc=at_utc, outdoor_c=outdoor_c)
            for at_utc, outdoor_c in weather.select(
                "observed_at_utc", "outdoor_temperature_c"
            ).iter_rows()
        ),
        limit_ratio=RESIDUAL_LIMIT_RATIO if limit_ratio is None else limit_ratio,
    )
    digests = {RECONCILIATION_TABLE: frame_digest(rows)}
    if not weather.is_empty():
        digests[WEATHER] = frame_digest(weather)
    return Reconciled(inputs=inputs, input_sha256=digests)


def _weather(layout: Layout, site_id: str, site: Site, window: Interval) -> pl.DataFrame:
    """Return the newest version of each known temperature of the site's station, oldest first.

    Of several stations none is taken where nobody named one.
    """
    since_utc = window.start_utc - READING_HOLDS
    rows = read_raw(layout, WEATHER, site_id, since_utc.date(), window.end_utc.date())
    if site.weather_station_id is not None:
        rows = rows.filter(pl.col("station_id") == site.weather_station_id)
    if rows["station_id"].n_unique() > 1:
        rows = rows.clear()
    newest = rows.sort("available_at_utc").unique("observed_at_utc", keep="last")
    return (
        newest.filter(
            pl.col("observed_at_utc").is_between(since_utc, window.end_utc),
            pl.col("outdoor_temperature_c").is_not_null(),
        )
        .drop("available_at_utc")
        .sort("observed_at_utc")
    )
