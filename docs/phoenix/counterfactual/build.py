"""Build ../counterfactual.md and its chart from the published minutes: ``build.py DATA DOCS``.

Here: which minutes are the dispatch, and which figures the page shows. Not here: words of the page
(counterfactual.md.j2), the estimate and its band (negawatt.models.counterfactual.series_levels).
"""

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jinja2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.backtest.accuracy import accuracy
from negawatt.models.counterfactual.job_level import MIN_REFERENCE_MINUTES
from negawatt.models.counterfactual.series_levels import (
    PretendEvent,
    SeriesLevel,
    SeriesReduction,
    Span,
    apart,
    pretend_events,
    series_level,
)
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE, W_PER_KW
from negawatt.models.uncertainty.fleet_band import MIN_PLACEBOS, SHORT_LEVEL_RATIO
from negawatt.pipelines.exports import bar_charts
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.words import number, percent, signed

HERE = Path(__file__).resolve().parent
PAGE = "phoenix/counterfactual.md"
CHART = "phoenix/counterfactual/reductions.svg"
TRIALS = ("SRP", "APS")
EVENTS = ("SRP", "APS step 1", "APS step 2")
PAUSED = "infer_llama_8b-bw9rr4h2"
PROJECTION = "simulator_projected_total"
MINUTE, MINUTES_PER_H = timedelta(minutes=1), S_PER_H // S_PER_MINUTE
PRETEND_MINUTES = (10, 30, 60, 70)
COMPARED_MINUTES = 30

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """One day of the trial, as it was published.

    Attributes:
        name: SRP or APS.
        start_utc: Its first minute.
        series_w: Power of each minute by series [W], the total first.
        windows: The event's windows.
        span: The dispatch: the windows with a ramp before them and as long a one after them.
    """

    name: str
    start_utc: datetime
    series_w: dict[str, Floats]
    windows: tuple[Span, ...]
    span: Span

    @property
    def total_w(self) -> Floats:
        """Power of the cluster [W]."""
        return self.series_w["total"]

    @property
    def quiet(self) -> tuple[Span, Span]:
        """The minutes before the dispatch and after it."""
        return (0, self.span[0]), (self.span[1], len(self.total_w))

    def hour_kw(self, *, after: bool) -> float:
        """Return the mean of the hour before the dispatch, or of the hour after it [kW]."""
        first = self.span[1] if after else self.span[0] - MINUTES_PER_H
        return float(self.total_w[first : first + MINUTES_PER_H].mean()) / W_PER_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of the page: its reduction, and those against the hours that tariffs take."""

    name: str
    hours: float
    found: SeriesReduction
    before_kw: float
    after_kw: float


def build(data: Path, docs: Path) -> None:
    """Write the page and its chart below ``docs``."""
    minutes = pl.read_parquet(data / "power_1min.parquet")
    events = pl.read_csv(data / "events.csv")
    srp, aps = (read_trial(name, minutes, events) for name in TRIALS)
    rows, jobs = _rows(srp, aps), _jobs(aps)
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "percent": percent, "signed": signed}
    template = environment.from_string((HERE / "counterfactual.md.j2").read_text(encoding="utf-8"))
    facts = {
        "rows": rows,
        "span_minutes": {trial.name: trial.span[1] - trial.span[0] for trial in (srp, aps)},
        "quiet_minutes": {
            trial.name: [last - first for first, last in trial.quiet] for trial in (srp, aps)
        },
        "drift_kw": {trial.name: _total(trial).drift_kw for trial in (srp, aps)},
        "ramp_minutes": srp.windows[0][0] - srp.span[0],
        "assumed_ratio": SHORT_LEVEL_RATIO,
        "placebos_needed": MIN_PLACEBOS,
        "reference_minutes": MIN_REFERENCE_MINUTES,
        "pretend": _pretend(srp, aps),
        "jobs": jobs,
        "paused": jobs[PAUSED],
        "projection": _projection(aps, projected_w(aps, minutes)),
        "compared_minutes": COMPARED_MINUTES,
    }
    (docs / CHART).parent.mkdir(parents=True, exist_ok=True)
    (docs / PAGE).write_text(template.render(facts), encoding="utf-8")
    (docs / CHART).write_text(_chart(rows), encoding="utf-8")


def read_trial(name: str, minutes: pl.DataFrame, events: pl.DataFrame) -> Trial:
    """Return one day of the trial.

    Args:
        name: SRP or APS.
        minutes: Columns experiment, time_utc, series, power_w.
        events: Columns experiment, event_start_local, event_end_local, utc_offset_h.
    """
    published = minutes.filter(pl.col.experiment == name, pl.col.series != PROJECTION)
    series = {
        str(key): rows.sort("time_utc")
        for (key,), rows in published.group_by("series", maintain_order=True)
    }
    start_utc: datetime = series["total"]["time_utc"][0]
    for key, rows in series.items():
        _require_every_minute(f"{name}, series {key!r}", rows["time_utc"], start_utc)
    profile = tomllib.loads((HERE.parent / f"{name.lower()}-events.toml").read_text("utf-8"))
    windows = tuple(
        ((start - start_utc) // MINUTE, (end - start_utc) // MINUTE)
        for start, end in _windows(events.filter(pl.col.experiment == name))
    )
    ramp_minutes: int = profile["ramp_minutes"]
    return Trial(
        name=name,
        start_utc=start_utc,
        series_w={
            key: series[key]["power_w"].to_numpy()
            for key in sorted(series, key=lambda key: key != "total")
        },
        windows=windows,
        span=(windows[0][0] - ramp_minutes, windows[-1][1] + ramp_minutes),
    )


def _require_every_minute(thing: str, time_utc: pl.Series, start_utc: datetime) -> None:
    expected = [start_utc + position * MINUTE for position in range(len(time_utc))]
    if time_utc.to_list() != expected:
        raise DataRefusedError(
            thing=thing,
            expected=f"every minute once from {start_utc.isoformat()} on",
            found=f"{len(time_utc)} rows with gaps or other instants",
            remedy="supply the published minutes as they are",
        )


def _windows(events: pl.DataFrame) -> list[tuple[datetime, datetime]]:
    ordered = events.sort("event_start_local").iter_rows(named=True)
    return [
        (
            _utc(event["event_start_local"], event["utc_offset_h"]),
            _utc(event["event_end_local"], event["utc_offset_h"]),
        )
        for event in ordered
    ]


def _utc(local: str, offset_h: float) -> datetime:
    zone = timezone(timedelta(hours=offset_h))
    return datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)


def projected_w(trial: Trial, minutes: pl.DataFrame) -> Floats:
    """Return the publisher's projection, each minute at the last change point before it [W]."""
    points = minutes.filter(pl.col.experiment == trial.name, pl.col.series == PROJECTION)
    points = points.sort("time_utc")
    ends = [(one - trial.start_utc) / MINUTE for one in points["time_utc"]]
    last = np.searchsorted(ends, np.arange(len(trial.total_w)), side="right") - 1
    held_w: Floats = points["power_w"].to_numpy()[last]
    return held_w


def _total(trial: Trial) -> SeriesLevel:
    return series_level(trial.total_w, trial.span)


def _rows(srp: Trial, aps: Trial) -> list[Row]:
    """Return the three events, and the two steps of APS as one."""
    windows = [(srp, srp.windows), *((aps, (step,)) for step in aps.windows)]
    rows = [_row(name, *one) for name, one in zip(EVENTS, windows, strict=True)]
    return [*rows, _row("APS, both steps", aps, aps.windows)]


def _row(name: str, trial: Trial, windows: Sequence[Span]) -> Row:
    found = _total(trial).reduction(windows)
    return Row(
        name=name,
        hours=sum(last - first for first, last in windows) / MINUTES_PER_H,
        found=found,
        before_kw=trial.hour_kw(after=False) - found.actual_kw,
        after_kw=trial.hour_kw(after=True) - found.actual_kw,
    )


def _pretend(srp: Trial, aps: Trial) -> list[dict[str, object]]:
    """Return how far pretend events of the whole clusters were off, by length."""
    rows: list[dict[str, object]] = []
    for length in PRETEND_MINUTES:
        row: dict[str, object] = {"minutes": length}
        for trial in (srp, aps):
            found = pretend_events(trial.total_w, trial.quiet, length_minutes=length)
            error_kw = np.array([one.error_kw for one in found])
            row[trial.name] = {
                "count": len(found),
                "apart": len(apart(found)),
                "rms_kw": float(np.sqrt((error_kw**2).mean())),
                "worst_kw": float(np.abs(error_kw).max()),
            }
        rows.append(row)
    return rows


def _jobs(aps: Trial) -> dict[str, dict[str, object]]:
    """Return each job's level, and its reduction in each step; the total first."""
    rows: dict[str, dict[str, object]] = {}
    for job_id, power_w in aps.series_w.items():
        level = series_level(power_w, aps.span)
        before_kw = power_w[slice(*aps.quiet[0])] / W_PER_KW
        rows[job_id] = {
            "job_id": job_id,
            "before_kw": float(before_kw.mean()),
            "sd_kw": float(before_kw.std()),
            "drift_kw": level.drift_kw,
            "steps": [level.reduction([window]) for window in aps.windows],
        }
    return rows


def _projection(aps: Trial, held_w: Floats) -> dict[str, object]:
    """Return how far the publisher's projection and our level are off, where each can be."""
    actual_kw, held_kw = aps.total_w / W_PER_KW, held_w / W_PER_KW
    in_dispatch = np.zeros(len(held_kw), dtype=bool)
    in_dispatch[slice(*aps.span)] = True
    found = pretend_events(aps.total_w, aps.quiet, length_minutes=COMPARED_MINUTES)
    pretended_kw = np.array([one.actual_kw for one in found])
    compared = {
        "ours": [one.expected_kw for one in found],
        "before": [_before_kw(one, aps) for one in found],
        "held": [held_kw[slice(*one.span)] for one in found],
    }
    parts = {"all": np.ones_like(in_dispatch), "dispatch": in_dispatch, "quiet": ~in_dispatch}
    return {
        "minutes": {name: int(part.sum()) for name, part in parts.items()},
        "off": {
            name: accuracy(held_kw[part][np.newaxis], actual_kw[part][np.newaxis])
            for name, part in parts.items()
        },
        "compared": {name: accuracy(np.array(kw), pretended_kw) for name, kw in compared.items()},
        "count": len(found),
        "level_kw": float(held_kw[0]),
        "steps": [float((held_kw[0] - actual_kw[slice(*one)]).mean()) for one in aps.windows],
    }


def _before_kw(one: PretendEvent, trial: Trial) -> Floats:
    """Return the mean of the quiet minutes before a pretend event, for each of its minutes [kW]."""
    (begin,) = (first for first, last in trial.quiet if first <= one.span[0] < last)
    before_kw = float(trial.total_w[begin : one.span[0]].mean()) / W_PER_KW
    return np.full(len(one.actual_kw), before_kw)


def _chart(rows: Sequence[Row]) -> str:
    bars = []
    for row in rows[: len(EVENTS)]:
        center, half = row.found.reduction_kw, row.found.band.half_width_kw
        edges = [row.hours * (center - half), row.hours * (center + half)]
        text = f" ({edges[0]:.0f} to {edges[1]:.0f})"
        for name, kw, band, more in (
            ("this page, with its 90% band", center, edges, text),
            ("hour before", row.before_kw, [None, None], ""),
            ("hour after", row.after_kw, [None, None], ""),
        ):
            kwh = row.hours * kw
            bars.append((f"{row.name}: {name}", kwh, *band, band is edges, f"{kwh:.1f} kWh{more}"))
    schema = ["method", "reduction_kwh", "lower_kwh", "upper_kwh", "is_settled", "text"]
    chart = bar_charts.methods_chart(pl.DataFrame(bars, schema=schema, orient="row"))
    listed = "; ".join(f"{bar[0]}: {bar[-1]}" for bar in bars)
    return style.to_svg(chart, f"Bar chart of reductions. {listed}.")


if __name__ == "__main__":
    build(*(Path(argument) for argument in sys.argv[1:]))
