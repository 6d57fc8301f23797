"""The site's meter beside the sum of its GPUs: a diagnostic, never a settlement quantity.

GPU telemetry attributes; money follows the meter. Here: the two side by side. Not here: why they
differ (overhead.py).
"""

from collections.abc import Iterable

import polars as pl

from negawatt.models.domain.units import J_PER_KWH
from negawatt.models.metering.roll_up import roll_up


def reconcile(
    site_energy: pl.DataFrame, gpu_energy: Iterable[pl.DataFrame], *, meter_id: str, minutes: int
) -> pl.DataFrame:
    """Set the energy of a meter beside the energy of all GPUs, interval by interval.

    The GPUs' energy is NULL where that of any GPU of ``gpu_energy`` is NULL or missing: the sum of
    the others is not the energy of all. Coverage says how much of it was measured. GPUs are added
    in the order of their names, however they come.

    Args:
        site_energy: Rows of core_site__interval_energy.
        gpu_energy: Rows of core_gpu__interval_energy of the same site, in parts that share no GPU;
            at least one, which may be empty.
        meter_id: The site's meter.
        minutes: Length of the intervals [min]; none of the input may be longer.

    Returns:
        Rows of core_site__reconciliation, one for each interval of the meter or the GPUs.
    """
    interval = ["site_id", "date", "interval_start_utc", "interval_end_utc"]
    site = roll_up(site_energy.filter(pl.col.meter_id == meter_id), minutes)
    of_gpu = ["gpu_uuid", *interval, "energy_j", "coverage_ratio", "method"]
    gpus = pl.concat([roll_up(part.select(of_gpu), minutes) for part in gpu_energy])
    n_gpus = max(gpus["gpu_uuid"].n_unique(), 1)
    is_whole = (pl.col.energy_j.list.len() == n_gpus) & (pl.col.unknown_count == 0)
    # Sums of lists: a list is added in its order, whatever the number of threads.
    all_gpus = (
        gpus.sort("gpu_uuid")
        .group_by(interval, maintain_order=True)
        .agg(
            "energy_j",
            "coverage_ratio",
            pl.col.energy_j.null_count().alias("unknown_count"),
        )
        .select(
            *interval,
            pl.when(is_whole).then(pl.col.energy_j.list.sum() / J_PER_KWH).alias("gpu_kwh"),
            (pl.col.coverage_ratio.list.sum() / n_gpus).clip(0, 1),
        )
    )
    metered = site.select(*interval, pl.col.energy_kwh.alias("metered_kwh"))
    return (
        metered.join(all_gpus, on=interval, how="full", coalesce=True)
        .select(*interval, "metered_kwh", "gpu_kwh", pl.col.coverage_ratio.fill_null(0.0))
        .sort(interval)
    )
