"""The columns of every exported table, with their types: what the published schemas are made of.

Not here: rows (exported.py, portfolio_tables.py), headings (headings.py).
"""

from typing import Final

import polars as pl

from negawatt.pipelines.exports.tables import JOB_COLUMNS
from negawatt.warehouse.catalog import schema

Columns = dict[str, pl.DataType]
_TEXT, _FIGURE, _INSTANT = pl.String(), pl.Float64(), pl.Datetime("ms", "UTC")
_COUNT, _FLAG, _SETTLED, _EXACT = pl.Int64(), pl.Boolean(), pl.Decimal(18, 6), pl.Decimal(38, 20)
_KINDS: Final[Columns] = {
    **dict.fromkeys(("revenue_grade", "is_settled"), _FLAG),
    **dict.fromkeys(("counted_kw", "price_per_kwh", "exact_amount"), _EXACT),
    **dict.fromkeys(
        ("blocking_count", "warning_count", "override_count", "event_count", "payment_number"),
        _COUNT,
    ),
    "statement_version": _COUNT,
    **dict.fromkeys(
        ("committed_kw", "delivered_kw_mean", "delivered_ratio", "limit_kw", "committed_kwh"),
        _FIGURE,
    ),
    **dict.fromkeys(("reduction_lower_kwh", "reduction_upper_kwh"), _FIGURE),
    **dict.fromkeys(
        ("adjusted_baseline_kwh", "metered_kwh", "reduction_kwh", "energy_kwh"), _SETTLED
    ),
}
"""Types of the columns that are neither text nor told by the end of their name."""


def _columns(names: str) -> Columns:
    """Return columns with their types, from names between spaces."""
    return {name: _KINDS.get(name) or _by_ending(name) for name in names.split()}


def _by_ending(name: str) -> pl.DataType:
    if name.endswith("_utc"):
        return _INSTANT
    return _SETTLED if name.endswith("_amount") else _TEXT


EVENT_COLUMNS: Final[dict[str, Columns]] = {
    "statement": _columns(
        "statement_id statement_version statement_stage statement_digest previous_digest "
        "issued_at_utc code_version event_id site_id program_id rule_id meter_id revenue_grade "
        "event_start_utc event_end_utc notified_at_utc committed_kw delivered_kw_mean "
        "delivered_ratio baseline_verdict limit_kw cap_verdict adjusted_baseline_kwh metered_kwh "
        "reduction_kwh reduction_lower_kwh reduction_upper_kwh payment_outcome payment_rule_id "
        "payment_amount payment_currency blocking_count warning_count override_count"
    ),
    "lines": schema("out_settlement__statement_lines")
    | _columns("reduction_lower_kwh reduction_upper_kwh"),
    "payments": schema("out_settlement__payment_lines"),
    "paid_intervals": _columns(
        "statement_id statement_version payment_number payment_name interval_start_utc "
        "interval_end_utc counted_kw price_per_kwh exact_amount payment_currency"
    ),
    "measures": schema("out_event__performance"),
    "days": schema("out_event__baseline_days"),
    # What was not settled is a float.
    "methods": _columns("event_id method_id is_settled reduction_kwh note")
    | {"reduction_kwh": _FIGURE},
    "jobs": JOB_COLUMNS,
    "findings": schema("out_event__findings"),
    "overrides": _columns("event_id finding_code subject reason decided_by decided_at_utc"),
}
"""Tables of an event; decimals have fewer places where the statement rounds to fewer."""

PORTFOLIO_COLUMNS: Final[dict[str, Columns]] = {
    "events": _columns(
        "month site_id program_id event_id event_start_utc event_end_utc statement_id "
        "statement_version statement_stage statement_digest revenue_grade committed_kw "
        "delivered_kw_mean committed_kwh reduction_kwh baseline_verdict limit_kw cap_verdict "
        "payment_outcome payment_amount deducted_amount paid_amount payment_currency reason"
    ),
    "months": _columns(
        "month site_id program_id event_count reduction_kwh payment_outcome payment_amount "
        "payment_currency reason"
    ),
    "month_payments": _columns(
        "month site_id program_id payment_rule_id payment_name payment_kind payment_amount "
        "payment_currency"
    ),
    "deductions": _columns(
        "site_id event_id payment_name paid_by energy_kwh payment_amount payment_currency"
    ),
    "money": _columns(
        "payment_currency event_amount charged_amount period_amount total_amount at_stake_amount"
    ),
    "concerns": _columns("site_id event_id concern_kind concern_title message"),
    "not_settled": _columns(
        "site_id program_id event_id event_start_utc event_end_utc committed_kw limit_kw"
    ),
}
"""Tables of a month or portfolio."""
