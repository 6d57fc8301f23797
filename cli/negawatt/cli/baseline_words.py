"""What ``negawatt baseline`` prints: the derivation as JSON, and as tables to check by hand.

Not here: the arithmetic (negawatt.models.baselines), the options (baseline.py).
"""

from collections.abc import Iterator
from dataclasses import asdict
from zoneinfo import ZoneInfo

import numpy as np

from negawatt.models.baselines.result import BaselineResult, DayTable
from negawatt.models.baselines.rule import BaselineRule, low_confidence_facts


def document_of(result: BaselineResult, rule: BaselineRule) -> dict[str, object]:
    """Return what ``--json`` prints: the result with its whole derivation."""
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
        "overrides": list(rule.overrides),
        "low_confidence_facts": [asdict(fact) for fact in low_confidence_facts(rule)],
        "meter_id": result.meter_id,
        "interval_minutes": result.interval_minutes,
        "day_type": result.day_type,
        "intervals": intervals,
        "days": [asdict(d) | {"candidate_date": str(d.candidate_date)} for d in result.days],
        "adjustment": asdict(result.adjustment),
        "steps": [asdict(step) for step in result.steps],
        "tables": [_table(table) for table in result.tables],
        "findings": [asdict(finding) for finding in result.findings],
    }


def _table(table: DayTable) -> dict[str, object]:
    """Return the days that were ranked with their energies [kWh], as the engine read them."""
    return {
        "interval_start_utc": [start_utc.isoformat() for start_utc in table.interval_start_utc],
        "adjustment_start_utc": [start_utc.isoformat() for start_utc in table.adjustment_start_utc],
        "days": [
            {
                "candidate_date": str(day),
                "rank_value": _number(table.rank_values[row]),
                "window_kwh": [_number(value) for value in table.window_kwh[row]],
                "adjustment_kwh": [_number(value) for value in table.adjustment_kwh[row]],
            }
            for row, day in enumerate(table.days)
        ],
    }


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def lines_of(
    result: BaselineResult, rule: BaselineRule, zone: ZoneInfo, *, details: bool = False
) -> Iterator[str]:
    """Yield what the command prints.

    Args:
        result: The baseline.
        rule: The rule that it was computed by.
        zone: The clock of what is printed.
        details: The days' values of every interval too.
    """
    yield f"rule      {result.rule_id}  sha256 {result.rule_digest}"
    for override in rule.overrides:
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
    if details:
        for table in result.tables:
            yield from _table_lines(table, zone)
    for step in result.steps:
        yield f"{step.name}: {step.value:.6f} {step.unit}"
    yield ""
    yield from _adjustment_lines(result)
    yield ""
    yield from _interval_lines(result, zone)
    for fact in low_confidence_facts(rule):
        yield f"low confidence: {fact.parameter}: {fact.statement} (check {fact.check})"
    for finding in result.findings:
        yield f"{finding.severity}: {finding.code}: {finding.subject}: {finding.message}"


def _table_lines(table: DayTable, zone: ZoneInfo) -> Iterator[str]:
    """Yield one line for each interval of a day that was ranked, to be checked by hand."""
    yield ""
    yield "day         clock  window      energy [kWh]"
    for starts_utc, values_kwh, name in (
        (table.interval_start_utc, table.window_kwh, "event"),
        (table.adjustment_start_utc, table.adjustment_kwh, "adjustment"),
    ):
        for row, day in enumerate(table.days):
            for column, start_utc in enumerate(starts_utc):
                clock = start_utc.astimezone(zone).strftime("%H:%M")
                yield f"{day}  {clock}  {name:<10}  {values_kwh[row, column]:>12.3f}"


def _adjustment_lines(result: BaselineResult) -> Iterator[str]:
    made = result.adjustment
    if made.applied_value is None:
        yield f"adjustment: {made.kind} ({made.note})"
        return
    yield (
        f"adjustment: {made.kind}; metered {made.window_metered_kw:.3f} kW, baseline "
        f"{made.window_baseline_kw:.3f} kW in its window"
    )
    if made.note:
        yield f"  {made.note}"
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
