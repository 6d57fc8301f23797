"""What stands around a settlement meter: the operator's other sites, generation and storage.

Here: from rows of metered load to the context of a verification. Not here: the load at the
settlement meter itself (settlement.py), and what follows from any of it
(negawatt.models.verification).
"""

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from negawatt.models.domain.event import Event
from negawatt.models.metering.it_load import it_load, node_loads
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.metering.roll_up import to_load_series
from negawatt.models.verification.context import Context, DeclaredSite, OnSiteKind, OnSiteMeter
from negawatt.models.verification.reconciliation import ReconciliationInputs
from negawatt.pipelines.told import Told
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, read_site


def other_settlement_meters(layout: Layout, site: Site) -> dict[str, str]:
    """Return the settlement meter of each site that the operator declared beside this one.

    Raises:
        ConfigurationError: A declared site is not registered.
    """
    return {
        site_id: read_site(layout, site_id).settlement_meter_id
        for site_id in sorted(site.other_sites or ())
    }


def meters_of(meters: Mapping[str, str]) -> pl.Expr:
    """Return which rows are of a meter at its site."""
    return pl.any_horizontal(
        pl.lit(value=False),
        *(
            (pl.col("site_id") == site_id) & (pl.col("meter_id") == meter_id)
            for site_id, meter_id in meters.items()
        ),
    )


def context_of(
    site: Site,
    others: Mapping[str, str],
    rows: pl.DataFrame,
    event: Event,
    *,
    gpus: pl.DataFrame,
    told: Told,
    reconciliation: ReconciliationInputs | None = None,
) -> Context:
    """Return what a verification looks at beside the load of the site.

    Args:
        site: The site's facts.
        others: Settlement meter of each declared other site.
        rows: Metered load of all of them and of the meters behind the site's own.
        event: The event.
        gpus: Rows of core_gpu__interval_energy around it.
        told: What the operator told of it.
        reconciliation: What GPUs drew before and in the event.
    """
    site_id = event.site_id
    return Context(
        commitment_tolerance_kw=site.commitment_tolerance_kw,
        limit_tolerance_kw=site.limit_tolerance_kw,
        counts_on_site=site.counts_on_site,
        on_site=None
        if site.on_site_meters is None
        else tuple(
            OnSiteMeter(
                meter_id=meter_id,
                kind=OnSiteKind(kind),
                output=_measured(rows, site_id, meter_id),
            )
            for meter_id, kind in sorted(site.on_site_meters.items())
        ),
        other_sites=None
        if site.other_sites is None
        else tuple(
            DeclaredSite(site_id=other_id, load=_measured(rows, other_id, meter_id))
            for other_id, meter_id in sorted(others.items())
        ),
        actions=told.actions,
        performance=told.performance,
        it_load=it_load(gpus),
        node_loads=node_loads(gpus),
        estimate=told.estimate,
        reconciliation=reconciliation,
    )


def interval_minutes_of(rows: pl.DataFrame) -> int:
    """Return the longest interval of rows, of which there is at least one [min]."""
    longest = (rows["interval_end_utc"] - rows["interval_start_utc"]).max()
    assert isinstance(longest, timedelta)  # there is a row  # noqa: S101
    return longest // timedelta(minutes=1)


def _measured(rows: pl.DataFrame, site_id: str, meter_id: str) -> LoadSeries | None:
    own = rows.filter(pl.col("site_id") == site_id, pl.col("meter_id") == meter_id)
    return None if own.is_empty() else to_load_series(own, interval_minutes_of(own), meter_id)
