"""The site's meter beside the sum of its GPUs: a diagnostic, never a settlement quantity.

GPU telemetry attributes; money follows the meter. Here: the two side by side, and a straight line
between them. Not here: why they differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.units import J_PER_KWH
from negawatt.models.metering.roll_up import roll_up

MIN_POINTS = 3  # a line through two points fits them always, and says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteGain:
    """A straight line from GPU power to site power.

    Attributes:
        intercept_kw: Site power when the GPUs draw none [kW].
        gain_factor: Site power for each unit of GPU power.
        rrmse_ratio: Root of the mean square residual, as a share of the mean site power.
        n: Pairs that the line was fitted to.
    """

    intercept_kw: float
    gain_factor: float
    rrmse_ratio: float
    n: int


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


def fit_site_gain(gpu_kw: NDArray[np.float64], site_kw: NDArray[np.float64]) -> SiteGain:
    r"""Fit site power as a straight line of GPU power, by least squares.

    .. math:: P_\text{site} = a + g \, P_\text{GPU}

    A diagnostic: a gain far from what losses and cooling explain, or a large residual, says that
    GPUs are missing or that the meter sees something else. Never used in settlement.

    Args:
        gpu_kw: Power of all GPUs [kW], shape (n,); NaN where not known.
        site_kw: Power at the site's meter in the same intervals [kW], shape (n,).

    Returns:
        The line, and how well it fits.

    Raises:
        InsufficientHistoryError: Fewer than 3 pairs are known.
        DataRefusedError: The GPUs drew the same in all of them.
        ValueError: The arrays have different shapes.
    """
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 - costs 1.9 s to import

    if gpu_kw.shape != site_kw.shape:
        raise ValueError(f"arrays must have one shape, got {gpu_kw.shape} and {site_kw.shape}")
    is_known = ~(np.isnan(gpu_kw) | np.isnan(site_kw))
    gpu_kw, site_kw = gpu_kw[is_known], site_kw[is_known]
    if len(gpu_kw) < MIN_POINTS:
        raise InsufficientHistoryError(
            rule_id="site gain",
            required_count=MIN_POINTS,
            found_count=len(gpu_kw),
            unit="intervals in which both powers are known",
            remedy="reconcile a longer span",
        )
    if np.ptp(gpu_kw) == 0:
        raise DataRefusedError(
            thing="site gain",
            expected="GPU power that varies",
            found=f"{gpu_kw[0]:g} kW in all {len(gpu_kw)} intervals",
            remedy="reconcile a span in which the load changed",
        )
    line = LinearRegression().fit(gpu_kw[:, np.newaxis], site_kw)
    residual_kw = site_kw - line.predict(gpu_kw[:, np.newaxis])
    return SiteGain(
        intercept_kw=float(line.intercept_),
        gain_factor=float(line.coef_[0]),
        rrmse_ratio=float(np.sqrt(np.mean(residual_kw**2)) / np.mean(site_kw)),
        n=len(gpu_kw),
    )
