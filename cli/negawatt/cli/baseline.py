"""``negawatt baseline``: one load file, one event, one program, with the whole derivation.

Not here: the arithmetic (negawatt.models.baselines), reading files (load_file.py, site_file.py),
the words of the answer (baseline_words.py).
"""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.baseline_words import document_of, lines_of
from negawatt.cli.instants import instant_utc, interval_of, other_event_of, zone_of
from negawatt.cli.load_file import COLUMNS_HELP, read_load
from negawatt.cli.options import JsonOption, LoadZoneOption, MayExportOption
from negawatt.cli.programs import rule_of
from negawatt.cli.site_file import read_site
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.portfolio import portfolio_baseline

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
    load_zone: LoadZoneOption = None,
    may_export: MayExportOption = False,
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
    zone = zone_of(time_zone or rule.settlement_clock.tz)
    compute = partial(
        compute_baseline,
        rule,
        event=interval_of("--event-start, --event-end", event_start, event_end, zone),
        other_event_windows=[other_event_of(text, zone) for text in other_event or ()],
        notified_at_utc=None
        if notified_at is None
        else instant_utc("--notified-at", notified_at, zone),
        ramp_minutes=ramp_minutes,
        site=None if site is None else read_site(site),
    )
    loads = [read_load(p, zone=load_zone, may_export=may_export) for p in (load, *(also or ()))]
    result = portfolio_baseline(rule, loads, compute)
    if json_output:
        typer.echo(json.dumps(document_of(result, rule), indent=2))
    else:
        typer.echo("\n".join(lines_of(result, rule, zone, details=details)))
