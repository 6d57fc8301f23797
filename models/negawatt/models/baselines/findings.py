"""What an auditor should know about one baseline, as findings.

Not here: reasons that stop a computation; those are errors.
"""

from functools import lru_cache

import numpy as np

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.fallback import SwitchRuleError
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.findings import Finding, FindingCode, Severity


def findings_of(case: Case) -> tuple[Finding, ...]:
    """Return the findings of one baseline: about its rule first, then about its data."""
    return (*_unverified(case), *_overridden(case), *_not_in_force(case), *_unmeasured(case))


def switched(case: Case, short: SwitchRuleError) -> Finding:
    """Say that another rule computed the baseline, and why."""
    return Finding(
        code=FindingCode.RULE_SWITCHED,
        severity=Severity.WARNING,
        subject=f"rule {case.rule.rule_id!r}",
        message=f"computed by {short.program_id!r}: found {short.found_count} of "
        f"{short.required_count} days that the rule needs",
        evidence={
            "program_id": short.program_id,
            "found_count": short.found_count,
            "required_count": short.required_count,
        },
    )


def _unverified(case: Case) -> tuple[Finding, ...]:
    return _unverified_of(case.rule)


@lru_cache(maxsize=256)
def _unverified_of(rule: BaselineRule) -> tuple[Finding, ...]:
    facts = rule.unverified_facts
    if not facts:
        return ()
    return (
        Finding(
            code=FindingCode.LOW_CONFIDENCE_RULE,
            severity=Severity.WARNING,
            subject=f"rule {rule.rule_id!r}",
            message=f"{len(facts)} of {len(rule.facts)} load-bearing facts were not verified "
            "against the primary document",
            evidence={fact.parameter: fact.confidence.value for fact in facts},
        ),
    )


def _overridden(case: Case) -> tuple[Finding, ...]:
    if not case.rule.overrides:
        return ()
    return (
        Finding(
            code=FindingCode.RULE_OVERRIDDEN,
            severity=Severity.WARNING,
            subject=f"rule {case.rule.rule_id!r}",
            message="keys of the program file were replaced",
            evidence={"overrides": list(case.rule.overrides)},
        ),
    )


def _not_in_force(case: Case) -> tuple[Finding, ...]:
    effective = case.rule.effective
    if effective.includes(case.event_day):
        return ()
    return (
        Finding(
            code=FindingCode.RULE_NOT_IN_FORCE,
            severity=Severity.WARNING,
            subject=f"rule {case.rule.rule_id!r}",
            message=f"the event day {case.event_day} lies outside the days on which the rule is in "
            "force",
            evidence={
                "event_day": str(case.event_day),
                "from": str(effective.from_date or ""),
                "to": str(effective.to_date or ""),
            },
        ),
    )


def _unmeasured(case: Case) -> tuple[Finding, ...]:
    unknown = np.isnan(case.metered_kwh)
    if not unknown.any():
        return ()
    starts_utc = [s for s, gone in zip(case.event_starts_utc, unknown, strict=True) if gone]
    return (
        Finding(
            code=FindingCode.COVERAGE_LOW,
            severity=Severity.BLOCKING,
            subject=f"meter {case.history.meter_id!r}",
            message=f"{len(starts_utc)} of {len(unknown)} event intervals were not measured",
            evidence={"interval_start_utc": [start_utc.isoformat() for start_utc in starts_utc]},
        ),
    )
