"""``negawatt score``: methods against a known truth, over seeds and scenarios.

Here: options, which cases are left to run, and in how many processes. Not here: one case
(score_run.py), its figures (negawatt.models.counterfactual.scoring), their words
(score_words.py), the chart (negawatt.pipelines.exports.score_chart).
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.options import JsonOption
from negawatt.cli.score_cases import HALL_TIME_ZONE, CaseName
from negawatt.cli.score_results import check_suffix, read_scores, write_scores
from negawatt.cli.score_run import BEST, METHODS, PLACEBOS, TARIFFS, score_case
from negawatt.cli.score_words import by_scenario, over_all, score_lines
from negawatt.models.counterfactual.scoring import Score, Summary, summarize
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.simulation.scenarios import Scenario

_ALL = "all"
Key = tuple[str, int, int, int, str]
"""Scenario, seed, nodes, days and method of a score."""


def score(  # noqa: PLR0917 - one argument per option of the command
    folder: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders with public/ and truth/ instead of simulated scenarios."),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Scenario to simulate, or all; repeatable [ordinary].")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds such as 1-20 or 3,7,9.")] = "1-5",
    nodes: Annotated[int, typer.Option(min=8, help="Nodes of 8 GPUs.")] = 64,
    days: Annotated[int, typer.Option(min=2, help="Days with the event's, the last.")] = 29,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Method, or all; repeatable [job_aware and four programs]."),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(help="IANA zone of the folders' site, for programs; no holidays.")
    ] = HALL_TIME_ZONE,
    results: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet file of the scores; what it holds is not run again."),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the errors into this .svg.")] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes; each takes up to 2 GB for 64 nodes x 29 days.")
    ] = 1,
    json_output: JsonOption = False,
) -> None:
    """Score methods on events whose truth is known: error, bias, false credit, coverage.

    Halls are simulated in memory. A method sees what an operator would have and never the truth;
    the reduction is scored against the site's true power, not against the meter, whose gain is a
    little off as any meter's is.

    Example: negawatt score --scenario ordinary --seeds 1-3 --nodes 8 --days 15 --results s.csv
    """
    _check_files(results, chart)
    methods = _chosen("--method", method or [BEST, *TARIFFS], METHODS)
    names = [*_folders(folder or [], time_zone)] or [
        CaseName(scenario=one, seed=seed, nodes=nodes, days=days)
        for one in _chosen("--scenario", scenario or [Scenario.ORDINARY], tuple(Scenario))
        for seed in _seeds(seeds)
    ]
    scores = _by_key(read_scores(results) if results else [])
    left = {
        name: missing
        for name in names
        if (missing := [one for one in methods if (*_place(name), one) not in scores])
    }
    quiet = json_output or not sys.stderr.isatty()
    with typer.progressbar(
        _run(left, jobs), length=len(left), label="scoring", hidden=quiet, file=sys.stderr
    ) as progress:
        for found in progress:
            scores |= _by_key(found)
            if results:
                write_scores(chain.from_iterable(scores.values()), results)
    keys = [(*_place(name), one) for one in methods for name in names]
    shown = [one for key in keys for one in scores.get(key, ())]
    if chart is not None:
        _draw(shown, chart)
    typer.echo(json.dumps(_document(shown)) if json_output else "\n".join(score_lines(shown)))


def _check_files(results: Path | None, chart: Path | None) -> None:
    if results is not None:
        check_suffix(results)
    if chart is not None and chart.suffix != ".svg":
        raise _wrong("--chart", "a name that ends in .svg", chart.name)


def _chosen(option: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names that were asked for, all of them for 'all', each once."""
    wanted = list(dict.fromkeys(known if _ALL in given else given))
    for name in wanted:
        if name not in known:
            raise _wrong(option, f"{_ALL} or one of {', '.join(known)}", name)
    return [str(name) for name in wanted]


def _seeds(text: str) -> list[int]:
    """Return the seeds of a text such as 1-3,7.

    Examples:
        >>> _seeds("1-3,7")
        [1, 2, 3, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise _wrong("--seeds", "whole numbers and ranges such as 1-20,31", text)
        seeds.extend(range(int(first), int(last or first) + 1))
    return list(dict.fromkeys(seeds))


def _folders(folders: Sequence[Path], time_zone: str) -> Iterator[CaseName]:
    for folder in folders:
        yield CaseName(scenario=str(folder), folder=str(folder), time_zone=time_zone)


def _wrong(option: str, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        thing=option, expected=expected, found=repr(found), remedy="correct the option"
    )


def _place(name: CaseName) -> tuple[str, int, int, int]:
    return name.scenario, name.seed, name.nodes, name.days


def _by_key(scores: Iterable[Score]) -> dict[Key, list[Score]]:
    """Gather scores by what they are of; quiet windows of one history are of the same."""
    found: dict[Key, list[Score]] = {}
    for one in scores:
        found.setdefault((one.scenario, one.seed, one.nodes, one.days, one.method), []).append(one)
    return found


def _run(left: Mapping[CaseName, Sequence[str]], jobs: int) -> Iterator[list[Score]]:
    """Yield the scores of each case as it is done."""
    if jobs == 1:
        yield from (score_case(name, methods) for name, methods in left.items())
        return
    # Threads that Polars has started do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            tasks = [pool.submit(score_case, name, methods) for name, methods in left.items()]
            for task in as_completed(tasks):
                yield task.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _draw(scores: Sequence[Score], path: Path) -> None:
    from negawatt.pipelines.exports.chart_style import to_svg  # noqa: PLC0415 - Altair is slow
    from negawatt.pipelines.exports.score_chart import score_chart  # noqa: PLC0415 - as above

    rows = [
        {
            "scenario": name,
            "method": method,
            "p50_pct": 100 * found.error_ratio_p50,
            "p90_pct": 100 * found.error_ratio_p90,
        }
        for name, methods in by_scenario(scores).items()
        for method, found in methods.items()
        if method != PLACEBOS and not math.isnan(found.error_ratio_p50)
    ]
    if not rows:
        raise _wrong("--chart", "scores of real events", "none")
    text = "Error of the reduction by scenario and method: median and 90th percentile"
    path.write_text(to_svg(score_chart(pl.DataFrame(rows)), text), encoding="utf-8")


def _document(scores: Sequence[Score]) -> dict[str, object]:
    """Return the figures as JSON has them: what is not known is null."""
    events = [one for one in scores if one.method != PLACEBOS]
    return {
        "by_scenario": {
            name: {method: _plain(found) for method, found in methods.items()}
            for name, methods in by_scenario(events).items()
        },
        "together": {method: _plain(found) for method, found in over_all(events).items()},
        "quiet_windows": _plain(summarize(tried))
        if (tried := [one for one in scores if one.method == PLACEBOS])
        else None,
    }


def _plain(found: Summary) -> dict[str, object]:
    return {name: _known(value) for name, value in asdict(found).items()}


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {name: _known(part) for name, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
