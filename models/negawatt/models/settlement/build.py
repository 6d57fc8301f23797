"""Assembling the body of a statement from what the other rooms computed.

Every energy is rounded here, once, and paid as rounded; a blocking finding without a recorded
override stops here. Not here: computing baselines, verdicts, bands or payments, and issuing
versions (versions.py).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.market import Market
from negawatt.models.settlement.overrides import attribution_stands, settled_overrides
from negawatt.models.settlement.rounding import (
    DEFAULT_ROUNDING,
    RoundingRule,
    difference,
    rounded_figures,
    settled_kwh,
    total,
)
from negawatt.models.settlement.statement import (
    SCHEMA_VERSION,
    InputDigest,
    Override,
    PlaceboEvidence,
    StatementBody,
    StatementLine,
    Totals,
)
from negawatt.models.settlement.valuation import value_event
from negawatt.models.uncertainty.conformal import ReductionBand
from negawatt.models.uncertainty.placebo import PlaceboResult
from negawatt.models.verification.attribution import Attribution
from negawatt.models.verification.corroboration import Corroboration
from negawatt.models.verification.cost import Cost
from negawatt.models.verification.delivery import Delivery
from negawatt.models.verification.leakage import Leakage
from negawatt.models.verification.on_site import OnSite
from negawatt.models.verification.reduction import EventReduction
from negawatt.models.verification.response import Response
from negawatt.models.verification.sensitivity import Sensitivity
from negawatt.models.verification.verdict import Verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementTerms:
    """What is decided about a settlement and not computed.

    Attributes:
        statement_id: Stable name over all versions.
        revenue_grade: The program accepts the meter for payment.
        low_confidence_facts: Facts of the rule that were not read in the primary document.
        rounding: How figures are rounded.
        overrides: Decisions on blocking findings that are made now.
        standing_overrides: Decisions of the latest version; each stands as long as the findings it
            was decided on are found again, word for word.
    """

    statement_id: str
    revenue_grade: bool
    low_confidence_facts: tuple[str, ...] = ()
    rounding: RoundingRule = DEFAULT_ROUNDING
    overrides: tuple[Override, ...] = ()
    standing_overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What the other rooms computed about one event; None where it was not computed."""

    reduction: EventReduction
    verdicts: Verdicts
    band: ReductionBand | None = None
    placebo: PlaceboResult | None = None
    sensitivity: Sensitivity | None = None
    response: Response | None = None
    attribution: Attribution | None = None
    delivery: Delivery | None = None
    leakage: Leakage | None = None
    on_site: OnSite | None = None
    cost: Cost | None = None
    corroboration: Corroboration | None = None


def build_statement_body(
    event: Event,
    result: BaselineResult,
    assessment: Assessment,
    terms: SettlementTerms,
    *,
    input_sha256: Mapping[str, str],
    market: Market | None = None,
    data_findings: Iterable[Finding] = (),
) -> StatementBody:
    """Assemble what a statement states.

    Lines and totals are Decimal, rounded by ``terms.rounding``. All other figures corroborate;
    they are rounded to six decimals, so that their text does not depend on a machine's last bit.

    Args:
        event: The revision that is settled.
        result: Its baseline under the program's rule.
        assessment: Reduction, verdicts, band, placebos, sensitivity, response.
        terms: What is decided and not computed.
        input_sha256: Digest of the content of each input, by name.
        market: Rule, prices and facts of its payment; None where none is registered.
        data_findings: Findings of earlier stages about the data that was read.

    Raises:
        DataRefusedError: The baseline is of another program, energy of an interval is not known,
            or a blocking finding has no override.
    """
    if result.program_id != event.program_id:
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected=f"a baseline of its program {event.program_id!r}",
            found=f"one of {result.program_id!r}",
            remedy="settle by the event's program; other methods belong into the sensitivity",
        )
    _require_known(event, result)
    lines = _lines(result, terms.rounding)
    payment, payment_findings = value_event(event, lines, market)
    findings = rounded_figures(
        _all_findings(event, result, assessment, terms, (*data_findings, *payment_findings))
    )
    overrides = settled_overrides(event, findings, terms.overrides, terms.standing_overrides)
    return StatementBody(
        schema_version=SCHEMA_VERSION,
        statement_id=terms.statement_id,
        event=event,
        meter_id=result.meter_id,
        revenue_grade=terms.revenue_grade,
        rule_id=result.rule_id,
        rule_digest=result.rule_digest,
        low_confidence_facts=terms.low_confidence_facts,
        rounding=terms.rounding,
        lines=lines,
        totals=_totals(lines),
        days=rounded_figures(result.days),
        adjustment=rounded_figures(result.adjustment),
        verdicts=rounded_figures(assessment.verdicts),
        band=rounded_figures(assessment.band),
        placebo=_placebo_evidence(assessment.placebo),
        sensitivity=rounded_figures(assessment.sensitivity),
        response=rounded_figures(assessment.response),
        attribution=rounded_figures(assessment.attribution)
        if attribution_stands(findings, overrides)
        else None,
        delivery=rounded_figures(assessment.delivery),
        leakage=rounded_figures(assessment.leakage),
        on_site=rounded_figures(assessment.on_site),
        cost=rounded_figures(assessment.cost),
        corroboration=rounded_figures(assessment.corroboration),
        payment=payment,
        findings=findings,
        overrides=overrides,
        inputs=tuple(
            InputDigest(name=name, sha256=sha256) for name, sha256 in sorted(input_sha256.items())
        ),
    )


def _lines(result: BaselineResult, rounding: RoundingRule) -> tuple[StatementLine, ...]:
    length = timedelta(minutes=result.interval_minutes)
    lines = []
    for position, start_utc in enumerate(result.interval_start_utc):
        baseline_kwh = settled_kwh(result.adjusted_baseline_kwh[position], rounding)
        metered_kwh = settled_kwh(result.metered_kwh[position], rounding)
        lines.append(
            StatementLine(
                interval_start_utc=start_utc,
                interval_end_utc=start_utc + length,
                adjusted_baseline_kwh=baseline_kwh,
                metered_kwh=metered_kwh,
                reduction_kwh=difference(baseline_kwh, metered_kwh),
            )
        )
    return tuple(lines)


def _totals(lines: Sequence[StatementLine]) -> Totals:
    return Totals(
        adjusted_baseline_kwh=total(line.adjusted_baseline_kwh for line in lines),
        metered_kwh=total(line.metered_kwh for line in lines),
        reduction_kwh=total(line.reduction_kwh for line in lines),
    )


def _placebo_evidence(placebo: PlaceboResult | None) -> PlaceboEvidence | None:
    if placebo is None:
        return None
    return rounded_figures(
        PlaceboEvidence(
            dates=placebo.dates,
            errors_kwh=placebo.errors_kwh,
            refused=placebo.refused,
            rrmse_ratio=placebo.rrmse_ratio,
            bias_ratio=placebo.bias_ratio,
        )
    )


def _all_findings(
    event: Event,
    result: BaselineResult,
    assessment: Assessment,
    terms: SettlementTerms,
    data_findings: Iterable[Finding],
) -> tuple[Finding, ...]:
    """Gather findings from every stage, each once, in an order that no stage decides."""
    found = [
        *data_findings,
        *result.findings,
        *assessment.reduction.findings,
        *(assessment.band.findings if assessment.band else ()),
        *(assessment.sensitivity.findings if assessment.sensitivity else ()),
        *(assessment.on_site.findings if assessment.on_site else ()),
        *(assessment.corroboration.findings if assessment.corroboration else ()),
    ]
    if not terms.revenue_grade:
        found.append(
            Finding(
                code=FindingCode.METER_NOT_REVENUE_GRADE,
                severity=Severity.WARNING,
                subject=f"meter {result.meter_id!r}",
                message=f"program {event.program_id!r} pays on meters it accepts; this one is not "
                "accepted, so the figures are not revenue grade",
            )
        )
    by_key = {
        (finding.code, finding.subject, finding.message, finding.evidence_json()): finding
        for finding in found
    }
    return tuple(by_key[key] for key in sorted(by_key))


def _require_known(event: Event, result: BaselineResult) -> None:
    """Refuse energy that is not known at once: there is nothing that somebody could decide."""
    unknown = [
        start_utc.isoformat()
        for start_utc, value_kwh in zip(
            result.interval_start_utc, result.reduction_kwh, strict=True
        )
        if math.isnan(value_kwh)
    ]
    if unknown:
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected="known baseline and metered energy in every settled interval",
            found=f"{len(unknown)} of {len(result.interval_start_utc)} not known, the first at "
            f"{unknown[0]}",
            remedy="import the missing readings and settle again; an override invents no energy",
        )
