"""``negawatt backtest``: how far programs are off on days on which nothing happened.

Not here: the arithmetic (negawatt.models.backtest), the chart (negawatt.pipelines.exports), reading
files (load_file.py, site_file.py), the words of the answer (backtest_words.py).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.backtest_words import document_of, lines_of, ranked
from negawatt.cli.instants import other_event_of, wrong, zone_of
from negawatt.cli.load_file import COLUMNS_HELP, read_load
from negawatt.cli.options import JsonOption, LoadZoneOption, MayExportOption
from negawatt.cli.programs import rule_of
from negawatt.cli.site_file import read_site
from negawatt.models.backtest.placebos import MethodTest, back_test, is_business_day, recent_windows
from negawatt.models.backtest.spread import Spread, method_spread
from negawatt.models.baselines.calendar import ProgramClock, program_clock
from negawatt.models.baselines.registry import list_programs
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries


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
    other_event: Annotated[
        list[str] | None,
        typer.Option(help="A real event of the site, START/END, which is passed over; repeatable."),
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="TOML file with what programs ask for beside the load."),
    ] = None,
    load_zone: LoadZoneOption = None,
    may_export: MayExportOption = False,
    models: Annotated[
        bool,
        typer.Option("--models", help="Also test models that corroborate; they need two months."),
    ] = False,
    chart: Annotated[
        Path | None, typer.Option(help="Draw the errors of every program into this .svg or .html.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Pretend events on ordinary days, and print how far every program's baseline is off.

    Example: negawatt backtest load.csv --event-hours 16-19 --program pjm_economic_3day --program
    caiso_10_in_10 --time-zone America/New_York
    """
    hours = _hours(event_hours)
    if chart is not None and chart.suffix not in {".svg", ".html"}:
        raise wrong("--chart", "a name that ends in .svg or .html", chart.name)
    overrides = list(set_ or ())
    overrides += [] if time_zone is None else [f"settlement_clock.tz={time_zone}"]
    overrides += [] if holidays is None else [f"holiday_calendar={holidays}"]
    rules = _rules(program or list(list_programs()), tuple(overrides))
    series = read_load(load, zone=load_zone, may_export=may_export)
    own = rules[0].settlement_clock
    clock = program_clock(own if time_zone is None else replace(own, mode="prevailing"))
    calendar = rules[0].holiday_calendar
    events = [other_event_of(text, zone_of(own.tz)) for text in other_event or ()]
    disturbed = {day for event in events for day in clock.days_of(event)}

    def is_like(day: date) -> bool:
        return is_business_day(day, calendar) and day not in disturbed

    windows = recent_windows(series, clock, hours, is_like=is_like, count=days)
    facts = None if site is None else read_site(site)
    tests: list[MethodTest] = []
    with typer.progressbar(
        back_test(rules, series, windows, events=events, site=facts),
        length=len(rules),
        label="programs",
        file=typer.get_text_stream("stderr"),
    ) as progress:
        tests.extend(progress)
    if models:
        tests += _model_tests(series, windows, clock, hours, is_like)
    spread = _spread([test for test in tests if test.rule is not None])
    if chart is not None:
        _draw(tests, chart)
    if json_output:
        typer.echo(json.dumps(document_of(tests, windows, spread), indent=2))
    else:
        typer.echo("\n".join(lines_of(tests, windows, spread)))


def _model_tests(
    load: LoadSeries,
    windows: tuple[Interval, ...],
    clock: ProgramClock,
    hours: tuple[time, time],
    is_like: Callable[[date], bool],
) -> list[MethodTest]:
    from negawatt.models.backtest.site_models import (  # noqa: PLC0415 - scikit-learn takes a second
        back_test_models,
    )

    return back_test_models(load, windows, clock, hours, is_like=is_like)


def _hours(text: str) -> tuple[time, time]:
    try:
        start, end = (time.fromisoformat(part.strip().zfill(2)) for part in text.split("-"))
    except ValueError as error:
        raise wrong("--event-hours", "two clock times such as 16-19", text) from error
    return start, end


def _rules(programs: Sequence[str], overrides: tuple[str, ...]) -> list[BaselineRule]:
    rules = [rule_of(name, overrides) for name in programs]
    zones = sorted({rule.settlement_clock.tz for rule in rules})
    if len(zones) > 1:
        expected = "a zone, because the programs have different ones"
        raise wrong("--time-zone", expected, ", ".join(zones))
    return rules


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
        for test in ranked(tests)
        if (found := test.accuracy) is not None
    ]
    drawn = errors_chart(pl.DataFrame(rows))
    text = "Error of each program's baseline on ordinary days"
    path.write_text(
        to_svg(drawn, text) if path.suffix == ".svg" else drawn.to_html(), encoding="utf-8"
    )
