"""A settlement as rows of the out_ tables.

Not here: any number; each is taken from the settlement as it is.
"""

from datetime import timedelta

import polars as pl

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.settlement.canonical import to_canonical_json
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.settle import Settlement
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.pipelines.findings import finding_rows
from negawatt.warehouse.catalog import schema

EVENT_TABLES = (
    "out_event__baseline",
    "out_event__baseline_days",
    "out_event__performance",
    "out_event__findings",
)


def event_rows(settlement: Settlement) -> dict[str, pl.DataFrame]:
    """Return the rows of every out_event__ table for one event."""
    owner = {
        "event_id": settlement.body.event.event_id,
        "site_id": settlement.body.event.site_id,
    }
    results = (settlement.result, *settlement.alternatives)
    return {
        "out_event__baseline": pl.concat(_baseline(settlement, result) for result in results),
        "out_event__baseline_days": pl.concat(_days(settlement, result) for result in results),
        "out_event__performance": performance_rows(settlement.body),
        "out_event__findings": finding_rows(settlement.body.findings, owner),
    }


def statement_header(statement: Statement) -> pl.DataFrame:
    """Return the header row that publishes a version of a statement."""
    row = {
        "statement_id": statement.body.statement_id,
        "statement_version": statement.statement_version,
        "event_id": statement.body.event.event_id,
        "site_id": statement.body.event.site_id,
        "statement_stage": statement.stage.value,
        "statement_digest": statement.statement_digest,
        "previous_digest": statement.previous_digest,
        "issued_at_utc": statement.provenance.issued_at_utc,
        "statement_json": to_canonical_json(statement).decode(),
    }
    return pl.DataFrame([row], schema=schema("out_settlement__statements"))


def statement_lines(statement: Statement) -> pl.DataFrame:
    """Return the lines of a version of a statement; one that voids it has none."""
    rows = [
        {
            "statement_id": statement.body.statement_id,
            "statement_version": statement.statement_version,
            "interval_start_utc": line.interval_start_utc,
            "interval_end_utc": line.interval_end_utc,
            "adjusted_baseline_kwh": line.adjusted_baseline_kwh,
            "metered_kwh": line.metered_kwh,
            "reduction_kwh": line.reduction_kwh,
        }
        for line in statement.body.lines
        if statement.stage is not Stage.VOID
    ]
    return pl.DataFrame(rows, schema=schema("out_settlement__statement_lines"))


def payment_lines(statement: Statement) -> pl.DataFrame:
    """Return the payments and charges of a version of a statement, if it has an amount.

    A version that voids it pays nothing.
    """
    payment = statement.body.payment
    rows = (
        []
        if payment is None or statement.stage is Stage.VOID
        else [
            {
                "statement_id": statement.body.statement_id,
                "statement_version": statement.statement_version,
                "payment_number": number,
                "payment_rule_id": payment.rule_id,
                "payment_name": line.name,
                "payment_kind": line.kind,
                "payment_amount": line.amount,
                "payment_currency": payment.currency,
            }
            for number, line in enumerate(payment.lines, start=1)
        ]
    )
    return pl.DataFrame(rows, schema=schema("out_settlement__payment_lines"))


def performance_rows(body: StatementBody) -> pl.DataFrame:
    """Return each measure of a statement that has a value or words."""
    verdicts, band, response = body.verdicts, body.band, body.response
    measures: list[tuple[str, float | None, str, str | None]] = [
        ("reduction_kwh", float(body.totals.reduction_kwh), "kWh", None),
        ("delivered_kw_mean", verdicts.baseline.delivered_kw_mean, "kW", None),
        ("committed_kw", verdicts.baseline.committed_kw, "kW", None),
        ("delivered_ratio", verdicts.baseline.delivered_ratio, "ratio", None),
        ("baseline_verdict", None, "text", verdicts.baseline.outcome.value),
        ("cap_limit_kw", verdicts.cap.limit_kw, "kW", None),
        ("cap_within_limit_ratio", verdicts.cap.within_limit_ratio, "ratio", None),
        ("cap_worst_exceedance_kw", verdicts.cap.worst_exceedance_kw, "kW", None),
        ("cap_verdict", None, "text", verdicts.cap.outcome.value),
    ]
    if band is not None:
        measures += [
            ("reduction_lower_kwh", band.lower_kwh, "kWh", None),
            ("reduction_upper_kwh", band.upper_kwh, "kWh", None),
            ("reduction_one_sided_lower_kwh", band.one_sided_lower_kwh, "kWh", None),
            ("commitment_met_probability_ratio", band.commitment_met_probability, "ratio", None),
        ]
    if response is not None:
        measures += [
            ("limit_reached_minutes", response.limit_reached_minutes, "min", None),
            ("ramp_before_minutes", response.ramp_before_minutes, "min", None),
            (
                "limit_reached_after_notice_minutes",
                response.limit_reached_after_notice_minutes,
                "min",
                None,
            ),
            ("ramp_down_kw_per_minute", response.ramp_down_kw_per_minute, "kW/min", None),
            ("ramp_up_kw_per_minute", response.ramp_up_kw_per_minute, "kW/min", None),
            ("recovery_minutes", response.recovery_minutes, "min", None),
            ("shed_kwh", response.shed_kwh, "kWh", None),
            ("rebound_kw_max", response.rebound_kw_max, "kW", None),
            ("recovered_kwh", response.recovered_kwh, "kWh", None),
            ("net_shed_kwh", response.net_shed_kwh, "kWh", None),
        ]
    measures += _beside(body)
    rows = [
        (body.event.event_id, body.event.site_id, *measure)
        for measure in measures
        if measure[1] is not None or measure[3] is not None
    ]
    return pl.DataFrame(rows, schema=schema("out_event__performance"), orient="row")


def _baseline(settlement: Settlement, result: BaselineResult) -> pl.DataFrame:
    """Return one row for each interval; only the settled rule has a band."""
    settled = result is settlement.result
    count = len(result.interval_start_utc)
    length = timedelta(minutes=result.interval_minutes)
    unknown: tuple[float | None, ...] = (None,) * count
    return pl.DataFrame(
        {
            "event_id": settlement.body.event.event_id,
            "site_id": settlement.body.event.site_id,
            "rule_id": result.rule_id,
            "interval_start_utc": list(result.interval_start_utc),
            "interval_end_utc": [start + length for start in result.interval_start_utc],
            "baseline_kwh": result.baseline_kwh,
            "adjusted_baseline_kwh": result.adjusted_baseline_kwh,
            "metered_kwh": result.metered_kwh,
            "reduction_kwh": result.reduction_kwh,
            "reduction_lower_kwh": settlement.band.interval_lower_kwh if settled else unknown,
            "reduction_upper_kwh": settlement.band.interval_upper_kwh if settled else unknown,
        },
        schema=schema("out_event__baseline"),
        strict=False,
    )


def _days(settlement: Settlement, result: BaselineResult) -> pl.DataFrame:
    rows = [
        {
            "event_id": settlement.body.event.event_id,
            "site_id": settlement.body.event.site_id,
            "rule_id": result.rule_id,
            "candidate_date": day.candidate_date,
            "day_use": day.use.value,
            "day_reason": day.reason,
            "window_power_kw_mean": day.window_power_kw_mean,
        }
        for day in result.days
    ]
    return pl.DataFrame(rows, schema=schema("out_event__baseline_days"))


def _beside(body: StatementBody) -> list[tuple[str, float | None, str, str | None]]:
    """Return what was measured beside the verdicts."""
    measures: list[tuple[str, float | None, str, str | None]] = []
    if body.delivery is not None:
        measures += [
            ("delivery_over_kwh", body.delivery.over_kwh, "kWh", None),
            ("delivery_under_kwh", body.delivery.under_kwh, "kWh", None),
            (
                "delivery_within_tolerance_ratio",
                body.delivery.within_tolerance_ratio,
                "ratio",
                None,
            ),
            ("delivery_worst_shortfall_kw", body.delivery.worst_shortfall_kw, "kW", None),
        ]
    if body.leakage is not None:
        measures += [
            ("leakage_verdict", None, "text", body.leakage.outcome.value),
            ("leakage_kwh", body.leakage.rise_kwh, "kWh", None),
            ("leakage_ratio", body.leakage.rise_ratio, "ratio", None),
        ]
    if body.on_site is not None:
        measures += [
            ("load_reduction_kwh", body.on_site.load_reduction_kwh, "kWh", None),
            ("on_site_reduction_kwh", body.on_site.on_site_reduction_kwh, "kWh", None),
        ]
    if body.cost is not None:
        measures += [
            ("delayed_work_s", body.cost.delayed_work_s, "s", None),
            ("delayed_work_s_per_kwh", body.cost.delayed_work_s_per_kwh, "s/kWh", None),
        ]
    if body.corroboration is not None:
        said = body.corroboration
        measures += [
            ("estimated_reduction_kwh", said.reduction_kwh, "kWh", None),
            ("estimated_reduction_lower_kwh", said.lower_kwh, "kWh", None),
            ("estimated_reduction_upper_kwh", said.upper_kwh, "kWh", None),
        ]
    return measures
