"""The second study of the page: seventy meters, sixty random days.

Not here: the protocol (build.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from meters import CALENDAR, DATES, LAST_TEST, meter_loads
from numpy.typing import NDArray

from negawatt.models.backtest.accuracy import accuracy
from negawatt.models.backtest.placebos import is_business_day
from negawatt.models.baselines.many import ManyBaselines, many_baselines
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.interval import Interval

MISSING_RATIO_MAX = 0.02
FLAT_METERS = (33, 40, 64, 96, 58, 2, 105)
IN_UTC = ("settlement_clock.tz=UTC", f"holiday_calendar={CALENDAR}")
STUDY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "10 of 10, adjusted": (
        "caiso_10_in_10",
        ("adjustment.pre.start_h=-4", "adjustment.pre.end_h=-2"),
    ),
    "10 of 10, unadjusted": ("caiso_10_in_10", ("adjustment.type=none",)),
    "high 5 of 10, unadjusted": (
        "pjm_economic_3day",
        ("day_types.weekday.X=5", "day_types.weekday.Y=10", "adjustment.type=none"),
    ),
}
DRAWS = 20
DAYS_PER_DRAW = 60
FIRST_STUDY = date(2019, 2, 14)  # thirty business days of history


def reference_study(data: Path) -> dict[str, object]:
    """Return medians over the meters over 98 % complete in 2019, 14:00 to 17:00 UTC.

    Sixty random business days, drawn twenty times: the middle draw, the lowest and the highest.
    """
    loads = {
        meter_id: load
        for meter_id, load in meter_loads(data, year=2019).items()
        if len(load.energy_kwh) == 365 * 24 and np.isnan(load.energy_kwh).mean() < MISSING_RATIO_MAX
    }
    start = [
        datetime(day.year, day.month, day.day, 14, tzinfo=UTC)
        for day in DATES
        if FIRST_STUDY <= day <= LAST_TEST and is_business_day(day, CALENDAR)
    ]
    windows = [Interval(start_utc, start_utc + timedelta(hours=3)) for start_utc in start]
    draws = [
        np.random.default_rng(seed).choice(len(windows), DAYS_PER_DRAW, replace=False)
        for seed in range(DRAWS)
    ]
    methods = {}
    for name, (program, overrides) in STUDY.items():
        rule = load_program(program, overrides=(*IN_UTC, *overrides))
        found = many_baselines(rule, list(loads.values()), windows)
        medians = [_medians(found, list(loads), draw) for draw in draws]
        methods[name] = {
            key: [round(100 * float(q), 2) for q in np.quantile([m[key] for m in medians], LEVELS)]
            for key in medians[0]
        }
    return {"meters": len(loads), "days": len(windows), "draws": DRAWS, "methods": methods}


LEVELS = (0.5, 0.0, 1.0)


def _medians(
    found: ManyBaselines, meter_ids: Sequence[int], draw: NDArray[np.int64]
) -> dict[str, float]:
    of_meter = {
        meter_id: accuracy(found.adjusted_baseline_kwh[i, draw], found.metered_kwh[i, draw])
        for i, meter_id in enumerate(meter_ids)
    }
    flat = [of_meter[meter_id].rrmse_ratio for meter_id in FLAT_METERS if meter_id in of_meter]
    return {
        "rrmse_pct": float(np.median([one.rrmse_ratio for one in of_meter.values()])),
        "rrmse_flat_pct": float(np.median(flat)),
        "bias_pct": float(np.median([one.bias_ratio for one in of_meter.values()])),
    }
