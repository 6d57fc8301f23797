"""What a column is called where a person reads it: words, and the unit in brackets.

One name, one heading, in every table. Not here: the catalog's names and meanings
(negawatt.warehouse.fields.toml).
"""

from typing import Final

HEADINGS: Final = {
    "adjusted_baseline_kwh": "Adjusted baseline [kWh]",
    "at_stake_amount": "More than for nothing delivered, in the currency stated",
    "baseline_kwh": "Baseline before adjustment [kWh]",
    "baseline_verdict": "Against the baseline",
    "blocking_count": "Blocking findings",
    "candidate_date": "Day, in the program's clock",
    "cap_verdict": "Against the limit",
    "charged_amount": "Of it charges, in the currency stated",
    "code_version": "Version of negawatt",
    "committed_kw": "Committed, mean over the event [kW]",
    "committed_kwh": "Committed over the event [kWh]",
    "concern_kind": "Kind",
    "concern_title": "What",
    "coverage_ratio": "Share of the interval that was measured [0 to 1]",
    "date": "UTC day",
    "day_reason": "Reason",
    "day_use": "Use",
    "decided_at_utc": "Decided at [UTC]",
    "decided_by": "Decided by",
    "deducted_amount": "Paid by another program, in the currency stated",
    "delivered_kw_mean": "Delivered, mean over the event [kW]",
    "delivered_ratio": "Delivered over committed [1 is all of it]",
    "energy_kwh": "Metered energy [kWh]",
    "event_amount": "Events, in the currency stated",
    "event_count": "Settled events",
    "event_end_utc": "Event end [UTC]",
    "event_id": "Event",
    "event_kw_mean": "Mean power in the event [kW]",
    "event_start_utc": "Event start [UTC]",
    "evidence_json": "Evidence as JSON",
    "finding_code": "Finding",
    "finding_number": "Number",
    "interval_end_utc": "Interval end [UTC]",
    "interval_start_utc": "Interval start [UTC]",
    "is_settled": "Is the settled method",
    "issued_at_utc": "Issued at [UTC]",
    "job_id": "Job",
    "level_kw": "Mean power in the hour before the dispatch [kW]",
    "limit_kw": "Limit [kW]",
    "measure_id": "Measure",
    "measure_text": "In words",
    "measure_unit": "Unit of the value",
    "measure_value": "Value",
    "mechanism": "What was done to it",
    "message": "What was found",
    "meter_id": "Meter",
    "metered_kwh": "Metered energy [kWh]",
    "method": "How the energy was computed",
    "method_id": "Method",
    "month": "Month, on the site's clock",
    "note": "Note",
    "notified_at_utc": "Notified at [UTC]",
    "override_count": "Decisions on blocking findings",
    "paid_amount": "Paid, in the currency stated",
    "paid_by": "Paid by",
    "payment_amount": "Amount, in the currency stated",
    "payment_currency": "Currency",
    "payment_kind": "Kind of payment",
    "payment_name": "Payment",
    "payment_number": "Number",
    "payment_outcome": "State of the payment",
    "payment_rule_id": "Payment rule",
    "period_amount": "Months, in the currency stated",
    "previous_digest": "Digest of the version before",
    "program_id": "Program",
    "reason": "Reason",
    "reduction_kwh": "Reduction [kWh]",
    "reduction_lower_kwh": "Reduction, lower edge of the 90% band [kWh]",
    "reduction_upper_kwh": "Reduction, upper edge of the 90% band [kWh]",
    "revenue_grade": "Meter is revenue grade",
    "rule_id": "Rule",
    "severity": "Severity",
    "site_id": "Site",
    "statement_digest": "Digest of the statement",
    "statement_id": "Statement",
    "statement_stage": "Stage",
    "statement_version": "Statement version",
    "subject": "About",
    "total_amount": "Together, in the currency stated",
    "warning_count": "Warnings",
    "window_power_kw_mean": "Mean power over the event's hours [kW]",
    "within_limit_ratio": "Share of intervals at or below the target share [0 to 1]",
}


def local_heading(heading: str, time_zone: str) -> str:
    """Return the heading of the local time that stands beside an instant.

    Examples:
        >>> local_heading(HEADINGS["event_start_utc"], "America/New_York")
        'Event start [local, America/New_York]'
    """
    return heading.replace("UTC", f"local, {time_zone}")
