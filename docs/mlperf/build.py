"""Build ../mlperf.md and its charts from the published logs: ``build.py DATA DOCS``.

Here: which figures stand on the page, and how they are drawn. Not here: how they are found
(logs.py), words of the page (mlperf.md.j2).
"""

import math
import sys
from collections import Counter
from pathlib import Path

import altair as alt
import jinja2
import numpy as np
import polars as pl
from logs import PLANTED_S, Run, loss_of, runs

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.reconciliation.feeds import level_findings, level_limits
from negawatt.models.reconciliation.power_supply import FittedLoss
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.words import number, percent

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE / "mlperf.md.j2"
SINGLE = ("bert", "dlrm_dcnv2", "llama2_70b_lora", "resnet", "ssd", "unet3d")
SEVERAL = (
    ("64x", "gpt3"),
    ("64x", "llama2_70b_lora"),
    ("8x", "llama2_70b_lora"),
    ("8x", "resnet"),
    ("8x", "ssd"),
    ("9x", "unet3d"),
)
# The least efficiency at half load, 230 V internal redundant: 80 PLUS, as reprinted by Tom's
# Hardware, How we test power supplies (not read in the program's own document).
TITANIUM_RATIO = 0.96
_COLORS = (style.BLUE, style.VERMILLION, style.FAINT)
_SHAPES = ("circle", "square", "triangle-up")


def build(data: Path, docs: Path) -> None:
    """Write mlperf.md, and the charts into mlperf/, below ``docs``."""
    cluster = list(runs(data, "64x", "gpt3"))
    single = {name: list(runs(data, "1x", name)) for name in SINGLE}
    whole = loss_of(job for jobs in single.values() for job in jobs)
    within_ratio, own_ratio = _spreads(_by_node(cluster))
    published = pl.read_csv(data / "training_v40_h100_published_kwh.csv")
    facts = {
        "runs": [_run_facts(one, published) for one in cluster],
        "within_ratio": within_ratio,
        "own_ratio": own_ratio,
        "steady": _refusal(cluster),
        "single": [(name, len(jobs), _loss(jobs)) for name, jobs in single.items()],
        "whole": whole,
        "job_count": sum(map(len, single.values())),
        "efficiency_at": [(kw, _efficiency(whole, kw * 1000)) for kw in (2.5, 5.0, 7.0)],
        "copied": [
            _copied_facts(
                f"{system.removesuffix('x')} nodes, `{name}`", list(runs(data, system, name))
            )
            for system, name in SEVERAL
        ],
        "titanium_ratio": TITANIUM_RATIO,
        "limits": level_limits(),
        "planted_s": PLANTED_S,
        "folder": HERE.name,
    }
    files = {
        "mlperf.md": _environment().from_string(TEMPLATE.read_text("utf-8")).render(facts),
        f"{HERE.name}/nodes.svg": style.to_svg(nodes_chart(cluster), _nodes_words(cluster)),
        f"{HERE.name}/loss.svg": style.to_svg(loss_chart(single, whole), _loss_words(whole)),
    }
    (docs / HERE.name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (docs / name).write_text(text, encoding="utf-8")


def _run_facts(run: Run, published: pl.DataFrame) -> dict[str, object]:
    own = run.distinct_nodes
    sides = [run.sides_lag(node) for node in own]
    others = [run.node_lag(node) for node in own]
    planted = [run.node_lag(node, PLANTED_S) for node in own]
    told = published.filter(pl.col("run") == run.name).sort("meter")
    whole_kwh = dict(zip(told["meter"], told["published_total_kwh"], strict=True))
    minutes = run.minute_residual_ratio
    return {
        "node_count": len(run.nodes),
        "pair_count": len(run.copies("ac")),
        "distinct_count": len(own),
        "distinct_kwh": len(run.nodes) * float(_mean_kwh(run)),
        "minute_count": len(minutes),
        "kwh": {side: float(run.total_kwh(side).sum()) for side in ("ac", "dc")},
        "published_residual_ratio": 1 - whole_kwh["dc"] / whole_kwh["ac"],
        "spread_w": {side: run.reading_spread_w(side) for side in ("ac", "dc")},
        "residual_ratio": run.residual_ratio,
        "minute_range": (float(minutes.min()), float(minutes.max())),
        "node_range": (float(run.node_residual_ratio.min()), float(run.node_residual_ratio.max())),
        "above_one_ratio": run.reading_above_one_ratio,
        "minute_above_one_ratio": float((run.minute_w("dc") > run.minute_w("ac")).mean()),
        "finding_count": len(level_findings(run.levels)),
        "sides_lags_s": dict(Counter(one.lag_s for one in sides)),
        "others_lags_s": dict(Counter(one.lag_s for one in others)),
        "others_correlation": float(np.median([one.correlation for one in others])),
        "sides_correlation": float(np.median([one.correlation for one in sides])),
        "apart_count": sum(one.is_apart for one in (*sides, *others)),
        "planted_found": sum(one.is_apart and one.lag_s == PLANTED_S for one in planted),
        "stamp_count": sum(run.nodes_at_a_stamp.values()),
        "nodes_at_a_stamp": max(run.nodes_at_a_stamp),
        "rank_spread_s": run.rank_spread_s,
    }


def _mean_kwh(run: Run) -> float:
    """Return the mean AC energy of a distinct node [kWh]."""
    return float(np.mean([run.energies["ac", n].energy_kwh.sum() for n in run.distinct_nodes]))


def _copied_facts(name: str, jobs: list[Run]) -> dict[str, object]:
    """Return how many series the jobs of a benchmark have, and whether both sides say the same."""
    counts = sorted({len(job.distinct_nodes) for job in jobs})
    return {
        "name": name,
        "job_count": len(jobs),
        "node_count": len(jobs[0].nodes),
        "distinct": " or ".join(map(str, counts)),
        "same_count": sum(job.copies("ac") == job.copies("dc") for job in jobs),
    }


def _by_node(cluster: list[Run]) -> np.ndarray:
    return np.array([run.node_residual_ratio for run in cluster])


def _spreads(by_node: np.ndarray) -> tuple[float, float]:
    """Return the standard deviation between runs of one node, and that of what stays with nodes.

    A one-way analysis of variance: the means of nodes spread by their own and by a part of the
    runs' spread.
    """
    within = float(by_node.var(axis=0, ddof=1).mean())
    of_means = float(by_node.mean(axis=0).var(ddof=1))
    return math.sqrt(within), math.sqrt(max(of_means - within / len(by_node), 0.0))


def _loss(jobs: list[Run]) -> FittedLoss | None:
    try:
        return loss_of(jobs)
    except DataRefusedError:
        return None


def _refusal(cluster: list[Run]) -> str:
    try:
        loss_of(cluster)
    except DataRefusedError as error:
        return f"{error.expected}, found {error.found}"
    raise AssertionError("the load of the 64 nodes has become uneven; write the page anew")


def _efficiency(loss: FittedLoss, output_w: float) -> float:
    return output_w / (loss.fixed_w + loss.input_w_per_w * output_w)


def nodes_chart(cluster: list[Run]) -> alt.LayerChart:
    """Draw what each node's DC meter leaves of its AC meter, run by run."""
    by_node = _by_node(cluster)
    order = np.argsort(by_node.mean(axis=0), kind="stable")
    rows = pl.DataFrame(
        [
            {"rank": rank, "residual_pct": 100 * float(by_node[run, node]), "run": f"run {run + 1}"}
            for rank, node in enumerate(order, start=1)
            for run in range(len(cluster))
        ]
    )
    runs_of = [f"run {n}" for n in range(1, len(cluster) + 1)]
    base = alt.Chart(rows)
    spans = base.mark_rule(color=style.GRID, strokeWidth=4).encode(
        x="rank:Q", y=alt.Y("min(residual_pct):Q"), y2="max(residual_pct):Q"
    )
    dots = base.mark_point(filled=True, size=34, opacity=1).encode(
        x=alt.X(
            "rank:Q",
            title=f"{len(order)} nodes with a series of their own, by their mean",
            axis=alt.Axis(values=[1, 10, 20, 30], grid=False),
            scale=alt.Scale(domain=[0, len(order) + 1], nice=False),
        ),
        y=alt.Y(
            "residual_pct:Q",
            title="AC energy not read on the DC side [%]",
            scale=alt.Scale(domain=[0, 2.5]),
        ),
        color=alt.Color(
            "run:N", scale=alt.Scale(domain=runs_of, range=list(_COLORS)), legend=_legend()
        ),
        shape=alt.Shape(
            "run:N", scale=alt.Scale(domain=runs_of, range=list(_SHAPES)), legend=_legend()
        ),
    )
    return style.styled(spans, dots, height=240)


def loss_chart(single: dict[str, list[Run]], whole: FittedLoss) -> alt.LayerChart:
    """Draw the loss of each minute of the single nodes over their output, and the line."""
    jobs = [job for each in single.values() for job in each]
    taken, given = (np.concatenate([job.minute_w(side) for job in jobs]) for side in ("ac", "dc"))
    is_known = ~(np.isnan(taken) | np.isnan(given))
    rows = pl.DataFrame({"output_kw": given[is_known] / 1000, "loss_w": (taken - given)[is_known]})
    ends_kw = np.array([2.2, 7.2])
    line = pl.DataFrame(
        {
            "output_kw": ends_kw,
            "loss_w": whole.fixed_w + (whole.input_w_per_w - 1) * 1000 * ends_kw,
        }
    )
    # The demand of the certification is on the whole supply; it is shown as 4 % lost.
    least = pl.DataFrame(
        {"output_kw": ends_kw, "loss_w": ends_kw * 1000 * (1 / TITANIUM_RATIO - 1)}
    )
    encode = {
        "x": alt.X(
            "output_kw:Q",
            title="Mean output of a minute, DC side [kW]",
            scale=alt.Scale(domain=[2, 7.6], nice=False),
        ),
        "y": alt.Y(
            "loss_w:Q", title="AC less DC [W]", scale=alt.Scale(domain=[-100, 450], nice=False)
        ),
    }
    dots = alt.Chart(rows).mark_circle(size=14, opacity=0.35, color=style.BLUE).encode(**encode)
    fitted = alt.Chart(line).mark_line(color=style.INK, strokeWidth=2).encode(**encode)
    titanium = (
        alt.Chart(least)
        .mark_line(color=style.VERMILLION, strokeWidth=2, strokeDash=[6, 4])
        .encode(**encode)
    )
    names = pl.DataFrame(
        {
            "output_kw": [7.2, 7.2],
            "loss_w": [float(line["loss_w"][1]), float(least["loss_w"][1])],
            "text": ["fitted line", "4 % lost"],
        }
    )
    text = alt.Chart(names).mark_text(**style.label(dx=5)).encode(text="text:N", **encode)
    return style.styled(dots, titanium, fitted, text, height=260)


def _legend() -> alt.Legend:
    return alt.Legend(orient="top", title=None, labelFontSize=style.TEXT_SIZE, labelFont=style.FONT)


def _nodes_words(cluster: list[Run]) -> str:
    ranges = "; ".join(
        f"run {n}: {percent(run.residual_ratio, 2)} of all"
        for n, run in enumerate(cluster, start=1)
    )
    return f"Dot chart of what the DC meter of each distinct node leaves of its AC meter. {ranges}."


def _loss_words(whole: FittedLoss) -> str:
    return (
        f"Scatter of AC less DC over output for {whole.pair_count} minutes of single nodes, with "
        f"the line {whole.fixed_w:.0f} W + {whole.input_w_per_w - 1:.4f} W/W."
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    return environment


if __name__ == "__main__":
    build(*(Path(argument) for argument in sys.argv[1:]))
