"""``negawatt backtest``: how far programs are off on days on which nothing happened.

Not here: the arithmetic (negawatt.models.backtest), the chart (negawatt.pipelines.exports), reading
the file (load_file.py).
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import time
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.load_file import COLUMNS_HELP, read_load
from negawatt.cli.options import JsonOption
from negawatt.cli.programs import rule_of
from negawatt.models.backtest.gates import GateVerdict, gates, verdict
from negawatt.models.backtest.placebos import MethodTest, back_test, is_business_day, recent_windows
from negawatt.models.backtest.spread import Spread, method_spread
from negawatt.models.baselines.calendar import ProgramClock, program_clock
from negawatt.models.baselines.registry import list_programs
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

_MARKS = {True: "passed", False: "FAILED", None: "too few events"}


def backtest(  # noqa: PLR0917 - one argument per option of the command
    load: Annotated[Path, typer.Argument(help=COLUMNS_HELP)],
    event_hours: Annotated[
        str, typer.Option(help="Clock hours of the pretended events, such as 16-19 or 17:30-19:30.")
    ],
    program: Annotated[
        list[str] | None,
        typer.Option(help="Program name, or path of a program file; repeatable [all programs]."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, help="Most recent business days that are pretended to be events.")
    ] = 60,
    time_zone: Annotated[
        str | None,
        typer.Option(help="IANA zone of the hours and of every program [the program's own]."),
    ] = None,
    holidays: Annotated[
        str | None,
        typer.Option(help="Holidays of every program: nerc, none, national:GB-ENG, ... [its own]."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Replace a key of every rule, e.g. interval_minutes=60; repeatable."
        ),
    ] = None,
    models: Annotated[
        bool, typer.Option(help="Also test the models that corroborate; they take half a year.")
    ] = False,
    chart: Annotated[
        Path | None, typer.Option(help="Draw the errors of every program into this .svg or .html.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Pretend events on ordinary days, and print how far every program's baseline is off.

    Example: negawatt backtest load.csv --event-hours 16-19 --program pjm_economic_3day --program
    caiso_10_in_10
    """
    hours = _hours(event_hours)
    if chart is not None and chart.suffix not in {".svg", ".html"}:
        raise _wrong("--chart", "a name that ends in .svg or .html", chart.name)
    overrides = list(set_ or ())
    overrides += [] if time_zone is None else [f"settlement_clock.tz={time_zone}"]
    overrides += [] if holidays is None else [f"holiday_calendar={holidays}"]
    rules = _rules(program or list(list_programs()), tuple(overrides))
    series = read_load(load)
    own = rules[0].settlement_clock
    clock = program_clock(own if time_zone is None else replace(own, mode="prevailing"))
    calendar = rules[0].holiday_calendar
    windows = recent_windows(
        series, clock, hours, is_like=lambda day: is_business_day(day, calendar), count=days
    )
    tests: list[MethodTest] = []
    with typer.progressbar(
        back_test(rules, series, windows),
        length=len(rules),
        label="programs",
        file=typer.get_text_stream("stderr"),
    ) as progress:
        tests.extend(progress)
    if models:
        tests += _model_tests(series, windows, clock, hours, calendar)
    spread = _spread([test for test in tests if test.rule is not None])
    if chart is not None:
        _draw(tests, chart)
    if json_output:
        typer.echo(json.dumps(_document(tests, windows, spread), indent=2))
    else:
        typer.echo("\n".join(_lines(tests, windows, spread)))


def _model_tests(
    load: LoadSeries,
    windows: tuple[Interval, ...],
    clock: ProgramClock,
    hours: tuple[time, time],
    calendar: str,
) -> list[MethodTest]:
    from negawatt.models.backtest.site_models import (  # noqa: PLC0415 - scikit-learn takes a second
        back_test_models,
    )

    return back_test_models(
        load, windows, clock, hours, is_like=lambda day: is_business_day(day, calendar)
    )


def _hours(text: str) -> tuple[time, time]:
    try:
        start, end = (time.fromisoformat(part.strip().zfill(2)) for part in text.split("-"))
    except ValueError as error:
        raise _wrong("--event-hours", "two clock times such as 16-19", text) from error
    return start, end


def _rules(programs: Sequence[str], overrides: tuple[str, ...]) -> list[BaselineRule]:
    rules = [rule_of(name, overrides) for name in programs]
    zones = sorted({rule.settlement_clock.tz for rule in rules})
    if len(zones) > 1:
        expected = "a zone, because the programs have different ones"
        raise _wrong("--time-zone", expected, ", ".join(zones))
    return rules


def _wrong(option: str, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        thing=option, expected=expected, found=repr(found), remedy="correct the option"
    )


def _spread(tests: Sequence[MethodTest]) -> Spread | None:
    """Return the spread over the programs; the metered energy is the same for all of them."""
    known_kwh = {test.name: test.baseline_kwh.sum(axis=1) for test in tests}
    metered_kwh = [test.metered_kwh.sum(axis=1) for test in tests if test.accuracy is not None]
    return method_spread(known_kwh, metered_kwh[0]) if len(metered_kwh) > 1 else None


def _draw(tests: Sequence[MethodTest], path: Path) -> None:
    from negawatt.pipelines.exports.backtest_chart import (  # noqa: PLC0415 - Altair is slow to load
        errors_chart,
    )
    from negawatt.pipelines.exports.chart_style import to_svg  # noqa: PLC0415 - as above

    rows = [
        {
            "method": test.name,
            "p10_pct": 100 * found.event_error_ratio_p10,
            "p50_pct": 100 * found.event_error_ratio_p50,
            "p90_pct": 100 * found.event_error_ratio_p90,
        }
        for test in _ranked(tests)
        if (found := test.accuracy) is not None
    ]
    drawn = errors_chart(pl.DataFrame(rows))
    text = "Error of each program's baseline on ordinary days"
    path.write_text(
        to_svg(drawn, text) if path.suffix == ".svg" else drawn.to_html(), encoding="utf-8"
    )


def _ranked(tests: Sequence[MethodTest]) -> list[MethodTest]:
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


def _document(
    tests: Sequence[MethodTest], windows: Sequence[Interval], spread: Spread | None
) -> dict[str, object]:
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
            for test in _ranked(tests)
        ],
        "spread": None if spread is None else asdict(spread),
    }


def _lines(
    tests: Sequence[MethodTest], windows: Sequence[Interval], spread: Spread | None
) -> Iterator[str]:
    rule_overrides = next((test.rule.overrides for test in tests if test.rule is not None), ())
    first, last = windows[0].start_utc, windows[-1].start_utc
    yield f"{len(windows)} pretended events, {first:%Y-%m-%d} to {last:%Y-%m-%d}; nothing happened"
    yield "Errors are baseline less metered, in % of metered energy: + pays for nothing done."
    yield ""
    found = [test for test in _ranked(tests) if test.accuracy is not None]
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
