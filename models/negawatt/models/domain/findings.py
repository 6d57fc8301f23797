"""Facts about the data that an auditor wants, as values that travel with the result.

Here: the codes, their descriptions and the value that carries one with its evidence. Not here:
what stops a computation (negawatt.models.domain.errors). A finding that blocks settlement is
settled only with an explicit override, which the statement records.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters to a settlement."""

    INFO = "info"
    WARNING = "warning"
    BLOCKING = "blocking"


class FindingCode(StrEnum):
    """Every finding negawatt can make; the description is exported with the code."""

    COUNTER_RESET = "counter_reset"
    COVERAGE_LOW = "coverage_low"
    DATASET_DISCREPANCY = "dataset_discrepancy"
    ENERGY_METHODS_DISAGREE = "energy_methods_disagree"
    EXPORTER_PAGE_WITHOUT_POWER = "exporter_page_without_power"
    EXPORTER_LINE_REJECTED = "exporter_line_rejected"
    LOW_CONFIDENCE_RULE = "low_confidence_rule"
    METER_NOT_REVENUE_GRADE = "meter_not_revenue_grade"
    METHOD_NOT_COMPUTABLE = "method_not_computable"
    BASELINE_CHOICE_MATTERS = "baseline_choice_matters"
    READING_ESTIMATED = "reading_estimated"
    READING_FLAGGED = "reading_flagged"
    READING_OUT_OF_RANGE = "reading_out_of_range"
    READING_REPEATED = "reading_repeated"
    READING_SENTINEL = "reading_sentinel"
    RULE_NOT_IN_FORCE = "rule_not_in_force"
    RULE_OVERRIDDEN = "rule_overridden"
    RULE_SWITCHED = "rule_switched"
    SAMPLE_GAP = "sample_gap"
    UNCERTAINTY_NOT_CALIBRATED = "uncertainty_not_calibrated"

    @property
    def description(self) -> str:
        """What the code says, in one sentence."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS: Mapping[FindingCode, str] = {
    FindingCode.COUNTER_RESET: "An energy counter decreased: the driver was reloaded or the GPU "
    "was reset; the energy between the two readings is not known.",
    FindingCode.COVERAGE_LOW: "Part of an interval was not measured.",
    FindingCode.DATASET_DISCREPANCY: "Two files of one data set state different values.",
    FindingCode.ENERGY_METHODS_DISAGREE: "Two ways to measure the same energy differ by more than "
    "the limit.",
    FindingCode.EXPORTER_PAGE_WITHOUT_POWER: "An exporter page holds no power and no energy "
    "reading for any GPU.",
    FindingCode.EXPORTER_LINE_REJECTED: "A line of an exporter page was not read.",
    FindingCode.LOW_CONFIDENCE_RULE: "A load-bearing fact of the program's rule was not verified "
    "against the primary document.",
    FindingCode.METER_NOT_REVENUE_GRADE: "The meter is not one that the program accepts for "
    "payment.",
    FindingCode.METHOD_NOT_COMPUTABLE: "A baseline method cannot be computed from the data.",
    FindingCode.BASELINE_CHOICE_MATTERS: "Methods that could each be elected give reductions that "
    "differ by more than the limit.",
    FindingCode.READING_ESTIMATED: "Energy in the event was not plainly metered but carries "
    "another quality.",
    FindingCode.READING_FLAGGED: "A source marked its own reading as doubtful.",
    FindingCode.READING_OUT_OF_RANGE: "A reading is no possible value of what was measured.",
    FindingCode.READING_REPEATED: "A source gave two readings with one time stamp.",
    FindingCode.READING_SENTINEL: "A reading is a code for 'no reading', not a value.",
    FindingCode.RULE_NOT_IN_FORCE: "The event day lies outside the days on which the program's "
    "rule is in force.",
    FindingCode.RULE_OVERRIDDEN: "Keys of the program's rule were replaced for this computation.",
    FindingCode.RULE_SWITCHED: "Too few days under the program's rule: another of its rules computed "
    "the baseline.",
    FindingCode.SAMPLE_GAP: "Expected readings are missing.",
    FindingCode.UNCERTAINTY_NOT_CALIBRATED: "There are too few placebo windows to calibrate a "
    "band.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact about the data.

    Attributes:
        code: What kind of fact.
        severity: How much it matters to a settlement.
        subject: Which thing it is about: a meter, a GPU, an event, a rule.
        message: What was expected and what was found, for a person.
        evidence: The values that show it; JSON types only.

    Examples:
        >>> gap = Finding(code=FindingCode.SAMPLE_GAP, severity=Severity.WARNING,
        ...     subject="node 'n1'", message="no reading for 12 s, expected one every 2 s",
        ...     evidence={"gap_s": 12.0})
        >>> gap.evidence_json()
        '{"gap_s":12.0}'
    """

    code: FindingCode
    severity: Severity
    subject: str
    message: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    def evidence_json(self) -> str:
        """Return the evidence as canonical JSON: sorted keys, no spaces."""
        return json.dumps(self.evidence, sort_keys=True, separators=(",", ":"))
