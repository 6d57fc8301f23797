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

    AGENT_STATES_COMPARED = "agent_states_compared"
    CLOCK_NOT_SYNCHRONIZED = "clock_not_synchronized"
    CLOCK_STEPPED = "clock_stepped"
    CLOCKS_APART = "clocks_apart"
    COUNTER_RESET = "counter_reset"
    COVERAGE_LOW = "coverage_low"
    DATASET_DISCREPANCY = "dataset_discrepancy"
    DRIVER_SAMPLES_LOST = "driver_samples_lost"
    ENERGY_METHODS_DISAGREE = "energy_methods_disagree"
    EXPORTER_PAGE_WITHOUT_POWER = "exporter_page_without_power"
    EXPORTER_LINE_REJECTED = "exporter_line_rejected"
    GRID_MESSAGE_SIGNED = "grid_message_signed"
    FIELD_NOT_SUPPORTED = "field_not_supported"
    GAIN_APPLIED = "gain_applied"
    GAIN_NOT_APPLIED = "gain_not_applied"
    JOBS_SHARE_GPU = "jobs_share_gpu"
    LEVEL_RESIDUAL_HIGH = "level_residual_high"
    LOW_CONFIDENCE_RULE = "low_confidence_rule"
    METER_CLOCK_SUSPECT = "meter_clock_suspect"
    METER_FLAT = "meter_flat"
    METER_NOT_REVENUE_GRADE = "meter_not_revenue_grade"
    METER_REGISTER_DISAGREES = "meter_register_disagrees"
    METER_SPIKE = "meter_spike"
    METER_FILE_REWRITTEN = "meter_file_rewritten"
    METER_ROW_REJECTED = "meter_row_rejected"
    METHOD_NOT_COMPUTABLE = "method_not_computable"
    BASELINE_CHOICE_MATTERS = "baseline_choice_matters"
    OUTSIDE_ESTIMATED_BAND = "outside_estimated_band"
    PAYMENT_NOT_COMPUTABLE = "payment_not_computable"
    READINGS_COPIED = "readings_copied"
    READING_ESTIMATED = "reading_estimated"
    READING_FLAGGED = "reading_flagged"
    READING_OUT_OF_RANGE = "reading_out_of_range"
    READING_REPEATED = "reading_repeated"
    READING_SENTINEL = "reading_sentinel"
    RECONCILIATION_RESIDUAL_HIGH = "reconciliation_residual_high"
    RULE_NOT_IN_FORCE = "rule_not_in_force"
    RULE_OVERRIDDEN = "rule_overridden"
    RULE_SWITCHED = "rule_switched"
    SAMPLE_GAP = "sample_gap"
    SCREEN_DAY_SET_EXPLOITED = "screen_day_set_exploited"
    SCREEN_DISPLACED = "screen_displaced"
    SCREEN_FROZEN_BASELINE = "screen_frozen_baseline"
    SCREEN_GENERATION_SWAPPED = "screen_generation_swapped"
    SCREEN_METHOD_SHOPPED = "screen_method_shopped"
    SCREEN_NO_ACTION = "screen_no_action"
    SCREEN_NOT_MADE = "screen_not_made"
    SCREEN_PLACEBO_PAID = "screen_placebo_paid"
    SCREEN_REBOUNDED = "screen_rebounded"
    SCREEN_WINDOW_INFLATED = "screen_window_inflated"
    SEALED_FILE_DAMAGED = "sealed_file_damaged"
    SEALED_FILE_MISSING = "sealed_file_missing"
    SITE_NOT_RECONCILED = "site_not_reconciled"
    SITE_RECONCILED = "site_reconciled"
    SPOOL_DISK_LOW = "spool_disk_low"
    SPOOL_LOG_DAMAGED = "spool_log_damaged"
    SPOOL_LOG_TORN = "spool_log_torn"
    STORAGE_DISCHARGED = "storage_discharged"
    SUPPLY_LOSS_FITTED = "supply_loss_fitted"
    TARGET_STATE_CHANGED = "target_state_changed"
    TOPOLOGY_REFUSED = "topology_refused"
    SPOOL_NOT_SHIPPED = "spool_not_shipped"
    UNCERTAINTY_NOT_CALIBRATED = "uncertainty_not_calibrated"

    @property
    def description(self) -> str:
        """What the code says, in one sentence."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS: Mapping[FindingCode, str] = {
    FindingCode.AGENT_STATES_COMPARED: "What the agent that controls the load states of itself, "
    "beside the settlement meter; a warning where they disagree.",
    FindingCode.CLOCK_NOT_SYNCHRONIZED: "Nothing keeps a node's wall clock in time: how far it is "
    "off is not known.",
    FindingCode.CLOCK_STEPPED: "A node's wall clock jumped against its monotonic one: it was "
    "set, or the machine slept.",
    FindingCode.CLOCKS_APART: "Two meters show one load at different times; no reading is moved.",
    FindingCode.COUNTER_RESET: "An energy counter decreased: the driver was reloaded or the GPU "
    "was reset; the energy between the two readings is not known.",
    FindingCode.COVERAGE_LOW: "Part of an interval was not measured.",
    FindingCode.DATASET_DISCREPANCY: "Two files of one data set state different values.",
    FindingCode.ENERGY_METHODS_DISAGREE: "Two ways to measure the same energy differ by more than "
    "the limit.",
    FindingCode.EXPORTER_PAGE_WITHOUT_POWER: "An exporter page holds no power and no energy "
    "reading for any GPU.",
    FindingCode.EXPORTER_LINE_REJECTED: "A line of an exporter page was not read.",
    FindingCode.DRIVER_SAMPLES_LOST: "Samples in the driver's own buffer were gone before they "
    "were read, or are no power with a time; energy does not depend on them.",
    FindingCode.FIELD_NOT_SUPPORTED: "A GPU or its driver does not give a value, which stays NULL; "
    "said once for each value.",
    FindingCode.GAIN_APPLIED: "A card's energy is corrected by a gain that was measured beside a "
    "meter and signed; its readings are kept as they are.",
    FindingCode.GAIN_NOT_APPLIED: "The gain of a card is known and not used: nobody trusted signed "
    "it, or the card ran with another driver.",
    FindingCode.JOBS_SHARE_GPU: "Two jobs held one GPU at one time: the energy of neither is known "
    "then, because no sensor sees a part of a GPU.",
    FindingCode.GRID_MESSAGE_SIGNED: "The event was asked for by a message whose signature was "
    "held against a known key; the signed string is kept.",
    FindingCode.LEVEL_RESIDUAL_HIGH: "Meters of one level of the electrical path and of the next "
    "do not add up.",
    FindingCode.LOW_CONFIDENCE_RULE: "A load-bearing fact of the program's rule was not verified "
    "against the primary document.",
    FindingCode.METER_CLOCK_SUSPECT: "Stamps of a meter cannot be right: readings were had before "
    "their interval was over, or just the hour is missing that the site's clock skips.",
    FindingCode.METER_FLAT: "A meter read one value other than zero for hours, and its load is "
    "declared to change.",
    FindingCode.METER_REGISTER_DISAGREES: "A meter's intervals do not add up to what its register "
    "counted, or the register fell.",
    FindingCode.METER_SPIKE: "A single interval is far above the two before and the two after it.",
    FindingCode.METER_NOT_REVENUE_GRADE: "The meter is not one that the program accepts for "
    "payment.",
    FindingCode.METER_FILE_REWRITTEN: "A meter's file that is followed has become shorter; it is "
    "not read on.",
    FindingCode.METER_ROW_REJECTED: "A row of a meter's file was not read.",
    FindingCode.METHOD_NOT_COMPUTABLE: "A baseline method cannot be computed from the data.",
    FindingCode.BASELINE_CHOICE_MATTERS: "Methods that could each be elected give reductions that "
    "differ by more than the limit.",
    FindingCode.OUTSIDE_ESTIMATED_BAND: "The settled reduction lies outside the band of a recorded "
    "estimate, which settles nothing.",
    FindingCode.PAYMENT_NOT_COMPUTABLE: "A price or fact that the payment rule asks for is not "
    "known; the energy is settled, the amount is not.",
    FindingCode.READINGS_COPIED: "Several meters give one series, reading for reading: a sum over "
    "them counts one load more than once.",
    FindingCode.READING_ESTIMATED: "Energy in the event was not plainly metered but carries "
    "another quality.",
    FindingCode.READING_FLAGGED: "A source marked its own reading as doubtful.",
    FindingCode.READING_OUT_OF_RANGE: "A reading is no possible value of what was measured.",
    FindingCode.READING_REPEATED: "A source gave two readings with one time stamp.",
    FindingCode.READING_SENTINEL: "A reading is a code for 'no reading', not a value.",
    FindingCode.RECONCILIATION_RESIDUAL_HIGH: "GPUs and overhead leave more of the meter "
    "unexplained than the limit; the reduction is attributed to GPUs and jobs only where somebody "
    "decides so on record.",
    FindingCode.RULE_NOT_IN_FORCE: "The event day lies outside the days on which the program's "
    "rule is in force.",
    FindingCode.RULE_OVERRIDDEN: "Keys of the program's rule were replaced for this computation.",
    FindingCode.RULE_SWITCHED: "Too few days under the program's rule: another of its rules "
    "computed the baseline.",
    FindingCode.SAMPLE_GAP: "Expected readings are missing.",
    FindingCode.SCREEN_DAY_SET_EXPLOITED: "Days that carry the baseline had high load and had "
    "been announced as possible event days.",
    FindingCode.SCREEN_DISPLACED: "Load at other meters of the operator rose in the event by "
    "more than the like days explain.",
    FindingCode.SCREEN_FROZEN_BASELINE: "Most days that could have renewed the baseline were "
    "event days.",
    FindingCode.SCREEN_GENERATION_SWAPPED: "Most of the reduction came from generation behind "
    "the meter that was lower on the baseline's days.",
    FindingCode.SCREEN_METHOD_SHOPPED: "The settled method gives the largest reduction of all "
    "that could be elected, by more than the limit.",
    FindingCode.SCREEN_NO_ACTION: "The load was low before the site was asked, or the site would "
    "have been off.",
    FindingCode.SCREEN_NOT_MADE: "A test for manipulation could not be made for want of data.",
    FindingCode.SCREEN_PLACEBO_PAID: "The method pays for reductions on ordinary days, on which "
    "nothing was reduced.",
    FindingCode.SCREEN_REBOUNDED: "Much of the reduction came back in the hours around the event.",
    FindingCode.SCREEN_WINDOW_INFLATED: "Load in the adjustment window was high after the site "
    "had been told of the event.",
    FindingCode.SEALED_FILE_DAMAGED: "A sealed file holds other bytes than were sealed.",
    FindingCode.SEALED_FILE_MISSING: "A sealed file that the manifest names is not there.",
    FindingCode.SITE_NOT_RECONCILED: "Whether GPUs and meter agree in the event cannot be said.",
    FindingCode.SITE_RECONCILED: "GPUs and the site's overhead explain the meter in the event "
    "within the limit; the evidence holds the overhead and its stability.",
    FindingCode.SPOOL_DISK_LOW: "The collector's disk had no room for all readings: some were "
    "given up and are gaps.",
    FindingCode.SPOOL_LOG_DAMAGED: "Bytes inside the collector's log do not agree with their "
    "checksum; the readings in them are gaps.",
    FindingCode.SPOOL_LOG_TORN: "The collector's log ended inside a write, as a crash leaves it; "
    "what was not written is a gap.",
    FindingCode.STORAGE_DISCHARGED: "Storage behind the meter gave energy in the event, and the "
    "program does not count it, or is not known to.",
    FindingCode.SUPPLY_LOSS_FITTED: "What feeds lose to what they serve, fitted to meters on both "
    "sides; no energy is corrected by it.",
    FindingCode.TARGET_STATE_CHANGED: "A target of the collector began to fail, was given up, or "
    "answers again.",
    FindingCode.TOPOLOGY_REFUSED: "What is told of the electrical path contradicts itself; nothing "
    "is compared along it.",
    FindingCode.SPOOL_NOT_SHIPPED: "Sealed files did not get to where they are shipped; they wait "
    "on the node.",
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
