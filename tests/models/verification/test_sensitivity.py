from collections.abc import Callable

import pytest

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.errors import ConfigurationError, InsufficientHistoryError
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.verification.reduction import event_reduction
from negawatt.models.verification.sensitivity import method_sensitivity

BaselineOf = Callable[..., BaselineResult]


def too_little_history() -> BaselineResult:
    raise InsufficientHistoryError(
        rule_id="long", required_count=10, found_count=3, unit="days", remedy="widen"
    )


def test_every_method_is_listed_with_its_reduction_or_its_reason(baseline_of: BaselineOf) -> None:
    """Settled 100, others 104 and 98: spread 6, 6 % of 100."""
    settled = event_reduction(baseline_of([200], [100], rule_id="tariff"))

    sensitivity = method_sensitivity(
        settled,
        {
            "long": too_little_history,
            "b": lambda: baseline_of([198], [100]),
            "a": lambda: baseline_of([204], [100]),
            "gap": lambda: baseline_of([float("nan")], [100]),
        },
    )

    assert [(m.method_id, m.reduction_kwh) for m in sensitivity.computed] == [
        ("tariff", 100.0),
        ("a", 104.0),
        ("b", 98.0),
    ]
    assert [method.method_id for method in sensitivity.not_computable] == ["gap", "long"]
    assert "at least 10 days, found 3" in sensitivity.not_computable[1].reason
    assert sensitivity.spread_kwh == 6.0
    assert sensitivity.spread_ratio == 0.06


def test_a_spread_above_five_percent_is_a_finding_with_its_evidence(
    baseline_of: BaselineOf,
) -> None:
    settled = event_reduction(baseline_of([200], [100], rule_id="tariff"))

    sensitivity = method_sensitivity(settled, {"a": lambda: baseline_of([206], [100])})

    (finding,) = sensitivity.findings
    assert (finding.code, finding.severity) == (
        FindingCode.BASELINE_CHOICE_MATTERS,
        Severity.WARNING,
    )
    assert finding.evidence["reduction_kwh"] == {"tariff": 100.0, "a": 106.0}


def test_a_spread_of_just_five_percent_is_none(baseline_of: BaselineOf) -> None:
    settled = event_reduction(baseline_of([200], [100]))

    sensitivity = method_sensitivity(settled, {"a": lambda: baseline_of([205], [100])})

    assert sensitivity.spread_ratio == 0.05
    assert sensitivity.findings == ()


def test_the_spread_is_measured_against_the_size_of_a_negative_reduction(
    baseline_of: BaselineOf,
) -> None:
    """Settled -10 against -12: 2 of 10, not of -10."""
    settled = event_reduction(baseline_of([90], [100]))

    sensitivity = method_sensitivity(settled, {"a": lambda: baseline_of([88], [100])})

    assert sensitivity.spread_ratio == 0.2


def test_any_spread_matters_where_nothing_was_settled(baseline_of: BaselineOf) -> None:
    """Settled 0 against 1: the ratio is not defined, the finding is."""
    settled = event_reduction(baseline_of([100], [100]))

    sensitivity = method_sensitivity(settled, {"a": lambda: baseline_of([101], [100])})

    assert sensitivity.spread_ratio is None
    assert [finding.code for finding in sensitivity.findings] == [
        FindingCode.BASELINE_CHOICE_MATTERS
    ]


def test_methods_that_cannot_be_computed_are_findings_by_name(baseline_of: BaselineOf) -> None:
    settled = event_reduction(baseline_of([200], [100]))

    sensitivity = method_sensitivity(settled, {"long": too_little_history})

    assert sensitivity.spread_kwh is None
    (finding,) = sensitivity.findings
    assert finding.code is FindingCode.METHOD_NOT_COMPUTABLE
    assert finding.subject == "method 'long'"


def test_an_unknown_settled_reduction_leaves_the_others_to_be_compared(
    baseline_of: BaselineOf,
) -> None:
    settled = event_reduction(baseline_of([float("nan")], [100]))

    sensitivity = method_sensitivity(
        settled,
        {"a": lambda: baseline_of([110], [100]), "b": lambda: baseline_of([130], [100])},
    )

    assert (sensitivity.spread_kwh, sensitivity.spread_ratio) == (20.0, None)


def test_a_wrong_configuration_is_not_hidden(baseline_of: BaselineOf) -> None:
    def misconfigured() -> BaselineResult:
        raise ConfigurationError(thing="t", expected="e", found="f", remedy="r")

    with pytest.raises(ConfigurationError):
        method_sensitivity(event_reduction(baseline_of([2], [1])), {"a": misconfigured})
