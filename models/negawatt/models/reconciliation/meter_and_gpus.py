"""The site's meter beside the sum of its GPUs: a diagnostic, never a settlement quantity.

GPU telemetry attributes; money follows the meter. Here: the two side by side. Not here: why they
differ (overhead.py).
"""

from collections.abc import Iterable

import polars as pl

from negawatt.models.domain.units import J_PER_KWH
from negawatt.models.metering.roll_up import roll_up

_INTERVAL = ["site_id", "date", "interval_start_utc", "interval_end_utc"]


def reconcile(
    site_energy: pl.DataFrame, gpu_energy: Iterable[pl.DataFrame], *, meter_id: str, minutes: int
) -> pl.DataFrame:
    """Set the energy of a meter beside the energy of all GPUs, interval by interval.

    The GPUs' energy is NULL where that of any GPU of ``gpu_energy`` is NULL or missing: the sum of
    the others is not the energy of all. Coverage says how much of it was measured. GPUs are added
    in the order of their names, however they come.

    Args:
        site_energy: Rows of core_site__interval_energy.
        gpu_energy: Rows of core_gpu__interval_energy of the same site, or what
            ``for_reconciliation`` made of them, in parts that share no GPU; at least one, which may
            be empty.
        meter_id: The site's meter.
        minutes: Length of the intervals [min]; none of the input may be longer.

    Returns:
        Rows of core_site__reconciliation, one for each interval of the meter or the GPUs.
    """
    site = roll_up(site_energy.filter(pl.col.meter_id == meter_id), minutes)
    gpus = pl.concat([for_reconciliation(part, minutes) for part in gpu_energy])
    all_gpus = sum_of_gpus(gpus, "site_id").rename({"energy_kwh": "gpu_kwh"})
    metered = site.select(*_INTERVAL, pl.col.energy_kwh.alias("metered_kwh"))
    return (
        metered.join(all_gpus, on=_INTERVAL, how="full", coalesce=True)
        .select(*_INTERVAL, "metered_kwh", "gpu_kwh", pl.col.coverage_ratio.fill_null(0.0))
        .sort(_INTERVAL)
    )


def sum_of_gpus(gpus: pl.DataFrame, owner: str) -> pl.DataFrame:
    """Add up the GPUs of each owner, in the order of their names, however they come.

    Args:
        gpus: What ``for_reconciliation`` made, of whole days.
        owner: ``site_id`` or ``node_id``.

    Returns:
        Owner, interval, energy_kwh, coverage_ratio. The energy is NULL where that of any GPU that
        the owner has in ``gpus`` is NULL or missing.
    """
    by = list(dict.fromkeys([owner, *_INTERVAL]))
    is_whole = (pl.col.energy_j.list.len() == pl.col.gpu_count) & (pl.col.unknown_count == 0)
    # Sums of lists: a list is added in its order, whatever the number of threads.
    return (
        gpus.with_columns(pl.col.gpu_uuid.n_unique().over(owner).alias("gpu_count"))
        .sort("gpu_uuid")
        .group_by(by, maintain_order=True)
        .agg(
            "energy_j",
            "coverage_ratio",
            pl.col.energy_j.null_count().alias("unknown_count"),
            pl.col.gpu_count.first(),
        )
        .select(
            *by,
            pl.when(is_whole).then(pl.col.energy_j.list.sum() / J_PER_KWH).alias("energy_kwh"),
            (pl.col.coverage_ratio.list.sum() / pl.col.gpu_count).clip(0, 1),
        )
    )


def for_reconciliation(gpu_energy: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Return what ``reconcile`` needs of some GPUs: their energies over its intervals.

    Args:
        gpu_energy: Rows of core_gpu__interval_energy, or what this function made of them.
        minutes: Length of the intervals [min].
    """
    columns = ["node_id", "gpu_uuid", *_INTERVAL, "energy_j", "coverage_ratio"]
    length = pl.col("interval_end_utc") - pl.col("interval_start_utc")
    if gpu_energy.select((length == pl.duration(minutes=minutes)).all()).item():
        return gpu_energy.select(columns)
    return roll_up(gpu_energy.select(columns), minutes)
