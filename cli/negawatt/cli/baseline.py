"""``negawatt baseline``: one load file, one event, one program, with the whole derivation.

Not here: the arithmetic (negawatt.models.baselines), reading files (load_file.py, site_file.py),
the words of the answer (baseline_words.py).
"""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from negawatt.cli.baseline_words import document_of, lines_of
from negawatt.cli.load_file import COLUMNS_HELP, read_load
from negawatt.cli.options import JsonOption
from negawatt.cli.programs import rule_of
from negawatt.cli.site_file import read_site
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.portfolio import portfolio_baseline
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.interval import Interval

_INSTANT = "ISO 8601; without an offset it is read in the time zone"


def baseline(  # noqa: PLR0917 - one argument per option of the command
    load: Annotated[Path, typer.Argument(help=COLUMNS_HELP)],
    event_start: Annotated[str, typer.Option(help=f"Start of the event: {_INSTANT}.")],
    event_end: Annotated[str, typer.Option(help=f"End of the event: {_INSTANT}.")],
    program: Annotated[str, typer.Option(help="Program name, or path of a program file.")],
    time_zone: Annotated[
        str | None, typer.Option(help="IANA zone of instants without an offset [program's clock].")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Replace a key of the rule, e.g. adjustment.type=none; repeatable."
        ),
    ] = None,
    other_event: Annotated[
        list[str] | None,
        typer.Option(help="Another event of the site, START/END; repeatable."),
    ] = None,
    notified_at: Annotated[
        str | None, typer.Option(help=f"When the site was notified: {_INSTANT}.")
    ] = None,
    ramp_minutes: Annotated[
        float,
        typer.Option(min=0, help="How long before the event the load was being lowered already."),
    ] = 0.0,
    site: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with what the program asks for beside the load: temperature, levels, "
            "outages, other meters."
        ),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Load file of another site of the portfolio; repeatable."),
    ] = None,
    load_zone: Annotated[
        str | None, typer.Option(help="IANA zone of the file's column interval_start_local.")
    ] = None,
    may_export: Annotated[
        bool, typer.Option("--may-export", help="Accept negative load: the site exports.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Print the days' values of every interval too.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Compute the baseline of one event, and print how it came about.

    Example: negawatt baseline load.csv --event-start 2026-07-15T16:00 --event-end
    2026-07-15T20:00 --program pjm_economic_3day
    """
    rule = rule_of(program, tuple(set_ or ()))
    zone = _zone(time_zone or rule.settlement_clock.tz)
    compute = partial(
        compute_baseline,
        rule,
        event=_interval("--event-start, --event-end", event_start, event_end, zone),
        other_event_windows=[_other(text, zone) for text in other_event or ()],
        notified_at_utc=None if notified_at is None else _utc("--notified-at", notified_at, zone),
        ramp_minutes=ramp_minutes,
        site=None if site is None else read_site(site),
    )
    loads = [read_load(p, zone=load_zone, may_export=may_export) for p in (load, *(also or ()))]
    result = portfolio_baseline(rule, loads, compute)
    if json_output:
        typer.echo(json.dumps(document_of(result, rule), indent=2))
    else:
        typer.echo("\n".join(lines_of(result, rule, zone, details=details)))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _wrong("--time-zone", "an IANA time zone such as America/New_York", name) from error


def _other(text: str, zone: ZoneInfo) -> Interval:
    start, separator, end = text.partition("/")
    if not separator:
        raise _wrong("--other-event", "START/END", text)
    return _interval("--other-event", start, end, zone)


def _interval(option: str, start: str, end: str, zone: ZoneInfo) -> Interval:
    start_utc, end_utc = _utc(option, start, zone), _utc(option, end, zone)
    if end_utc <= start_utc:
        raise _wrong(option, "an end after the start", f"{start} to {end}")
    return Interval(start_utc, end_utc)


def _utc(option: str, text: str, zone: ZoneInfo) -> datetime:
    """Read an instant; a clock time that occurs twice, or never, must state its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(option, "an ISO 8601 instant such as 2026-07-15T16:00", text) from error
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    first, second = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second:
        expected = "an instant with its offset, because the clock changes there"
        raise _wrong(option, expected, text)
    return first


def _wrong(option: str, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        thing=option, expected=expected, found=repr(found), remedy="correct the option"
    )
