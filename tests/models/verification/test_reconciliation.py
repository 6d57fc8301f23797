"""GPUs against the meter in an event: within the limit, above it, and not known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.reconciliation import (
    OutdoorReading,
    ReconciliationInputs,
    reconciliation_findings,
)

FIRST_UTC = datetime(2026, 6, 1, tzinfo=UTC)
START_UTC = datetime(2026, 6, 15, 18, tzinfo=UTC)
EVENT = Interval(START_UTC, START_UTC + timedelta(hours=2))
PER_DAY = 48
N = 14 * PER_DAY + 40  # to the end of the event, in half hours
WINDOW = slice(14 * PER_DAY + 36, N)


def series(power_kw: np.ndarray, meter_id: str = "m1") -> LoadSeries:
    return LoadSeries(
        meter_id=meter_id,
        start_utc=FIRST_UTC,
        interval_minutes=30,
        energy_kwh=power_kw / 2,
        coverage_ratio=np.ones(len(power_kw)),
    )


def hall(noise_kw: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Return GPU and site power [kW]: 20 + 1.25 P; P is 30 to 60, and 20 in the event."""
    random = np.random.default_rng(3)
    gpu_kw = random.uniform(30.0, 60.0, N)
    gpu_kw[WINDOW] = 20.0
    return gpu_kw, 20 + 1.25 * gpu_kw + noise_kw * random.standard_normal(N)


def found(
    gpu_kw: np.ndarray,
    site_kw: np.ndarray,
    *,
    others: tuple[Interval, ...] = (),
    outdoor: tuple[OutdoorReading, ...] = (),
    limit_ratio: float = 0.03,
) -> Finding:
    inputs = ReconciliationInputs(
        gpu_load=series(gpu_kw, "all GPUs"), outdoor=outdoor, limit_ratio=limit_ratio
    )
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)
    (finding,) = reconciliation_findings(
        inputs, series(site_kw), event, dispatch=EVENT, other_event_windows=others
    )
    return finding


def test_a_meter_that_follows_its_gpus_is_reconciled() -> None:
    """20 kW of GPUs make 45 kW at the meter."""
    finding = found(*hall())

    assert (finding.code, finding.severity) == (FindingCode.SITE_RECONCILED, Severity.INFO)
    assert finding.evidence["expected_kw_mean"] == pytest.approx(45.0, abs=0.1)
    assert finding.evidence["terms"] == pytest.approx(
        {"fixed_kw": 20.0, "kw_per_kw": 1.25}, rel=0.01
    )
    assert finding.evidence["day_count"] == 14
    assert finding.evidence["window_count"] == 14 * PER_DAY // 4 - 1  # the longest lag settles
    assert finding.evidence["outdoor_temperature_known"] is False


def test_a_meter_that_fell_more_than_its_gpus_explain_is_above_the_limit() -> None:
    """A battery gives 4 kW in the event: 41 kW are metered where GPUs explain 45: -9.8 %."""
    gpu_kw, site_kw = hall(noise_kw=0.0)
    site_kw[WINDOW] -= 4.0

    finding = found(gpu_kw, site_kw)

    assert finding.code is FindingCode.RECONCILIATION_RESIDUAL_HIGH
    assert finding.severity is Severity.WARNING
    assert finding.evidence["residual_ratio"] == pytest.approx(-4 / 41)
    assert finding.message == (
        "over the event GPUs and overhead explain 45.0 kW of 41.0 kW; expected at most 3% "
        "unexplained, found that -9.8% of the metered load is left unexplained"
    )
    assert found(gpu_kw, site_kw, limit_ratio=0.1).code is FindingCode.SITE_RECONCILED


def test_what_a_declared_battery_gave_is_explained_by_it() -> None:
    """4 kW of 45 come from the battery: meter and battery together are what GPUs explain."""
    gpu_kw, site_kw = hall(noise_kw=0.0)
    given_kw = np.zeros(N)
    given_kw[WINDOW] = 4.0
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw, "all GPUs"), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    (finding,) = reconciliation_findings(
        inputs,
        series(site_kw - given_kw),
        event,
        dispatch=EVENT,
        other_event_windows=(),
        outputs=(series(given_kw, "battery"),),
    )

    assert finding.code is FindingCode.SITE_RECONCILED
    assert finding.evidence["residual_ratio"] == pytest.approx(0.0, abs=1e-9)


def test_a_meter_that_ordinarily_does_not_follow_is_above_the_limit_though_the_event_fits() -> None:
    """The meter wanders by 12 kW in spans of four hours."""
    gpu_kw, site_kw = hall()
    wander = np.random.default_rng(9).standard_normal(N // 8 + 1) * 12
    wandering_kw = site_kw + np.repeat(wander, 8)[:N]
    wandering_kw[WINDOW] = site_kw[WINDOW]

    finding = found(gpu_kw, wandering_kw, limit_ratio=0.2)

    assert finding.code is FindingCode.RECONCILIATION_RESIDUAL_HIGH
    assert abs(finding.evidence["residual_ratio"]) < 0.2  # type: ignore[arg-type]  # a number
    assert "one ordinary window in ten leaves" in finding.message


def test_days_with_events_are_not_learned_from() -> None:
    """On 5 June another event: the site draws 15 kW less than its GPUs explain."""
    gpu_kw, site_kw = hall()
    other = Interval(datetime(2026, 6, 5, 10, tzinfo=UTC), datetime(2026, 6, 5, 14, tzinfo=UTC))
    odd_kw = site_kw.copy()
    odd_kw[4 * PER_DAY + 20 : 4 * PER_DAY + 28] -= 15.0

    clean, told, untold = (
        found(gpu_kw, site_kw, others=(other,)),
        found(gpu_kw, odd_kw, others=(other,)),
        found(gpu_kw, odd_kw),
    )

    assert told == clean
    assert told.evidence["day_count"] == 13
    assert untold.evidence["cv_rmse_ratio"] > 5 * told.evidence["cv_rmse_ratio"]  # type: ignore[operator]  # numbers


def test_days_after_the_event_are_not_learned_from() -> None:
    """On two days after it the site draws 30 kW more than its GPUs explain."""
    gpu_kw, site_kw = hall()
    later_kw = np.full(2 * PER_DAY, 50.0)

    more = found(np.append(gpu_kw, later_kw), np.append(site_kw, 112.5 + 0 * later_kw))

    assert more == found(gpu_kw, site_kw)


def test_a_temperature_holds_for_an_hour_and_a_half() -> None:
    """Readings every hour are enough; one missing leaves a half hour without, two leave more."""
    gpu_kw, site_kw = hall()
    hourly = tuple(
        OutdoorReading(at_utc=FIRST_UTC + timedelta(hours=n), outdoor_c=20 + 5 * np.sin(n / 4))
        for n in range(N // 2)
    )
    sparse = hourly[::4]

    assert found(gpu_kw, site_kw, outdoor=hourly).evidence["outdoor_temperature_known"] is True
    assert found(gpu_kw, site_kw, outdoor=sparse).evidence["outdoor_temperature_known"] is False


def test_a_gpu_that_is_not_known_in_the_event_leaves_it_not_known() -> None:
    gpu_kw, site_kw = hall()
    gpu_kw[N - 1] = np.nan

    finding = found(gpu_kw, site_kw)

    assert (finding.code, finding.severity) == (FindingCode.SITE_NOT_RECONCILED, Severity.INFO)
    assert "found 1 of 4 intervals without" in finding.message


def test_six_days_of_history_leave_it_not_known() -> None:
    gpu_kw, site_kw = hall()
    gpu_kw[: 8 * PER_DAY] = np.nan

    finding = found(gpu_kw, site_kw)

    assert finding.code is FindingCode.SITE_NOT_RECONCILED
    assert "at least 7 days" in finding.message


def test_no_gpu_in_the_event_leaves_it_not_known() -> None:
    gpu_kw, site_kw = hall()
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw[: N - 8]), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    (finding,) = reconciliation_findings(
        inputs, series(site_kw), event, dispatch=EVENT, other_event_windows=()
    )

    assert finding.code is FindingCode.SITE_NOT_RECONCILED


@pytest.mark.parametrize("late", [1, 2, -1])
def test_a_meter_with_stamps_of_another_half_hour_is_found(late: int) -> None:
    """Interval ends read as starts, or an hour's zone; jobs last 1 to 8 hours."""
    random = np.random.default_rng(6)
    ends = np.cumsum(random.integers(2, 16, N))
    gpu_kw = random.uniform(30.0, 60.0, N)[np.searchsorted(ends, np.arange(N), side="right")]
    site_kw = np.roll(20 + 1.25 * gpu_kw, late)
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw, "all GPUs"), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    _, clock = reconciliation_findings(
        inputs, series(site_kw), event, dispatch=EVENT, other_event_windows=()
    )

    assert clock.code is FindingCode.CLOCKS_APART
    assert clock.evidence["lag_s"] == 1800.0 * late


def test_warm_afternoons_after_a_load_that_peaks_at_noon_are_no_late_clock() -> None:
    """GPUs peak at 13:00, the cooling at 17:00: levels correlate best two hours apart."""
    random = np.random.default_rng(7)
    hour = np.arange(N) / 2 % 24
    gpu_kw = 50 + 10 * np.cos((hour - 13) / 24 * 2 * np.pi) + random.standard_normal(N)
    cooling_kw = 20 * np.maximum(0.0, np.cos((hour - 17) / 24 * 2 * np.pi))
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw, "all GPUs"), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    found = reconciliation_findings(
        inputs,
        series(20 + 1.15 * gpu_kw + cooling_kw),
        event,
        dispatch=EVENT,
        other_event_windows=(),
    )

    assert [one.code for one in found[1:]] == []


def test_a_finer_meter_is_added_up_to_the_gpus_intervals() -> None:
    gpu_kw, site_kw = hall()
    fine = LoadSeries(
        meter_id="m1",
        start_utc=FIRST_UTC,
        interval_minutes=15,
        energy_kwh=np.repeat(site_kw / 4, 2),
        coverage_ratio=np.ones(2 * N),
    )
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    (finding,) = reconciliation_findings(
        inputs, fine, event, dispatch=EVENT, other_event_windows=()
    )

    assert finding.message == found(gpu_kw, site_kw).message


def test_a_meter_with_longer_intervals_than_the_gpus_leaves_it_not_known() -> None:
    """The meter was hourly until lately: its series is, while GPUs have half hours."""
    gpu_kw, site_kw = hall()
    hourly = LoadSeries(
        meter_id="m1",
        start_utc=FIRST_UTC,
        interval_minutes=60,
        energy_kwh=site_kw[::2],
        coverage_ratio=np.ones(N // 2),
    )
    inputs = ReconciliationInputs(gpu_load=series(gpu_kw), outdoor=())
    event = Event(event_id="e1", revision=1, site_id="s", program_id="p", interval=EVENT)

    (finding,) = reconciliation_findings(
        inputs, hourly, event, dispatch=EVENT, other_event_windows=()
    )

    assert finding.code is FindingCode.SITE_NOT_RECONCILED
    assert "divide 30 min, found longer ones" in finding.message


def test_a_site_without_any_load_in_the_event_is_not_divided_by() -> None:
    gpu_kw, site_kw = hall()
    site_kw[WINDOW] = 0.0

    finding = found(gpu_kw, site_kw)

    assert finding.code is FindingCode.SITE_NOT_RECONCILED
    assert "found none at the meter" in finding.message
