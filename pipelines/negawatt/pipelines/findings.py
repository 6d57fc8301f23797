"""Findings as rows, and back.

Not here: what a finding is (negawatt.models.domain.findings).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity

KEPT = 5

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


def condensed(findings: Sequence[Finding]) -> list[Finding]:
    """Return one finding for many of a kind, so that a statement stays readable.

    Of more than ``KEPT`` findings with one code and severity, one remains, with their number and
    the first subjects as evidence; the day's table keeps them all.

    Examples:
        >>> many = [Finding(code=FindingCode.COUNTER_RESET, severity=Severity.WARNING,
        ...     subject=f"GPU {n}", message="expected no reset, found 1") for n in range(9)]
        >>> [(finding.subject, finding.evidence["count"]) for finding in condensed(many)]
        [('9 subjects', 9)]
    """
    kinds: dict[tuple[FindingCode, Severity], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.code, finding.severity), []).append(finding)
    return [
        finding
        for alike in kinds.values()
        for finding in (alike if len(alike) <= KEPT else [_condensed(alike)])
    ]


def _condensed(alike: Sequence[Finding]) -> Finding:
    first = min(alike, key=lambda finding: finding.subject)
    subjects = sorted({finding.subject for finding in alike})
    return Finding(
        code=first.code,
        severity=first.severity,
        subject=f"{len(subjects)} subjects",
        message=f"{len(alike)} findings of this kind, all in core_site__findings; the first, of "
        f"{first.subject}: {first.message}",
        evidence={"count": len(alike), "first_subjects": subjects[:KEPT]},
    )


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
