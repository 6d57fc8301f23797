"""Findings as rows, and back.

Not here: what a finding is (negawatt.models.domain.findings).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity

_SCHEMA: dict[str, type[pl.DataType]] = {
    "finding_number": pl.Int64,
    "finding_code": pl.String,
    "severity": pl.String,
    "subject": pl.String,
    "message": pl.String,
    "evidence_json": pl.String,
}


def finding_rows(findings: Sequence[Finding], owner: Mapping[str, str | date]) -> pl.DataFrame:
    """Return findings as rows, numbered in their order, each with its owner's columns.

    Examples:
        >>> finding_rows([], {"event_id": "e1"}).columns[:2]
        ['finding_number', 'finding_code']
    """
    rows = [
        (
            number,
            finding.code.value,
            finding.severity.value,
            finding.subject,
            finding.message,
            finding.evidence_json(),
        )
        for number, finding in enumerate(findings, start=1)
    ]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    return frame.with_columns(pl.lit(value).alias(name) for name, value in owner.items())


def findings_from_rows(rows: pl.DataFrame) -> list[Finding]:
    """Return the findings of rows, in the rows' order."""
    return [
        Finding(
            code=FindingCode(row["finding_code"]),
            severity=Severity(row["severity"]),
            subject=row["subject"],
            message=row["message"],
            evidence=json.loads(row["evidence_json"]),
        )
        for row in rows.to_dicts()
    ]


def discrepancy_findings(rows: pl.DataFrame) -> list[Finding]:
    """Return one finding for each row of raw_source__discrepancies."""
    return [
        Finding(
            code=FindingCode.DATASET_DISCREPANCY,
            severity=Severity.WARNING,
            subject=row["discrepancy_item"],
            message=f"{row['first_place']} states {row['first_value']}, "
            f"{row['second_place']} states {row['second_value']}",
            evidence={
                row["first_place"]: row["first_value"],
                row["second_place"]: row["second_value"],
            },
        )
        for row in rows.to_dicts()
    ]
