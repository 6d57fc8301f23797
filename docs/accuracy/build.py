"""Measure baselines on real meters, write results.json and ../accuracy.md: ``build.py DATA DOCS``.

The protocol of the page. With ``--without-trees`` the boosted trees, which take minutes, are left
out. Not here: the arithmetic (negawatt.models.backtest), the meters (meters.py), the second study
(study.py), words of the page (accuracy.md.j2).
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import jinja2
import numpy as np
from meters import C_PER_WEATHER_UNIT, CALENDAR, DATES, LAST_TEST, LONDON, Array, Estate, estate
from numpy.typing import NDArray
from study import reference_study
from trees import SharedBoosting

from negawatt.models.backtest.accuracy import accuracy, portfolio_accuracy
from negawatt.models.backtest.bands import CALIBRATION_COUNT, coverage, half_widths
from negawatt.models.backtest.corroborate import LOOKBACK, Model, walk_forward
from negawatt.models.backtest.features import Features, Sight, features
from negawatt.models.backtest.shared_ridge import SharedRidge
from negawatt.models.baselines.many import many_baselines
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.towt import fit_towt
from negawatt.models.domain.interval import Interval

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
AT_HOME = ("settlement_clock.tz=Europe/London", f"holiday_calendar={CALENDAR}")
EVENT_HOURS = (16, 17, 18)
BEFORE_HOURS = tuple(range(8, 15))
FIRST_TEST = date(2019, 4, 1)
FIRST_CALIBRATION = date(2019, 1, 2)
NO_CAP = ("adjustment.cap.kind=none",)

TARIFFS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "PJM high 4 of 5, additive": ("pjm_economic_3day", ()),
    "PJM high 4 of 5, unadjusted": ("pjm_economic_3day", ("adjustment.type=none",)),
    "PJM match day": ("pjm_match_day", ()),
    "PJM same day 3 + 2": ("pjm_same_day_3_plus_2", ()),
    "CAISO 10-in-10, ratio 0.8 to 1.2": ("caiso_10_in_10", ()),
    "10-in-10, additive": ("caiso_10_in_10", ("adjustment.type=additive", *NO_CAP)),
    "10-in-10, unadjusted": ("caiso_10_in_10", ("adjustment.type=none",)),
}
SIGHTS: Mapping[str, Sight] = {
    "ridge, hours before": Sight(event_hours=EVENT_HOURS, before_hours=BEFORE_HOURS),
    "ridge, hours before, other meters": Sight(
        event_hours=EVENT_HOURS, before_hours=BEFORE_HOURS, sees_others=True
    ),
    "ridge, hours around less an hour of recovery": Sight(
        event_hours=EVENT_HOURS, before_hours=BEFORE_HOURS, after_hours=(20, 21)
    ),
    "ridge, hours around": Sight(
        event_hours=EVENT_HOURS, before_hours=BEFORE_HOURS, after_hours=(19, 20, 21)
    ),
    "ridge, hours around, other meters": Sight(
        event_hours=EVENT_HOURS,
        before_hours=BEFORE_HOURS,
        after_hours=(19, 20, 21),
        sees_others=True,
    ),
}
TREES = "boosted trees, hours before"
TOWT = "time of week and temperature"
TOWT_ADJUSTED = "time of week and temperature, additive"
ADJUSTMENT_HOURS = (12, 13, 14)
PEAK_DAYS = 20
BANDED = (
    "PJM high 4 of 5, additive",
    "ridge, hours before",
    "ridge, hours around less an hour of recovery",
    "ridge, hours around",
    "ridge, hours around, other meters",
)


def expected_kwh(estate: Estate, *, with_trees: bool) -> Iterator[tuple[str, Array]]:
    """Yield what each method expects, (n_meters, n_days, n_hours); NaN on other days."""
    rows = [
        row
        for row in np.flatnonzero(estate.days.is_like)
        if FIRST_CALIBRATION <= DATES[row] <= LAST_TEST
    ]
    windows = [_window(DATES[row]) for row in rows]
    for name, (program, overrides) in TARIFFS.items():
        rule = load_program(program, overrides=(*AT_HOME, *overrides))
        table = np.full((len(estate.loads), len(DATES), len(EVENT_HOURS)), np.nan)
        table[:, rows] = many_baselines(rule, estate.loads, windows).adjusted_baseline_kwh
        yield name, table
    yield from _towt(estate)
    for name, sight in SIGHTS.items():
        yield name, _walked(estate, sight, FIRST_CALIBRATION, SharedRidge)
    if with_trees:
        sight = SIGHTS["ridge, hours before"]
        yield TREES, _walked(estate, sight, FIRST_TEST, SharedBoosting)


def _towt(estate: Estate) -> Iterator[tuple[str, Array]]:
    """Yield the regression without and with adjustment, fitted again each month.

    It is fitted on 12:00 to 19:00 of the business days: no other hours reach the result.
    """
    hours = [*ADJUSTMENT_HOURS, 15, *EVENT_HOURS]
    temperature_c = estate.weather[..., hours, 0] * C_PER_WEATHER_UNIT
    weekday = np.array([day.weekday() for day in DATES])
    week_interval = weekday[:, np.newaxis] * len(hours) + np.arange(len(hours))
    found = np.full((len(estate.loads), len(DATES), len(hours)), np.nan)
    energy_kwh = estate.days.energy_kwh[..., hours]
    month = np.array([(day.year, day.month) for day in DATES]) @ (12, 1)
    wanted = np.array([FIRST_TEST <= day <= LAST_TEST for day in DATES]) & estate.days.is_like
    for one in np.unique(month[wanted]):
        rows = np.flatnonzero(wanted & (month == one))
        since = DATES[rows[0]] - LOOKBACK
        earlier = np.array([since <= day < DATES[rows[0]] for day in DATES])
        learned = np.flatnonzero(earlier & estate.days.is_like)
        for m, of_meter_kwh in enumerate(energy_kwh):
            model = fit_towt(
                of_meter_kwh[learned].ravel(),
                temperature_c[learned].ravel(),
                week_interval[learned].ravel(),
            )
            predicted_kwh = model.predict(week_interval[rows].ravel(), temperature_c[rows].ravel())
            found[m, rows] = predicted_kwh.reshape(len(rows), len(hours))
    near = slice(0, len(ADJUSTMENT_HOURS))
    offset_kwh = (energy_kwh - found)[..., near].mean(axis=-1, keepdims=True)
    event_kwh = found[..., -len(EVENT_HOURS) :]
    yield TOWT, event_kwh
    yield TOWT_ADJUSTED, event_kwh + offset_kwh


def _walked(estate: Estate, sight: Sight, first: date, model: type[Model]) -> Array:
    seen = features(estate.days, estate.weather, sight)
    return walk_forward(seen, DATES, estate.days.is_like, first, model)


def _window(day: date) -> Interval:
    start_utc = LONDON.day(day).start_utc + timedelta(hours=EVENT_HOURS[0])
    return Interval(start_utc, start_utc + timedelta(hours=len(EVENT_HOURS)))


def protocol(data: Path, *, with_trees: bool) -> dict[str, object]:
    """Return the accuracy of every method and the coverage of bands, over the same meter-days."""
    known = estate(data)
    found = dict(expected_kwh(known, with_trees=with_trees))
    metered_kwh = known.days.energy_kwh[..., list(EVENT_HOURS)]
    test = known.days.is_like & np.array([FIRST_TEST <= day <= LAST_TEST for day in DATES])
    tables = [table[:, test] for table in found.values()]
    known_all = np.isfinite(np.stack([*tables, metered_kwh[:, test]]))
    common = np.asarray(known_all.all(axis=(0, 3)))
    level_kwh = _level(known).anchor_kwh.mean(axis=-1)
    return {
        "meters": len(known.loads),
        "days": int(test.sum()),
        "meter_days": int(common.sum()),
        "methods": {
            name: _accuracy(table[:, test], metered_kwh[:, test], common)
            for name, table in found.items()
        },
        "bands": {name: _bands(found[name], metered_kwh, level_kwh, test) for name in BANDED},
    }


def _level(known: Estate) -> Features:
    return features(known.days, known.weather, SIGHTS["ridge, hours before"])


def _accuracy(expected: Array, metered: Array, common: NDArray[np.bool_]) -> dict[str, float]:
    """Return medians and percentiles over meters, and the portfolio's [%]."""
    held = np.where(common[..., np.newaxis], expected, np.nan)
    of_meter = [accuracy(one, metered[m]) for m, one in enumerate(held)]
    rrmse = [one.rrmse_ratio for one in of_meter]
    bias = [one.bias_ratio for one in of_meter]
    of_all = np.asarray(common.all(axis=0))
    whole = np.where(of_all[:, np.newaxis], held, np.nan)
    load_kwh = np.where(of_all, metered.sum(axis=(0, 2)), 0.0)
    peak = np.argsort(-load_kwh)[:PEAK_DAYS]
    ratios = {
        "rrmse_median": np.median(rrmse),
        "rrmse_p90": np.quantile(rrmse, 0.9),
        "mape_median": np.nanmedian([one.mape_ratio for one in of_meter]),
        "bias_median": np.median(bias),
        "bias_p10": np.quantile(bias, 0.1),
        "bias_p90": np.quantile(bias, 0.9),
        "event_error_p10": np.median([one.event_error_ratio_p10 for one in of_meter]),
        "event_error_p90": np.median([one.event_error_ratio_p90 for one in of_meter]),
        "portfolio_rrmse": portfolio_accuracy(whole, metered).rrmse_ratio,
        "peak_bias": portfolio_accuracy(whole[:, peak], metered[:, peak]).bias_ratio,
    }
    return {f"{name}_pct": round(100 * float(ratio), 4) for name, ratio in ratios.items()}


def _bands(
    expected: Array, metered: Array, level_kwh: Array, test: NDArray[np.bool_]
) -> dict[str, object]:
    """Return coverage and width for each way to calibrate, of the meters and of their sum.

    A meter's score is its event's mean error over the mean of the ten like days before.
    """
    error_kwh = (expected - metered).mean(axis=-1)
    load_kwh = metered.mean(axis=-1)
    mean_kwh = np.nanmean(load_kwh[:, test], axis=1, keepdims=True)
    has_errors = np.asarray(np.isfinite(error_kwh).any(axis=0))
    rows = np.flatnonzero(has_errors)
    of_test = test[rows]
    score = (error_kwh / level_kwh)[:, rows]
    result: dict[str, object] = {}
    for method in ("block", "recency_weighted", "adaptive"):
        widths = np.stack([half_widths(one, method=method) for one in score])
        widths_ratio = widths * level_kwh[:, rows] / mean_kwh
        errors_ratio = error_kwh[:, rows] / mean_kwh
        one = np.ones_like(errors_ratio)
        held = coverage(errors_ratio[:, of_test], widths_ratio[:, of_test], one[:, of_test])
        result[method] = {key: round(value, 6) for key, value in asdict(held).items()}
    whole_kwh, whole_level_kwh = error_kwh.sum(axis=0)[rows], level_kwh.sum(axis=0)[rows]
    widths = half_widths(whole_kwh / whole_level_kwh) * whole_level_kwh
    load = load_kwh.sum(axis=0)[rows]
    held = coverage(whole_kwh[of_test], widths[of_test], load[of_test])
    result["portfolio"] = {key: round(value, 6) for key, value in asdict(held).items()}
    return result


def measure(data: Path, *, with_trees: bool) -> dict[str, object]:
    """Return all results; the same data give the same figures."""
    return {
        "protocol": protocol(data, with_trees=with_trees),
        "reference_study": reference_study(data),
        "calibration_count": CALIBRATION_COUNT,
    }


def write_page(results: Mapping[str, object], docs: Path) -> None:
    """Write the page from its template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, from our own figures
    )
    page = environment.get_template("accuracy.md.j2").render(results)
    (docs / "accuracy.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    found = measure(Path(sys.argv[1]), with_trees="--without-trees" not in sys.argv)
    folder = Path(sys.argv[2])
    (folder / HERE.name).mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    (folder / HERE.name / RESULTS.name).write_text(text, encoding="utf-8")
    write_page(found, folder)
