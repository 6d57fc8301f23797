"""Scores in words: a table that can be read without a manual.

Here: blocks of text. Not here: the figures (negawatt.models.counterfactual.scoring).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from negawatt.cli.score_run import PLACEBOS
from negawatt.models.counterfactual.scoring import Score, Share, Summary, summarize

_HEAD: Final = (
    "error p50",
    "error p90",
    "bias",
    "RRMSE p50",
    "RRMSE p90",
    "band held",
    "bound held",
    "width",
)


def by_scenario(scores: Sequence[Score]) -> dict[str, dict[str, Summary]]:
    """Return the figures of every scenario and method, in the order of the scores."""
    groups: dict[str, dict[str, list[Score]]] = {}
    for score in scores:
        groups.setdefault(score.scenario, {}).setdefault(score.method, []).append(score)
    return {
        scenario: {method: summarize(its) for method, its in methods.items()}
        for scenario, methods in groups.items()
    }


def over_all(scores: Sequence[Score]) -> dict[str, Summary]:
    """Return the figures of every method over all scenarios together."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.method, []).append(score)
    return {method: summarize(its) for method, its in groups.items()}


def score_lines(scores: Sequence[Score]) -> Iterator[str]:
    """Yield the lines of the table, scenario by scenario, and all of them together."""
    yield "error, bias, width of the band: of the event's mean reduction, in % of the true one"
    yield "RRMSE: of the site's expected load in quarter hours; held: share of the 90 % statements"
    events = [score for score in scores if score.method != PLACEBOS]
    for scenario, methods in by_scenario(events).items():
        yield from ("", _title(scenario, methods))
        yield from _table(methods, width=max(map(len, methods)))
    if len({score.scenario for score in events}) > 1:
        yield from ("", "all scenarios together")
        together = over_all(events)
        yield from _table(together, width=max(map(len, together)))
    yield from _quiet([score for score in scores if score.method == PLACEBOS])
    yield from _refusals(events)


def _title(scenario: str, methods: Mapping[str, Summary]) -> str:
    count = max(found.event_count + found.refused_count for found in methods.values())
    held = max((found.held_share_ratio for found in methods.values()), key=_known, default=math.nan)
    said = "" if math.isnan(held) else f", held starts {held:.0%} of the GPUs' reduction"
    return f"{scenario.replace('_', ' ')}: {count} event{'s' * (count != 1)}{said}"


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _table(methods: Mapping[str, Summary], *, width: int) -> Iterator[str]:
    yield f"  {'method':<{width}}" + "".join(f"{name:>12}" for name in _HEAD)
    for method, found in methods.items():
        yield f"  {method:<{width}}" + "".join(f"{cell:>12}" for cell in _cells(found))


def _cells(found: Summary) -> list[str]:
    if not math.isnan(found.false_credit_ratio) and math.isnan(found.error_ratio_p50):
        return [f"  false credit {found.false_credit_ratio:.2%} of the site's load"]
    return [
        _percent(found.error_ratio_p50),
        _percent(found.error_ratio_p90),
        _percent(found.bias_ratio, sign=True),
        _percent(found.rrmse_ratio_p50, digits=2),
        _percent(found.rrmse_ratio_p90, digits=2),
        _share(found.covered),
        _share(found.bound),
        _percent(found.width_ratio),
    ]


def _percent(ratio: float, *, digits: int = 1, sign: bool = False) -> str:
    if math.isnan(ratio):
        return "-"
    return f"{ratio:+.{digits}%}" if sign else f"{ratio:.{digits}%}"


def _share(found: Share) -> str:
    if not found.count:
        return "-"
    return f"{found.ratio:.0%}+-{found.standard_error_ratio:.0%}"


def _quiet(tried: Sequence[Score]) -> Iterator[str]:
    if not tried:
        return
    found = summarize(tried)
    fleets = {(score.scenario, score.seed, score.nodes) for score in tried}
    yield ""
    yield (
        f"{found.event_count} quiet windows of {len(fleets)} fleets, each with the band of those "
        f"before it: band held {found.covered.ratio:.1%} +- "
        f"{found.covered.standard_error_ratio:.1%}, bound {found.bound.ratio:.1%}, width "
        f"{found.width_ratio:.1%} of what was estimated"
    )


def _refusals(scores: Sequence[Score]) -> Iterator[str]:
    for method, found in over_all(scores).items():
        if found.refused_count:
            first = next(score for score in scores if score.method == method and score.note)
            yield f"{method} refused {found.refused_count} events, such as: {first.note}"
