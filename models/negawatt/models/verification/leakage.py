"""Whether load rose at the operator's other sites while this one reduced.

Each declared site is compared with its own baseline, by the same rule on the same hours. Not here:
whether that was meant (screening), and any settled figure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import DeclaredSite

LIMIT_RATIO: Final = 0.05
"""A rise elsewhere above this share of the reduction is called one."""


class LeakageOutcome(StrEnum):
    """What is known of load elsewhere."""

    ROSE = "rose elsewhere"
    NOT_SEEN = "no rise elsewhere"
    NOT_COMPUTABLE = "not computable"
    NOT_DECLARED = "not declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRise:
    """One declared site in the event.

    Attributes:
        site_id: The site.
        baseline_kwh: What it would have used by the same rule [kWh], None where not computable.
        metered_kwh: What it used [kWh], None where not known.
        rise_kwh: Used less baseline [kWh]; negative where it used less.
        note: Why a figure is missing.
    """

    site_id: str
    baseline_kwh: float | None
    metered_kwh: float | None
    rise_kwh: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """All declared sites in the event.

    Attributes:
        outcome: In one word.
        sites: Each declared site, by name.
        rise_kwh: Their rises added up [kWh]; None unless every one is known.
        rise_ratio: The same as share of the reduction; None where that is not above zero.
    """

    outcome: LeakageOutcome
    sites: tuple[SiteRise, ...] = ()
    rise_kwh: float | None = None
    rise_ratio: float | None = None


def leakage_of(
    reduction_kwh: float | None,
    declared: tuple[DeclaredSite, ...] | None,
    baseline_of: Callable[[LoadSeries], BaselineResult],
    *,
    limit_ratio: float = LIMIT_RATIO,
) -> Leakage:
    r"""Compare each declared site with its own baseline in the event.

    .. math:: \lambda = \frac{\sum_s (E_s - B_s)}{R}

    Sites are added with their signs: work that only moved between two of the others leaked nothing.

    Args:
        reduction_kwh: The settled reduction R [kWh], None where not known.
        declared: The operator's other sites; None where nobody declared any.
        baseline_of: Computes the event's baseline B of a load by the settled rule, or raises
            DataRefusedError.
        limit_ratio: Share of the reduction above which a rise is called one.
    """
    if declared is None:
        return Leakage(outcome=LeakageOutcome.NOT_DECLARED)
    sites = tuple(
        _rise(site, baseline_of) for site in sorted(declared, key=lambda site: site.site_id)
    )
    rises_kwh = [site.rise_kwh for site in sites if site.rise_kwh is not None]
    if len(rises_kwh) < len(sites) or reduction_kwh is None or not reduction_kwh > 0:
        return Leakage(outcome=LeakageOutcome.NOT_COMPUTABLE, sites=sites)
    rise_kwh = math.fsum(rises_kwh)
    rose = rise_kwh > limit_ratio * reduction_kwh
    return Leakage(
        outcome=LeakageOutcome.ROSE if rose else LeakageOutcome.NOT_SEEN,
        sites=sites,
        rise_kwh=rise_kwh,
        rise_ratio=rise_kwh / reduction_kwh,
    )


def _rise(site: DeclaredSite, baseline_of: Callable[[LoadSeries], BaselineResult]) -> SiteRise:
    if site.load is None:
        return _not_known(site, "declared, and not measured")
    try:
        result = baseline_of(site.load)
    except DataRefusedError as error:
        return _not_known(site, str(error))
    if np.isnan(result.reduction_kwh).any():
        return _not_known(site, "energy or baseline of an interval is not known")
    return SiteRise(
        site_id=site.site_id,
        baseline_kwh=math.fsum(result.adjusted_baseline_kwh),
        metered_kwh=math.fsum(result.metered_kwh),
        rise_kwh=-math.fsum(result.reduction_kwh),
    )


def _not_known(site: DeclaredSite, note: str) -> SiteRise:
    return SiteRise(
        site_id=site.site_id, baseline_kwh=None, metered_kwh=None, rise_kwh=None, note=note
    )
