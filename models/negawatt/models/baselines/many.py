"""One rule on many meters and many windows: the engine's results without its derivations.

Here: which cells the tables of vectorized.py can compute, and the engine for all others. Not here:
the arithmetic (vectorized.py), errors of placebo days (negawatt.models.backtest).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.many_plan import Plan, plans_of
from negawatt.models.baselines.meter_days import tables_of
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.baselines.vectorized import adjusted_x_of_y
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ManyBaselines:
    """Baselines of many meters and windows under one rule.

    All arrays have shape (n_loads, n_windows, n), one value per interval of a window.

    Attributes:
        baseline_kwh: Unadjusted baseline [kWh]; NaN where it is not computable.
        adjusted_baseline_kwh: Adjusted baseline [kWh]; NaN where it is not computable.
        metered_kwh: Metered energy [kWh]; NaN where it is not known.
        refused: Why there is no baseline, by load and window.
        engine_count: Cells that the engine computed one by one.
    """

    baseline_kwh: NDArray[np.float64]
    adjusted_baseline_kwh: NDArray[np.float64]
    metered_kwh: NDArray[np.float64]
    refused: Mapping[tuple[int, int], str]
    engine_count: int


def many_baselines(
    rule: BaselineRule,
    loads: Sequence[LoadSeries],
    windows: Sequence[Interval],
    *,
    other_event_windows: Sequence[Interval] = (),
    notified_ahead: timedelta | None = None,
    sites: Sequence[SiteInputs] | None = None,
) -> ManyBaselines:
    """Return what every site would have used in every window, each as if it were the only event.

    Equal to ``compute_baseline`` of each load and window up to the order of sums (1e-12).

    Args:
        rule: The program's rule.
        loads: Load of each meter.
        windows: Windows of equal length on the rule's interval grid.
        other_event_windows: Events of the sites, which are no ordinary days for any window.
        notified_ahead: How long before each window the sites were notified.
        sites: What else is known of each site.

    Raises:
        ValueError: Windows of different length, or another number of sites than of loads.
    """
    lengths = {window.end_utc - window.start_utc for window in windows}
    sites = [SiteInputs()] * len(loads) if sites is None else sites
    if len(lengths) != 1 or len(sites) != len(loads):
        raise ValueError(
            "windows must be some and of equal length, and sites as many as loads, got lengths "
            f"{sorted(map(str, lengths))}, {len(sites)} sites, {len(loads)} loads"
        )
    n = lengths.pop() // timedelta(minutes=rule.interval_minutes)
    found = np.full((3, n, len(loads) * len(windows)), np.nan)
    done: set[int] = set()
    if all(rule.interval_minutes % load.interval_minutes == 0 for load in loads):
        is_plain = [not _drops_days(site) for site in sites]
        for plan in plans_of(rule, windows, other_event_windows, notified_ahead):
            if plan.in_tables.any():
                done |= _from_tables(plan, loads, is_plain, found)
    refused: dict[tuple[int, int], str] = {}
    cells = [(load, window) for load in range(len(loads)) for window in range(len(windows))]
    for cell, (i, j) in enumerate(cells):
        if cell in done:
            continue
        start_utc = windows[j].start_utc
        try:
            result = compute_baseline(
                rule,
                loads[i],
                windows[j],
                other_event_windows=other_event_windows,
                notified_at_utc=None if notified_ahead is None else start_utc - notified_ahead,
                site=sites[i],
            )
        except DataRefusedError as error:
            refused[i, j] = str(error)
            continue
        found[0, :, cell] = result.baseline_kwh
        found[1, :, cell] = result.adjusted_baseline_kwh
        found[2, :, cell] = result.metered_kwh
    shape = (len(loads), len(windows), n)
    baseline_kwh, adjusted_kwh, metered_kwh = (table.T.reshape(shape) for table in found)
    return ManyBaselines(
        baseline_kwh=baseline_kwh,
        adjusted_baseline_kwh=adjusted_kwh,
        metered_kwh=metered_kwh,
        refused=refused,
        engine_count=len(cells) - len(done),
    )


def _from_tables(
    plan: Plan,
    loads: Sequence[LoadSeries],
    is_plain: Sequence[bool],
    found: NDArray[np.float64],
) -> set[int]:
    """Fill the cells that tables can compute, and return which they are."""
    tables = tables_of(plan, loads, is_plain)
    done: set[int] = set()
    for group in tables.groups:
        baseline_kwh, adjusted_kwh = adjusted_x_of_y(
            tables.days,
            group.considered,
            group.event_rows,
            selected_count=group.day_type.selected_count,
            rank=plan.rank,
            adjustment=plan.rule.adjustment,
            per_h=plan.per_h,
        )
        if plan.rule.baseline_floor_kw is not None:
            adjusted_kwh = np.maximum(adjusted_kwh, plan.rule.baseline_floor_kw / plan.per_h)
        if plan.rule.baseline_ceiling_kw is not None:
            adjusted_kwh = np.minimum(adjusted_kwh, plan.rule.baseline_ceiling_kw / plan.per_h)
        found[0][:, group.cells] = baseline_kwh
        found[1][:, group.cells] = adjusted_kwh
        found[2][:, group.cells] = tables.days.event_kwh[:, group.event_rows]
        done.update(group.cells.tolist())
    return done


def _drops_days(site: SiteInputs) -> bool:
    return bool(
        site.outage_days
        or site.shutdown_days
        or site.other_program_windows
        or site.undispatched_windows
    )
