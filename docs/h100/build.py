"""Write ../h100.md and its charts from a recording of a real GPU: ``build.py DOCS``.

The recording was made by benchmarks/gpu/record.py: polls.parquet holds each answer of the driver,
samples.parquet the driver's own samples, phases.json when the GPU was busy. Not here: words of the
page (page.md.j2).
"""

import json
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.collectors.sources.nvml_pace import next_energy, pace
from negawatt.models.domain.units import MILLIJOULE_PER_J, NS_PER_S
from negawatt.models.metering.energy_counter import CounterReadings, counter_energy
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.axes import inline

HERE = Path(__file__).resolve().parent
POWERS = ("average", "instant")
ENERGY_PHASES = ("idle", "steady", "square 1 Hz", "steps", "25 of 100 ms", "25 of 101 ms")
LATENCIES = {"average": "latency of 1", "average, instant, energy, limit": "latency of 4"}
SLOWED_HZ = (0, 10, 20, 100, 1000)
TICK_NS = NS_PER_S // 10
POWERS_NS, ENERGY_NS = 28_000, 3_500_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of the recording.

    Attributes:
        name: What the GPU did.
        polls: The driver's answers, by ``time_s``.
        busy_s: When the GPU began and ended to work, shape (n, 2) [s].
        product_count: Products of matrices that it made.
    """

    name: str
    polls: pl.DataFrame
    busy_s: Floats
    product_count: int

    @property
    def time_s(self) -> Floats:
        """When the driver was asked [s]."""
        return self.polls["time_s"].to_numpy()

    def busy_between(self, start_s: Floats, end_s: Floats) -> Floats:
        """Return the share of each span in which the GPU was busy."""
        begun_s, ended_s = self.busy_s.T
        whole_s = np.append(0.0, np.cumsum(ended_s - begun_s))

        def until(moment_s: Floats) -> Floats:
            count = np.searchsorted(begun_s, moment_s, side="right")
            over_s = np.where(count > 0, ended_s[np.maximum(count - 1, 0)] - moment_s, 0.0)
            rest: Floats = whole_s[count] - np.maximum(over_s, 0.0)
            return rest

        share: Floats = (until(end_s) - until(start_s)) / (end_s - start_s)
        return share


def phases() -> dict[str, Phase]:
    """Return the recording."""
    polls = pl.read_parquet(HERE / "polls.parquet").with_columns(
        pl.col("phase").cast(pl.String), time_s=pl.col("start_ns") / NS_PER_S
    )
    return {
        one["name"]: Phase(
            name=one["name"],
            polls=polls.filter(pl.col.phase == one["name"]),
            busy_s=np.array(one["busy_ns"], np.float64).reshape(-1, 2) / NS_PER_S,
            product_count=one["product_count"],
        )
        for one in _recorded()["phases"]
    }


def facts() -> dict[str, Any]:
    """Return every figure of the page."""
    recorded = phases()
    return {
        "gpu": _recorded()["facts"],
        "latencies": [_latency(recorded, what, name) for what, name in LATENCIES.items()],
        "energy_ms": float(
            np.median(recorded["latency of 4, idle"].polls["energy_latency_us"]) / 1000
        ),
        "changes": [_change(recorded, field) for field in (*POWERS, "energy")],
        "sensors": {field: _sensor(recorded["steps"], field) for field in POWERS},
        "energies": [_energies(recorded[name]) for name in ENERGY_PHASES],
        "slowed": _slowed(recorded),
        "samples": _samples(),
        "memory_w": _memory_w(recorded["steady"]),
        "minutes": _minutes(recorded),
    }


def page() -> str:
    """Return the page."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.from_string((HERE / "page.md.j2").read_text("utf-8")).render(facts())


def main(docs: Path) -> None:
    """Write the page and its charts below ``docs``."""
    (docs / "h100").mkdir(parents=True, exist_ok=True)
    (docs / "h100.md").write_text(page(), encoding="utf-8")
    recorded = phases()
    for name, (phase, start_s, length_s, said) in {
        "steps": ("steps", 11.0, 8.0, "A step of power as the driver shows it"),
        "pulses": ("25 of 101 ms", 5.0, 12.0, "25 ms pulses as the driver shows them"),
    }.items():
        chart = _chart(recorded[phase], start_s, length_s)
        (docs / "h100" / f"{name}.svg").write_text(style.to_svg(chart, said), encoding="utf-8")


def _recorded() -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((HERE / "phases.json").read_text("utf-8"))
    return recorded


def _latency(recorded: dict[str, Phase], what: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"what": what}
    for state in ("idle", "busy"):
        took_us = recorded[f"{name}, {state}"].polls["took_ns"].to_numpy() / 1000
        found[f"{state}_p50_us"], found[f"{state}_p99_us"] = np.percentile(took_us, (50, 99))
    return found


def _seen(phase: Phase, field: str) -> tuple[Floats, Floats]:
    """Return when new values were seen, to the middle between two polls [s], and the values."""
    value = phase.polls[field].to_numpy()
    new = np.flatnonzero(np.diff(value)) + 1
    return (phase.time_s[new] + phase.time_s[new - 1]) / 2, value[new] / MILLIJOULE_PER_J


def _change(recorded: dict[str, Phase], field: str) -> dict[str, Any]:
    apart_ms = np.diff(_seen(recorded["steps"], field)[0]) * 1000
    return {"field": field, "ms": [float(np.percentile(apart_ms, p)) for p in (10, 50, 90)]}


def _sensor(phase: Phase, field: str) -> dict[str, float]:
    """Fit the sensor of the driver stub: a mean over a window, a while ago."""
    shown_s, shown_w = _seen(phase, field)
    early = shown_s > shown_s[0] + 2
    shown_s, shown_w = shown_s[early], shown_w[early]
    windows_s = np.arange(0.005, 0.1, 0.005) if field == "instant" else np.arange(0.7, 1.3, 0.05)
    found = []
    for window_s, lag_s in product(windows_s, np.arange(0, 0.1, 0.005)):
        end_s = shown_s - lag_s
        busy = phase.busy_between(end_s - window_s, end_s)
        basis = np.stack([busy, np.ones_like(busy)], axis=1)
        (rise_w, idle_w), *_ = np.linalg.lstsq(basis, shown_w, rcond=None)
        miss_w = float(np.sqrt(np.mean((shown_w - basis @ (rise_w, idle_w)) ** 2)))
        found.append((miss_w, window_s, lag_s))
    miss_w, window_s, lag_s = min(found)
    return {"window_ms": window_s * 1000, "lag_ms": lag_s * 1000, "miss_w": miss_w} | {
        "spread_w": float(shown_w.std())
    }


def _energies(phase: Phase) -> dict[str, Any]:
    """Return the mean power by the counter and by the integrals, between changes of the counter."""
    counter = phase.polls["energy"].to_numpy()
    new = np.flatnonzero(np.diff(counter)) + 1
    first = new[20]  # two seconds: the 1 s mean still shows what was before
    whole = slice(first, new[-1] + 1)
    time_s = phase.time_s[whole]
    length_s = time_s[-1] - time_s[0]
    counter_w = (counter[new[-1]] - counter[first]) / MILLIJOULE_PER_J / length_s
    ratios = {
        field: float(
            np.trapezoid(phase.polls[field].to_numpy()[whole] / 1000, time_s) / length_s / counter_w
            - 1
        )
        for field in POWERS
    }
    return {"name": phase.name, "counter_w": float(counter_w), **ratios}


def _slowed(recorded: dict[str, Phase]) -> list[dict[str, Any]]:
    counts: dict[int, list[int]] = {hz: [] for hz in SLOWED_HZ}
    for name, phase in recorded.items():
        if name.startswith("slowed"):
            counts[int(name.split()[1])].append(phase.product_count)
    alone = np.mean(counts[0])
    return [{"hz": hz, "ratio": float(np.mean(counts[hz]) / alone)} for hz in SLOWED_HZ]


def _samples() -> dict[str, float]:
    samples = pl.read_parquet(HERE / "samples.parquet")
    drains = samples.group_by("drained_ns", maintain_order=True).agg(
        pl.len(), pl.col("took_ns").first(), age=pl.col("realtime_ns").first() / 1000
        - pl.col("time_us").max(),
    )  # fmt: skip
    return {
        "kept": drains["len"][0],
        "apart_ms": float(np.median(np.diff(samples["time_us"])) / 1000),
        "took_ms": float(np.median(drains["took_ns"])) / 1e6,
        "age_ms": float(np.median(drains["age"])) / 1000,
    }


def _memory_w(phase: Phase) -> float:
    return float(np.median(phase.polls["memory_average"])) / 1000


def _minutes(recorded: dict[str, Phase]) -> dict[str, float]:
    """Return how far minutes are off whose energies are read at the pace for eight such GPUs."""
    polls = pl.concat(phase.polls for phase in recorded.values()).filter(
        pl.col.energy.is_not_null()
    )
    tick = ((pl.col.start_ns - pl.col.start_ns.min()) // TICK_NS).alias("tick")
    ticks = polls.with_columns(tick).group_by("tick", maintain_order=True).first()
    now = pace(POWERS_NS, ENERGY_NS, 8, TICK_NS)
    kept, due = [], 0
    for row in ticks.iter_rows(named=True):
        kept.append(row["tick"] >= due)
        if kept[-1]:
            due = next_energy(row["tick"], 0, now, 0, 600)
    each, some = (_of_minutes(one) for one in (ticks, ticks.filter(pl.Series(kept))))
    return {
        "count": len(each),
        "read_ratio": sum(kept) / len(kept),
        "worst_ratio": float(np.abs(some / each - 1).max()),
    }


def _of_minutes(ticks: pl.DataFrame) -> Floats:
    time_ms = (ticks["start_ns"] // 1_000_000).to_numpy()
    edges_ms = np.arange(time_ms[0], time_ms[-1], 60_000)
    readings = CounterReadings(time_ms=time_ms, energy_total_millijoule=ticks["energy"].to_numpy())
    return counter_energy(readings, edges_ms, max_gap_s=35.0).energy_j


def _chart(phase: Phase, start_s: float, length_s: float) -> alt.LayerChart:
    """Draw what is shown of a stretch: both powers, and what the counter rose by."""
    from_s = phase.time_s[0] + start_s
    counted_s, counted_j = _seen(phase, "energy")
    lines = {
        "energy counter, its rise": (counted_s[1:], np.diff(counted_j) / np.diff(counted_s)),
        "instant, 25 ms": _seen(phase, "instant"),
        "average, 1 s": _seen(phase, "average"),
    }
    rows = [
        {"what": what, "time_s": float(t - from_s), "power_w": float(w)}
        for what, (times_s, watts) in lines.items()
        for t, w in zip(times_s, watts, strict=True)
        if 0 <= t - from_s <= length_s
    ]
    base = alt.Chart(inline(pl.DataFrame(rows))).encode(
        alt.X("time_s:Q", axis=alt.Axis(title="Time [s]"), scale=alt.Scale(domain=[0, length_s])),
        alt.Y("power_w:Q", axis=alt.Axis(title="Power [W]"), scale=alt.Scale(zero=True)),
    )
    names = list(lines)
    color = alt.Color(
        "what:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[style.SKY, style.VERMILLION, style.INK]),
        legend=alt.Legend(title=None, orient="top", labelLimit=260),
    )
    dash = alt.StrokeDash(
        "what:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[[1, 0], [2, 2], [6, 3]]),
        legend=None,
    )
    return style.styled(
        base.mark_line(interpolate="step-after", strokeWidth=1.8).encode(color, dash), height=260
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
