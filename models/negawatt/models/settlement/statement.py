"""The statement of one event as a value: what is stated, and what stands around it.

The body is what anyone who recomputes from the same inputs must get, byte for byte; its digest
names it. Issue time, version chain, code version and table versions say who stated it when and
from where, and stand outside the digest. Here: types and what they guarantee. Not here: how a
body is assembled (build.py), its bytes (canonical.py), what stands around it (lifecycle.py), which
version follows which (versions.py).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from negawatt.models.baselines.result import Adjustment, CandidateDay
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.settlement.lifecycle import Cause, Decision, Difference, Provenance, Stage
from negawatt.models.settlement.paid import StatementPayment
from negawatt.models.settlement.rounding import RoundingRule, difference
from negawatt.models.uncertainty.conformal import ReductionBand
from negawatt.models.uncertainty.placebo import RefusedPlacebo
from negawatt.models.verification.attribution import Attribution
from negawatt.models.verification.corroboration import Corroboration
from negawatt.models.verification.cost import Cost
from negawatt.models.verification.delivery import Delivery
from negawatt.models.verification.leakage import Leakage
from negawatt.models.verification.on_site import OnSite
from negawatt.models.verification.response import Response
from negawatt.models.verification.sensitivity import Sensitivity
from negawatt.models.verification.verdict import Verdicts

SCHEMA_VERSION: Final = 4
"""Rises whenever the fields of a body change."""
ADDED_IN: Final = {"corroboration": 4}
"""Since which version a body has a field; older bodies are read with None, and written without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One settled interval.

    Attributes:
        interval_start_utc: Its start.
        interval_end_utc: Its end, excluded.
        adjusted_baseline_kwh: Adjusted baseline, rounded [kWh].
        metered_kwh: Metered energy, rounded [kWh].
        reduction_kwh: Exactly their difference [kWh]; negative where it used more.

    Raises:
        ValueError: The reduction is not the difference.
    """

    interval_start_utc: datetime
    interval_end_utc: datetime
    adjusted_baseline_kwh: Decimal
    metered_kwh: Decimal
    reduction_kwh: Decimal

    def __post_init__(self) -> None:
        expected_kwh = difference(self.adjusted_baseline_kwh, self.metered_kwh)
        if self.reduction_kwh != expected_kwh:
            raise ValueError(f"reduction_kwh must be {expected_kwh}, got {self.reduction_kwh}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums of the rounded lines."""

    adjusted_baseline_kwh: Decimal
    metered_kwh: Decimal
    reduction_kwh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboEvidence:
    """What the band rests on: see negawatt.models.uncertainty.placebo.PlaceboResult."""

    dates: tuple[date, ...]
    errors_kwh: tuple[float, ...]
    refused: tuple[RefusedPlacebo, ...]
    rrmse_ratio: float | None
    bias_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A decision to settle in spite of a blocking finding.

    Attributes:
        finding_code: Code of the finding.
        subject: Its subject.
        reason: Why it does not stand in the way.
        decided_by: Who decided.
        decided_at_utc: When.
        decided_on: SHA-256 of the findings that it was decided on, filled in by the settlement. The
            decision stands over later versions as long as they find the same, and no longer.
    """

    finding_code: FindingCode
    subject: str
    reason: str
    decided_by: str
    decided_at_utc: datetime
    decided_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDigest:
    """The content of one input that the body was computed from.

    Attributes:
        name: A table, a rule file, a price file.
        sha256: Digest of the content that was used, 64 hexadecimal digits.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementBody:
    """Everything that the digest covers. Settled energies and all amounts are Decimal.

    Attributes:
        schema_version: Which fields a body has.
        statement_id: Stable name over all versions.
        event: The revision that was settled.
        meter_id: The meter.
        revenue_grade: The program accepts the meter for payment.
        rule_id: The rule with its version.
        rule_digest: SHA-256 of the rule file.
        low_confidence_facts: Facts of the rule that were not read in the primary document.
        rounding: How figures were rounded.
        lines: The settled intervals, oldest first.
        totals: Sums of the lines.
        days: Every candidate day with its use and reason.
        adjustment: The same-day adjustment.
        verdicts: Against the baseline and against the limit.
        band: How sure the reduction is, None where no placebos were computed.
        placebo: The errors it rests on.
        sensitivity: The reduction under other methods, None where none was tried.
        response: How the load moved, None where not computed.
        attribution: Which jobs the reduction came from, None where no job was measured.
        delivery: What each settled interval delivered, None where not known.
        leakage: Load of the operator's other sites in the event, None where not computed.
        on_site: Generation and storage behind the meter, None where not computed.
        cost: Work lost or delayed, None where no progress of jobs was measured.
        payment: What is paid for it, None where the site registered no payment.
        findings: Facts about the data, by code, subject and message, each once.
        overrides: Recorded decisions on blocking findings.
        inputs: What it was computed from, by name.
    """

    schema_version: int
    statement_id: str
    event: Event
    meter_id: str
    revenue_grade: bool
    rule_id: str
    rule_digest: str
    low_confidence_facts: tuple[str, ...]
    rounding: RoundingRule
    lines: tuple[StatementLine, ...]
    totals: Totals
    days: tuple[CandidateDay, ...]
    adjustment: Adjustment
    verdicts: Verdicts
    band: ReductionBand | None
    placebo: PlaceboEvidence | None
    sensitivity: Sensitivity | None
    response: Response | None
    attribution: Attribution | None
    delivery: Delivery | None
    leakage: Leakage | None
    on_site: OnSite | None
    cost: Cost | None
    corroboration: Corroboration | None = None
    payment: StatementPayment | None
    findings: tuple[Finding, ...]
    overrides: tuple[Override, ...]
    inputs: tuple[InputDigest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One issued version of a statement.

    Attributes:
        body: What is stated.
        statement_digest: SHA-256 of the body's canonical bytes.
        statement_version: 1 for the first, one more for each version after it.
        stage: Where it stands in the statement's life.
        decision: What a person decided with it, None where it needed no decision.
        previous_digest: SHA-256 of the canonical bytes of the version before, as it was issued;
            None for the first.
        causes: What changed since that version and may have moved a figure.
        differences: Every value of the body that differs from that version.
        provenance: Who computed it from where.
    """

    body: StatementBody
    statement_digest: str
    statement_version: int
    stage: Stage
    decision: Decision | None
    previous_digest: str | None
    causes: tuple[Cause, ...]
    differences: tuple[Difference, ...]
    provenance: Provenance
