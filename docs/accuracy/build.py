"""Measure baselines on real meters, write results.json and ../accuracy.md: ``build.py DATA DOCS``.

The protocol and the reference study of the page. With ``--without-trees`` the boosted trees, which
take minutes, are left out. Not here: the arithmetic (negawatt.models.backtest), words of the page
(accuracy.md.j2).
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import numpy as np
import polars as pl
from numpy.typing import NDArray
from trees import SharedBoosting

from negawatt.models.backtest.accuracy import accuracy, portfolio_accuracy
from negawatt.models.backtest.bands import CALIBRATION_COUNT, coverage, half_widths
from negawatt.models.backtest.corroborate import LOOKBACK, Model, walk_forward
from negawatt.models.backtest.features import Features, Sight, features
from negawatt.models.backtest.hourly_days import HOURS, HourlyDays, hourly_days
from negawatt.models.backtest.placebos import is_business_day
from negawatt.models.backtest.shared_ridge import SharedRidge
from negawatt.models.baselines.calendar import ProgramClock
from negawatt.models.baselines.clocked import positions_on_days, values_at
from negawatt.models.baselines.many import ManyBaselines, many_baselines
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.towt import fit_towt
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

Array = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
START_UTC = datetime(2018, 1, 1, tzinfo=UTC)
DATES = tuple(date(2018, 1, 1) + timedelta(day) for day in range(730))
LONDON = ProgramClock(ZoneInfo("Europe/London"))
CALENDAR = "national:GB-ENG"
AT_HOME = ("settlement_clock.tz=Europe/London", f"holiday_calendar={CALENDAR}")
EVENT_HOURS = (16, 17, 18)
BEFORE_HOURS = tuple(range(8, 15))
FIRST_TEST, LAST_TEST = date(2019, 4, 1), date(2019, 12, 20)
FIRST_CALIBRATION = date(2019, 1, 2)
MISSING_RATIO_MAX, MEAN_KWH_MIN = 0.01, 5.0
MISSING_RATIO_MAX_STUDY = 0.02
C_PER_WEATHER_UNIT = 10.0
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
BANDED = (
    "PJM high 4 of 5, additive",
    "ridge, hours before",
    "ridge, hours around less an hour of recovery",
    "ridge, hours around",
    "ridge, hours around, other meters",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estate:
    """The meters of the protocol with their weather.

    Attributes:
        loads: Load of each meter.
        days: The same as local days.
        weather: Temperature in tens of degrees and irradiance in 300 W/m2, (n_days, 24, 2).
    """

    loads: tuple[LoadSeries, ...]
    days: HourlyDays
    weather: Array


def meter_loads(data: Path, *, year: int | None = None) -> dict[int, LoadSeries]:
    """Return every meter; hours written as 0 are not known there, so they are not known here."""
    rows = pl.read_parquet(data / "buildings" / "cambridge_hourly.parquet")
    if year is not None:
        rows = rows.filter(pl.col("interval_start_utc").dt.year() == year)
    loads = {}
    ordered = rows.sort("meter_id", "interval_start_utc")
    for (meter_id,), meter in ordered.group_by("meter_id", maintain_order=True):
        energy_kwh = meter["energy_kwh"].cast(pl.Float64).to_numpy()
        loads[int(str(meter_id))] = LoadSeries(
            meter_id=str(meter_id),
            start_utc=meter["interval_start_utc"][0].replace(tzinfo=UTC),
            interval_minutes=60,
            energy_kwh=np.where(energy_kwh == 0, np.nan, energy_kwh),
            coverage_ratio=(energy_kwh > 0).astype(np.float64),
        )
    return loads


def estate(data: Path) -> Estate:
    """Return the meters with under 1 % missing in both years and a mean above 5 kW."""
    loads = tuple(
        load
        for load in meter_loads(data).values()
        if len(load.energy_kwh) == len(DATES) * 24
        and np.isnan(load.energy_kwh).mean() < MISSING_RATIO_MAX
        and np.nanmean(load.energy_kwh) > MEAN_KWH_MIN
    )
    is_like = np.array([is_business_day(day, CALENDAR) for day in DATES])
    return Estate(
        loads=loads,
        days=hourly_days(loads, LONDON, DATES, is_like),
        weather=weather(data),
    )


def weather(data: Path) -> Array:
    """Return weather of local hours in numbers of the order of one, (n_days, 24, 2)."""
    rows = pl.read_parquet(data / "buildings" / "bedford_weather_hourly.parquet").sort("time_utc")
    found = []
    for column, unit in (
        ("air_temperature_c", C_PER_WEATHER_UNIT),
        ("global_irradiance_w_per_m2", 300.0),
    ):
        values = rows[column].cast(pl.Float64).to_numpy() / unit
        series = LoadSeries(
            meter_id=column,
            start_utc=START_UTC,
            interval_minutes=60,
            energy_kwh=values,
            coverage_ratio=np.ones_like(values),
        )
        positions, uneven = positions_on_days(LONDON, series, DATES, HOURS)
        hourly, _ = values_at(series, positions)
        hourly[list(uneven)] = np.nan
        found.append(hourly)
    return np.stack(found, axis=-1)


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
        if len(load.energy_kwh) == 365 * 24
        and np.isnan(load.energy_kwh).mean() < MISSING_RATIO_MAX_STUDY
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
