"""The baseline of several sites together: the sum of their baselines, or that of their sum.

The two differ wherever the days, the ratio or the cap do. Not here: one site (engine.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from negawatt.models.baselines.result import Adjustment, BaselineResult
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.metering.load_series import LoadSeries


def portfolio_baseline(
    rule: BaselineRule,
    loads: Sequence[LoadSeries],
    compute: Callable[[LoadSeries], BaselineResult],
) -> BaselineResult:
    """Return the baseline of a portfolio, as the rule says.

    Args:
        rule: The rule; it states its ``aggregation`` where there is more than one site.
        loads: The sites' loads.
        compute: The baseline of one load, for example ``compute_baseline`` with its event.

    Raises:
        ConfigurationError: The rule does not say what a portfolio's baseline is.
        DataRefusedError: Loads that are to be summed are not on one grid.

    Source: Christensen Associates, baseline studies of California aggregator programs, 2012 and
    2013, compare the two.
    """
    if len(loads) == 1:
        return compute(loads[0])
    if rule.aggregation is None:
        raise ConfigurationError(
            thing=f"rule {rule.rule_id!r}",
            expected="what the baseline of several sites is",
            found="no aggregation",
            remedy="state it: --set aggregation=sum_of_site_baselines or baseline_of_summed_load",
        )
    if rule.aggregation == "baseline_of_summed_load":
        return compute(_summed(loads))
    return _sum_of([compute(load) for load in loads])


def _summed(loads: Sequence[LoadSeries]) -> LoadSeries:
    """Return the load of all sites together where all are known."""
    grids = {(load.start_utc, load.interval_minutes, len(load.energy_kwh)) for load in loads}
    if len(grids) > 1:
        raise DataRefusedError(
            thing=f"loads of {', '.join(load.meter_id for load in loads)}",
            expected="one start, interval and length, to be summed",
            found="; ".join(f"{n} x {minutes} min from {start}" for start, minutes, n in grids),
            remedy="bring the files to one grid",
        )
    return replace(
        loads[0],
        meter_id="+".join(load.meter_id for load in loads),
        energy_kwh=np.sum([load.energy_kwh for load in loads], axis=0),
        coverage_ratio=np.min([load.coverage_ratio for load in loads], axis=0),
    )


def _sum_of(results: Sequence[BaselineResult]) -> BaselineResult:
    """Return the sum; days and adjustments are each site's own and are not listed."""
    return replace(
        results[0],
        meter_id="+".join(result.meter_id for result in results),
        baseline_kwh=np.sum([result.baseline_kwh for result in results], axis=0),
        adjusted_baseline_kwh=np.sum([r.adjusted_baseline_kwh for r in results], axis=0),
        metered_kwh=np.sum([result.metered_kwh for result in results], axis=0),
        days=(),
        adjustment=Adjustment(kind="none", note="each site has its own; see its baseline alone"),
        findings=tuple(finding for result in results for finding in result.findings),
        steps=(),
        tables=(),
    )
