"""``negawatt baseline``: one load file, one event, one program, with the whole derivation.

Not here: the arithmetic (negawatt.models.baselines), reading the file (load_file.py).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import typer

from negawatt.cli.load_file import COLUMNS_HELP, read_load
from negawatt.cli.options import JsonOption
from negawatt.cli.programs import rule_of
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.result import BaselineResult
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
    json_output: JsonOption = False,
) -> None:
    """Compute the baseline of one event, and print how it came about.

    Example: negawatt baseline load.csv --event-start 2026-07-15T16:00 --event-end
    2026-07-15T20:00 --program pjm_economic_3day
    """
    rule = rule_of(program, tuple(set_ or ()))
    zone = _zone(time_zone or rule.settlement_clock.tz)
    result = compute_baseline(
        rule,
        read_load(load),
        _interval("--event-start, --event-end", event_start, event_end, zone),
        other_event_windows=[_other(text, zone) for text in other_event or ()],
        notified_at_utc=None if notified_at is None else _utc("--notified-at", notified_at, zone),
        ramp_minutes=ramp_minutes,
    )
    overrides = rule.overrides
    if json_output:
        typer.echo(json.dumps(_document(result, overrides), indent=2))
    else:
        typer.echo("\n".join(_lines(result, overrides, zone)))


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


def _document(result: BaselineResult, overrides: tuple[str, ...]) -> dict[str, object]:
    intervals = [
        {
            "interval_start_utc": start_utc.isoformat(),
            "metered_kwh": _number(result.metered_kwh[i]),
            "baseline_kwh": _number(result.baseline_kwh[i]),
            "adjusted_baseline_kwh": _number(result.adjusted_baseline_kwh[i]),
            "reduction_kwh": _number(result.reduction_kwh[i]),
        }
        for i, start_utc in enumerate(result.interval_start_utc)
    ]
    return {
        "program_id": result.program_id,
        "rule_id": result.rule_id,
        "rule_digest": result.rule_digest,
        "overrides": list(overrides),
        "meter_id": result.meter_id,
        "interval_minutes": result.interval_minutes,
        "day_type": result.day_type,
        "intervals": intervals,
        "days": [asdict(d) | {"candidate_date": str(d.candidate_date)} for d in result.days],
        "adjustment": asdict(result.adjustment),
        "findings": [asdict(finding) for finding in result.findings],
    }


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _lines(result: BaselineResult, overrides: tuple[str, ...], zone: ZoneInfo) -> Iterator[str]:
    yield f"rule      {result.rule_id}  sha256 {result.rule_digest}"
    for override in overrides:
        yield f"override  {override}"
    yield f"meter     {result.meter_id}"
    if result.days:
        yield f"event day type: {result.day_type}"
        yield ""
        yield "day         use         mean in event hours [kW]  reason"
    for day in result.days:
        power_kw = day.window_power_kw_mean
        shown = "not known" if power_kw is None else f"{power_kw:.3f}"
        yield f"{day.candidate_date}  {day.use:<10}  {shown:>24}  {day.reason}"
    yield ""
    yield from _adjustment_lines(result)
    yield ""
    yield from _interval_lines(result, zone)
    for finding in result.findings:
        yield f"{finding.severity}: {finding.code}: {finding.subject}: {finding.message}"


def _adjustment_lines(result: BaselineResult) -> Iterator[str]:
    made = result.adjustment
    if made.applied_value is None:
        yield f"adjustment: {made.kind} ({made.note})"
        return
    yield (
        f"adjustment: {made.kind}; metered {made.window_metered_kw:.3f} kW, baseline "
        f"{made.window_baseline_kw:.3f} kW in its window"
    )
    unit = " kW" if made.kind == "additive" else ""
    yield f"  uncapped {made.uncapped_value:.6f}{unit}, applied {made.applied_value:.6f}{unit}"


def _interval_lines(result: BaselineResult, zone: ZoneInfo) -> Iterator[str]:
    yield "interval start             metered    baseline    adjusted   reduction  [kWh]"
    columns = (
        result.metered_kwh,
        result.baseline_kwh,
        result.adjusted_baseline_kwh,
        result.reduction_kwh,
    )
    for start_utc, *values_kwh in zip(result.interval_start_utc, *columns, strict=True):
        shown = "  ".join(f"{_shown(value_kwh):>10}" for value_kwh in values_kwh)
        yield f"{start_utc.astimezone(zone).isoformat(timespec='minutes')}  {shown}"
    totals = "  ".join(f"{_shown(column.sum()):>10}" for column in columns)
    yield f"{'sum':<22}  {totals}"


def _shown(value_kwh: np.float64) -> str:
    return "not known" if np.isnan(value_kwh) else f"{value_kwh:.3f}"
