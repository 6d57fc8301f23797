"""One settled event, small enough to follow by hand: two hours of 16:00 to 18:00 UTC.

Adjusted baseline 100.0004 and 100.0006 kWh, metered 70.0 and 80.0 kWh.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from negawatt.models.baselines.result import Adjustment, BaselineResult, CandidateDay, DayUse
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.build import Assessment, SettlementTerms, build_statement_body
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.market import Market, MarketSeries, RegistrationFact
from negawatt.models.settlement.payment.rules import payment_rule_text
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.uncertainty.conformal import conformal_band
from negawatt.models.uncertainty.placebo import PlaceboResult, RefusedPlacebo
from negawatt.models.verification.attribution import attribute_to_jobs
from negawatt.models.verification.obligation import obligation_of
from negawatt.models.verification.reduction import event_reduction
from negawatt.models.verification.response import response_of
from negawatt.models.verification.sensitivity import method_sensitivity
from negawatt.models.verification.verdict import judge

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


TERMS = SettlementTerms(statement_id="e1.program", revenue_grade=True)


def fact(name: str, value: str, unit: str) -> RegistrationFact:
    """Return a fact that always holds."""
    return RegistrationFact(name=name, value=Decimal(value), unit=unit, source="the contract")


def market_at(*per_mwh: Decimal) -> Market:
    """Return hourly prices from the event's start [USD/MWh], paid by PJM's economic program."""
    starts_utc = tuple(START_UTC + n * HOUR for n in range(len(per_mwh)))
    return Market(
        payment_rule_toml=payment_rule_text("pjm_economic"),
        series=(
            MarketSeries(
                price_name="lmp",
                series_id="zone",
                currency="USD",
                per="MWh",
                interval_start_utc=starts_utc,
                interval_end_utc=tuple(start_utc + HOUR for start_utc in starts_utc),
                amounts=per_mwh,
            ),
        ),
        facts=(fact("loss_factor", "1", "factor"), fact("net_benefits_price", "0", "USD/MWh")),
    )


MARKET = market_at(Decimal(50), Decimal(50))
DAYS = (
    CandidateDay(
        candidate_date=date(2026, 6, 30),
        use=DayUse.SELECTED,
        reason="highest",
        window_power_kw_mean=0.1 + 0.2,
    ),
    CandidateDay(
        candidate_date=date(2026, 6, 29),
        use=DayUse.DROPPED,
        reason="not measured",
        window_power_kw_mean=None,
    ),
)
PLACEBO = PlaceboResult(
    dates=tuple(date(2026, 6, 30) - timedelta(days=n) for n in range(9)),
    errors_kwh=(3.0,) * 9,
    interval_errors_kwh=np.full((9, 2), 1.5),
    refused=(RefusedPlacebo(placebo_date=date(2026, 6, 20), reason="not measured"),),
    rrmse_ratio=0.01,
    bias_ratio=0.01,
)


@pytest.fixture
def settle() -> Callable[..., StatementBody]:
    """Return a function that settles the event, with other energies, findings or terms."""

    def make(
        *,
        adjusted_baseline_kwh: Sequence[float] = (100.0004, 100.0006),
        metered_kwh: Sequence[float] = (70.0, 80.0),
        data_findings: Sequence[Finding] = (),
        event_program_id: str = "program",
        market: Market | None = MARKET,
        **terms: Any,  # noqa: ANN401 - as replace takes them
    ) -> StatementBody:
        event = event_of(event_program_id)
        result = baseline_of(adjusted_baseline_kwh, metered_kwh)
        return build_statement_body(
            event,
            result,
            assessment_of(event, result),
            replace(TERMS, **terms),
            input_sha256={"table_b": "b" * 64, "table_a": "c" * 64},
            market=market,
            data_findings=data_findings,
        )

    return make


def event_of(program_id: str) -> Event:
    """Return the event: 20 kW promised, 75 kW not to be exceeded."""
    return Event(
        event_id="e1",
        revision=1,
        site_id="s",
        program_id=program_id,
        interval=Interval(START_UTC, START_UTC + 2 * HOUR),
        committed_kw=20.0,
        limit_kw=75.0,
    )


def baseline_of(
    adjusted_baseline_kwh: Sequence[float], metered_kwh: Sequence[float]
) -> BaselineResult:
    """Return the event's baseline."""
    adjusted_kwh = np.array(adjusted_baseline_kwh)
    return BaselineResult(
        program_id="program",
        rule_id="program@1",
        rule_digest="a" * 64,
        meter_id="m",
        interval_minutes=60,
        interval_start_utc=(START_UTC, START_UTC + HOUR),
        baseline_kwh=adjusted_kwh - 1,
        adjusted_baseline_kwh=adjusted_kwh,
        metered_kwh=np.array(metered_kwh),
        days=DAYS,
        adjustment=Adjustment(kind="additive", applied_value=1.0),
    )


def assessment_of(event: Event, result: BaselineResult) -> Assessment:
    """Return what the other rooms make of it; the site used 100 kW before, 110 and 90 after."""
    load = LoadSeries(
        meter_id="m",
        start_utc=START_UTC - HOUR,
        interval_minutes=60,
        energy_kwh=np.array([100.0, *result.metered_kwh, 110.0, 90.0]),
        coverage_ratio=np.ones(5),
    )
    reduction = event_reduction(result, committed_kw=20.0)
    return Assessment(
        reduction=reduction,
        verdicts=judge(reduction, load, event.interval, obligation_of(event, load)),
        band=conformal_band(result.reduction_kwh, PLACEBO, committed_kwh=40.0),
        placebo=PLACEBO,
        sensitivity=method_sensitivity(reduction, {}),
        response=response_of(load, event.interval, level_kw=100.0, limit_kw=75.0),
        attribution=attribute_to_jobs(load, {}, event.interval, dispatch=event.interval),
    )


@pytest.fixture
def provenance() -> Provenance:
    """Return who computed it from where."""
    return Provenance(
        issued_at_utc=datetime(2026, 7, 3, tzinfo=UTC),
        code_version="0.1.0",
        code_digest="d" * 64,
        library_versions={"numpy": "2.3.0"},
        parameters={"history_days": 62.0},
        table_versions={"core_site__interval_energy": 4},
    )
