"""Write ../fleet-accuracy.md and its chart from the scores in fleet.csv: ``build.py DOCS``.

The scores are those of the commands that the page names. Not here: words of the page (page.md.j2),
the arithmetic of a score (negawatt.models.counterfactual.scoring).
"""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import jinja2
import polars as pl

from negawatt.cli.score_results import read_scores
from negawatt.models.counterfactual.scoring import Score, Share, Summary, summarize
from negawatt.models.simulation.scenarios import Scenario

HERE = Path(__file__).resolve().parent
SCORES = HERE / "fleet.csv"
TEMPLATE = HERE / "page.md.j2"
FULL_NODES = 64
BEST, QUIET = "job_aware", "placebos"
TARIFFS = ("pjm_economic_3day", "caiso_10_in_10", "pjm_same_day_3_plus_2", "pre_event_hour")
NAMES = {
    "job_aware": "job-aware, with queue replay",
    "ensemble": "ensemble by quiet windows",
    "before_and_after": "line from before to after",
    "pre_event_level": "GPUs, 30 minutes before",
    "job_composition": "jobs at their signatures",
    "job_ends": "job levels and ends, no replay",
    "difference_in_differences": "un-curtailed jobs, differences",
    "synthetic_control": "un-curtailed jobs, synthetic control",
    "pjm_economic_3day": "PJM high 4 of 5, adjusted",
    "caiso_10_in_10": "CAISO 10 in 10, adjusted",
    "pjm_same_day_3_plus_2": "PJM same day 3 + 2",
    "pre_event_hour": "meter, hour before",
}
WORST_OF = (
    Scenario.JOB_ENDS,
    Scenario.HELD_STARTS,
    Scenario.TRAFFIC_UP,
    Scenario.TRAFFIC_DOWN,
    Scenario.NODE_CHURN,
    Scenario.INFLATION,
    Scenario.NON_COMPLIANCE,
    Scenario.WEEKEND,
)


def page() -> str:
    """Return the page."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "pct": percent,
        "signed": signed,
        "share": share,
        "errors": errors,
        "rrmse": rrmse,
    }
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(facts())


def facts() -> dict[str, object]:
    """Return what the page says, from the scores alone."""
    scores = read_scores(SCORES)
    full = [one for one in scores if one.nodes == FULL_NODES and one.method != QUIET]
    small = [one for one in scores if one.nodes < FULL_NODES and one.method != QUIET]
    quiet = [one for one in scores if one.method == QUIET]
    best = [one for one in full if one.method == BEST]
    return {
        "of": lambda method, scenario: summarize(picked(full, method, scenario)),
        "ordinary": rows(full, Scenario.ORDINARY, NAMES),
        "scenarios": [
            (name, picked(best, BEST, name), rows(full, name, (BEST, *TARIFFS)))
            for name in Scenario
            if picked(best, BEST, name)
        ],
        "worst": lambda method: worst(full, method),
        "small": summarize([one for one in small if one.method == BEST]),
        "small_by_scenario": [
            (name, summarize(found)) for name in Scenario if (found := picked(small, BEST, name))
        ],
        "small_seeds": seeds(small),
        "together": summarize([*best, *(one for one in small if one.method == BEST)]),
        "full": summarize(best),
        "quiet": summarize(quiet),
        "quiet_fleets": len({(one.scenario, one.seed) for one in quiet}),
        "parts": error_parts([one for one in best if not one.is_null]),
        "run": [(name, seeds(picked(best, BEST, name))) for name in Scenario],
        "names": NAMES,
        "tariffs": TARIFFS,
        "spoken": lambda name: name.replace("_", " "),
    }


def picked(scores: Iterable[Score], method: str, scenario: str) -> list[Score]:
    """Return the scores of one method in one scenario."""
    return [one for one in scores if one.method == method and one.scenario == scenario]


def rows(
    scores: Sequence[Score], scenario: str, methods: Iterable[str]
) -> list[tuple[str, Summary]]:
    """Return the figures of methods in one scenario, those that were run."""
    return [
        (method, summarize(found))
        for method in methods
        if (found := picked(scores, method, scenario))
    ]


def worst(full: Sequence[Score], method: str) -> str:
    """Return a method's worst median and its worst 90th percentile over the other scenarios."""
    tried = [(summarize(its), name) for name in WORST_OF if (its := picked(full, method, name))]
    if not tried:
        return "-"
    middle, of_middle = max(tried, key=lambda pair: pair[0].error_ratio_p50)
    tail, of_tail = max(tried, key=lambda pair: pair[0].error_ratio_p90)
    names = [name.replace("_", " ") for name in (of_middle, of_tail)]
    named = names[0] if names[0] == names[1] else " / ".join(names)
    return f"{percent(middle.error_ratio_p50)} / {percent(tail.error_ratio_p90)} ({named})"


def errors(found: Summary) -> str:
    """Return the median and the 90th percentile of the error in percent."""
    return f"{percent(found.error_ratio_p50)} / {percent(found.error_ratio_p90)}"


def rrmse(found: Summary) -> str:
    """Return the median and the 90th percentile of the error of quarter hours in percent."""
    return f"{percent(found.rrmse_ratio_p50, 2)} / {percent(found.rrmse_ratio_p90, 2)}"


def error_parts(scores: Sequence[Score]) -> dict[str, float]:
    """Return the root mean square of the error's parts, each as a share of the reduction.

    At the GPUs the error is that of held starts and that of all other jobs; what is left of the
    error at the meter is the way from the GPUs to it.
    """
    held = [(one.held_kw - one.true_held_kw) / one.true_gpu_kw for one in scores]
    gpus = [(one.gpu_kw - one.true_gpu_kw) / one.true_gpu_kw for one in scores]
    site = [one.error_kw / one.true_kw for one in scores]
    parts = {
        "held": held,
        "others": [a - b for a, b in zip(gpus, held, strict=True)],
        "gpus": gpus,
        "meter": [a - b for a, b in zip(site, gpus, strict=True)],
        "site": site,
    }
    return {
        name: math.sqrt(math.fsum(e * e for e in its) / len(its)) for name, its in parts.items()
    }


def seeds(scores: Iterable[Score]) -> str:
    """Return which seeds were run.

    Examples:
        >>> seeds([])
        'none'
    """
    run = sorted({one.seed for one in scores})
    if not run:
        return "none"
    whole = run == list(range(run[0], run[-1] + 1))
    return f"{run[0]}-{run[-1]}" if whole else f"{len(run)} of {run[0]}-{run[-1]}"


def percent(ratio: float, digits: int = 1) -> str:
    """Return a ratio in percent, a dash where it is not known."""
    return "-" if math.isnan(ratio) else f"{100 * ratio:.{digits}f}"


def signed(ratio: float, digits: int = 1) -> str:
    """Return a ratio in percent with its sign."""
    return "-" if math.isnan(ratio) else f"{100 * ratio:+.{digits}f}"


def share(found: Share) -> str:
    """Return a share in percent with its standard error and what it is of."""
    if not found.count:
        return "-"
    return f"{100 * found.ratio:.1f} ± {100 * found.standard_error_ratio:.1f} % of {found.count}"


def chart() -> str:
    """Return the chart of the full fleets as SVG."""
    from negawatt.pipelines.exports.chart_style import to_svg  # noqa: PLC0415 - Altair is slow
    from negawatt.pipelines.exports.score_chart import score_chart  # noqa: PLC0415 - as above

    full = [one for one in read_scores(SCORES) if one.nodes == FULL_NODES]
    drawn = [
        {
            "scenario": name,
            "method": NAMES[method],
            "p50_pct": 100 * found.error_ratio_p50,
            "p90_pct": 100 * found.error_ratio_p90,
        }
        for name in Scenario
        for method, found in rows(full, name, (BEST, *TARIFFS[:3]))
        if not math.isnan(found.error_ratio_p50)
    ]
    return to_svg(
        score_chart(pl.DataFrame(drawn)),
        "Error of the reduction by scenario, the job-aware method and three programs",
    )


def main(docs: Path, draw: Callable[[], str] = chart) -> None:
    """Write the page, and the chart beside this script's name, below a folder."""
    (docs / "fleet-accuracy").mkdir(exist_ok=True)
    (docs / "fleet-accuracy.md").write_text(page(), encoding="utf-8")
    (docs / "fleet-accuracy" / "errors.svg").write_text(draw() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
