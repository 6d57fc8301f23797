from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.statement import Override, StatementBody
from negawatt.models.verification.verdict import Outcome

Settle = Callable[..., StatementBody]

BLOCKING = Finding(
    code=FindingCode.COVERAGE_LOW,
    severity=Severity.BLOCKING,
    subject="meter 'm'",
    message="two minutes were estimated",
)
NOTE = Finding(
    code=FindingCode.SAMPLE_GAP, severity=Severity.INFO, subject="node 'n'", message="12 s"
)
OVERRIDE = Override(
    finding_code=FindingCode.COVERAGE_LOW,
    subject="meter 'm'",
    reason="the utility accepts estimates below five minutes",
    decided_by="A. Auditor",
    decided_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
)


def test_lines_and_totals_by_hand(settle: Settle) -> None:
    """100.0004 and 100.0006 round to 100.000 and 100.001; 70 and 80 less are 30.000 and 20.001.

    Totals add the rounded lines: 50.001 kWh. At 0.05 USD they are 2.50005, rounded once: 2.50.
    """
    body = settle()

    first, second = body.lines
    assert str(first.adjusted_baseline_kwh) == "100.000"
    assert str(second.adjusted_baseline_kwh) == "100.001"
    assert [str(line.reduction_kwh) for line in body.lines] == ["30.000", "20.001"]
    assert str(body.totals.adjusted_baseline_kwh) == "200.001"
    assert str(body.totals.metered_kwh) == "150.000"
    assert str(body.totals.reduction_kwh) == "50.001"
    assert body.payment is not None
    assert str(body.payment.total) == "2.50"
    assert first.interval_end_utc == second.interval_start_utc


def test_both_verdicts_the_band_and_the_derivation_are_in_the_body(settle: Settle) -> None:
    """50.001 kWh in 2 h is 25.0005 kW of 20; 80 kW exceeds the limit of 75; 50.001 +- 3 kWh."""
    body = settle()

    assert body.verdicts.baseline.outcome is Outcome.MET
    assert body.verdicts.baseline.delivered_kw_mean == 25.0005
    assert body.verdicts.cap.outcome is Outcome.NOT_MET
    assert body.band is not None
    assert (body.band.lower_kwh, body.band.upper_kwh) == (47.001, 53.001)
    assert body.placebo is not None
    assert body.placebo.refused[0].reason == "not measured"
    assert [day.reason for day in body.days] == ["highest", "not measured"]
    assert [given.name for given in body.inputs] == ["table_a", "table_b"]


def test_floats_of_the_derivation_lose_their_binary_noise(settle: Settle) -> None:
    """0.1 + 0.2 is 0.30000000000000004 in binary."""
    assert settle().days[0].window_power_kw_mean == 0.3


def test_without_a_market_no_payment_is_invented(settle: Settle) -> None:
    assert settle(market=None).payment is None


def test_a_blocking_finding_stops_the_settlement(settle: Settle) -> None:
    with pytest.raises(DataRefusedError, match="two minutes were estimated"):
        settle(data_findings=(BLOCKING,))


def test_a_recorded_override_lets_it_pass_and_stays_in_the_statement(settle: Settle) -> None:
    body = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))

    assert [replace(made, decided_on=None) for made in body.overrides] == [OVERRIDE]
    assert BLOCKING in body.findings


def test_an_override_of_another_subject_does_not_count(settle: Settle) -> None:
    other = Override(
        finding_code=FindingCode.COVERAGE_LOW,
        subject="meter 'other'",
        reason="r",
        decided_by="d",
        decided_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
    )

    with pytest.raises(DataRefusedError, match="recorded override"):
        settle(data_findings=(BLOCKING,), overrides=(other,))


def test_no_override_settles_energy_that_is_not_known(settle: Settle) -> None:
    with pytest.raises(DataRefusedError, match="an override invents no energy"):
        settle(metered_kwh=(70.0, float("nan")), overrides=(OVERRIDE,))


def test_findings_stand_once_each_in_an_order_no_stage_decides(settle: Settle) -> None:
    forward = settle(data_findings=(NOTE, BLOCKING, NOTE), overrides=(OVERRIDE,))
    backward = settle(data_findings=(BLOCKING, NOTE), overrides=(OVERRIDE,))

    assert forward.findings == backward.findings == (BLOCKING, NOTE)


def test_a_meter_that_is_not_revenue_grade_is_said_to_be_so(settle: Settle) -> None:
    body = settle(revenue_grade=False)

    assert not body.revenue_grade
    assert [finding.code for finding in body.findings] == [FindingCode.METER_NOT_REVENUE_GRADE]


def test_the_baseline_of_another_program_is_refused(settle: Settle) -> None:
    with pytest.raises(DataRefusedError, match="a baseline of its program 'other'"):
        settle(event_program_id="other")
