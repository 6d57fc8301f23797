"""The words and documents of ``negawatt backtest``.

Not here: what is computed (negawatt.models.backtest).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from negawatt.models.backtest.gates import GateVerdict, gates, verdict
from negawatt.models.backtest.placebos import MethodTest
from negawatt.models.backtest.spread import Spread
from negawatt.models.domain.interval import Interval

_MARKS = {True: "passed", False: "FAILED", None: "too few events"}


def ranked(tests: Sequence[MethodTest]) -> list[MethodTest]:
    """Return the tests with figures, the most accurate first, then the others."""
    return sorted(
        tests,
        key=lambda test: (
            test.accuracy is None,
            0.0 if test.accuracy is None else test.accuracy.rrmse_ratio,
        ),
    )


def _verdicts(test: MethodTest) -> list[GateVerdict]:
    return [] if test.accuracy is None else [verdict(gate, test.accuracy) for gate in gates()]


def _rule_document(test: MethodTest) -> dict[str, object]:
    if test.rule is None:
        return {"rule_id": None, "rule_digest": None, "overrides": []}
    return {
        "rule_id": test.rule.rule_id,
        "rule_digest": test.rule.digest,
        "overrides": list(test.rule.overrides),
    }


def document_of(
    tests: Sequence[MethodTest], windows: Sequence[Interval], spread: Spread | None
) -> dict[str, object]:
    """Return everything as JSON has it."""
    return {
        "events": [window.start_utc.isoformat() for window in windows],
        "programs": [
            {
                "method": test.name,
                **_rule_document(test),
                "accuracy": None if test.accuracy is None else asdict(test.accuracy),
                "band_ratio": test.band_ratio,
                "coverage": None if test.coverage is None else asdict(test.coverage),
                "gates": [
                    {"gate": found.gate.name, "passed": found.passed, "reason": found.reason}
                    for found in _verdicts(test)
                ],
                "refused_count": len(test.refused),
                "refused": [
                    {"event": windows[place].start_utc.isoformat(), "reason": reason}
                    for place, reason in sorted(test.refused.items())
                ],
            }
            for test in ranked(tests)
        ],
        "spread": None if spread is None else asdict(spread),
    }


def lines_of(
    tests: Sequence[MethodTest], windows: Sequence[Interval], spread: Spread | None
) -> Iterator[str]:
    """Yield what a tired person understands: a table, what failed, what cannot be computed."""
    rule_overrides = next((test.rule.overrides for test in tests if test.rule is not None), ())
    first, last = windows[0].start_utc, windows[-1].start_utc
    yield f"{len(windows)} pretended events, {first:%Y-%m-%d} to {last:%Y-%m-%d}; nothing happened"
    yield "Errors are baseline less metered, in % of metered energy: + pays for nothing done."
    yield ""
    found = [test for test in ranked(tests) if test.accuracy is not None]
    width = max((len(test.name) for test in found), default=len("program"))
    names = "  ".join(f"{gate.name:<5}" for gate in gates())
    columns = "events  RRMSE   bias  event error p10..p90  90 % band  held"
    yield f"{'program':<{width}}  {columns}  {names}".rstrip()
    for test in found:
        yield f"{test.name:<{width}}  {_figures(test)}".rstrip()
    yield ""
    for test in found:
        for one in _verdicts(test):
            if one.passed is not True:
                yield f"{test.name}: {one.gate.name} {_MARKS[one.passed]}: {one.reason}"
    for gate in gates():
        if gate.to_check:
            yield f"! {gate.name}: check first: {' '.join(gate.to_check)}"
    yield from _refusals(tests)
    if spread is not None:
        yield (
            f"choice of program: highest less lowest baseline is {spread.spread_ratio_p50:.1%} of "
            f"the load in half the events, {spread.spread_ratio_p90:.1%} in nine of ten"
        )
        yield (
            f"  most often the highest: {spread.most_often_highest}, on average "
            f"{spread.highest_gain_ratio:+.1%} of the load against the mean of all"
        )
    for override in rule_overrides:
        yield f"override  {override}"


def _refusals(tests: Sequence[MethodTest]) -> Iterator[str]:
    """Yield why there is no baseline, once for all programs and events with the same reason."""
    refused: dict[str, Counter[str]] = {}
    for test in tests:
        for reason in test.refused.values():
            what = reason.partition(": ")[2].partition(";")[0]
            refused.setdefault(what, Counter())[test.name] += 1
    for what, programs in refused.items():
        yield f"no baseline: {what}"
        yield f"  {', '.join(f'{name} ({count})' for name, count in programs.items())}"


def _figures(test: MethodTest) -> str:
    found = test.accuracy
    assert found is not None  # the caller lists these only  # noqa: S101
    held = "    -" if test.coverage is None else f"{test.coverage.covered_ratio:5.0%}"
    band = "        -" if test.band_ratio is None else f"+-{test.band_ratio:>6.1%}"
    short = {True: "yes", False: "NO", None: "-"}
    passed = "  ".join(f"{short[one.passed]:<5}" for one in _verdicts(test))
    return (
        f"{found.event_count:>6}  {found.rrmse_ratio:5.1%}  {found.bias_ratio:+5.1%}  "
        f"{found.event_error_ratio_p10:+8.1%} ..{found.event_error_ratio_p90:+8.1%}"
        f"  {band:>9}  {held}  {passed}"
    )
