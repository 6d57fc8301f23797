"""Levels that were agreed, declared, or measured at the system's peaks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import InsufficientHistoryError
from tests.models.baselines.conftest import daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
LOAD = load_of(daily({}), date(2026, 6, 1), date(2026, 7, 15))
PLC = SiteInputs(peak_load_contribution_kw=1050.0, loss_factor=1.05)


def test_a_firm_service_level_is_the_peak_over_the_loss_factor() -> None:
    """1050 / 1.05 = 1000 kW; 100 kW metered: 900 kWh in each hour, 945 at the grid."""
    result = compute_baseline(load_program("pjm_capacity_fsl"), LOAD, EVENT, site=PLC)

    assert result.adjusted_baseline_kwh.tolist() == [1000.0, 1000.0]
    assert result.reduction_kwh.tolist() == [900.0, 900.0]
    assert [(step.name, step.value) for step in result.steps] == [
        ("peak load contribution", 1050.0),
        ("loss factor", 1.05),
        ("peak load contribution at the meter", 1000.0),
    ]


def test_a_quarter_of_an_hour_has_a_quarter_of_the_level() -> None:
    rule = load_program("ercot_ers_declared_maximum")
    quarters = load_of(daily({}), date(2026, 7, 15), date(2026, 7, 15), interval_minutes=15)
    site = SiteInputs(declared_maximum_base_load_kw=80.0)

    result = compute_baseline(rule, quarters, EVENT, site=site)

    assert result.adjusted_baseline_kwh.tolist() == [20.0] * 8


@pytest.mark.parametrize(
    ("site", "name"),
    [
        (replace(PLC, peak_load_contribution_kw=None), "peak_load_contribution_kw"),
        (replace(PLC, loss_factor=None), "loss_factor"),
    ],
)
def test_a_level_that_is_not_stated_is_refused_by_name(site: SiteInputs, name: str) -> None:
    with pytest.raises(InsufficientHistoryError, match=f"site input '{name}', found 0; state"):
        compute_baseline(load_program("pjm_capacity_fsl"), LOAD, EVENT, site=site)


def test_a_guaranteed_drop_counts_from_the_lesser_of_baseline_and_level() -> None:
    """Baseline 100 kW in every hour; a level of 90 lowers it, one of 1000 does not."""
    rule = load_program("pjm_capacity_gld")
    low = replace(PLC, peak_load_contribution_kw=94.5)

    assert (
        compute_baseline(rule, LOAD, EVENT, site=PLC).adjusted_baseline_kwh.tolist() == [100.0] * 2
    )
    result = compute_baseline(rule, LOAD, EVENT, site=low)

    assert result.adjusted_baseline_kwh.tolist() == [90.0, 90.0]
    assert result.baseline_kwh.tolist() == [100.0, 100.0]
    assert result.day_type == "weekday"


PEAKS = [datetime(2026, 6, 2, 12, tzinfo=UTC) + timedelta(days=n) for n in range(4)]
ACL = load_program(
    "nyiso_scr_acl", overrides=("coincident_load={highest_count=2, system_hours=4}",)
)


def test_the_highest_loads_of_the_peak_hours_are_averaged() -> None:
    """Loads of 10, 40, 20 and 30 kW in four hours: (40 + 30) / 2 = 35 kW."""
    energy_kwh = LOAD.energy_kwh.copy()
    for start_utc, value in zip(PEAKS, (10.0, 40.0, 20.0, 30.0), strict=True):
        energy_kwh[LOAD.index_of(start_utc)] = value
    site = SiteInputs(system_peak_starts_utc=PEAKS)

    result = compute_baseline(ACL, replace(LOAD, energy_kwh=energy_kwh), EVENT, site=site)

    assert result.adjusted_baseline_kwh.tolist() == [35.0, 35.0]
    assert [step.value for step in result.steps] == [30.0, 40.0, 35.0]


@pytest.mark.parametrize("case", ["none", "three", "one twice", "one not measured"])
def test_fewer_peak_hours_than_the_program_counts_are_refused(case: str) -> None:
    peaks = {"none": [], "three": PEAKS[:3], "one twice": [*PEAKS[:3], PEAKS[0]]}.get(case, PEAKS)
    energy_kwh = LOAD.energy_kwh.copy()
    if case == "one not measured":
        energy_kwh[LOAD.index_of(PEAKS[1])] = np.nan

    with pytest.raises(InsufficientHistoryError, match="at least 4 hours of highest system load"):
        compute_baseline(
            ACL,
            replace(LOAD, energy_kwh=energy_kwh),
            EVENT,
            site=SiteInputs(system_peak_starts_utc=peaks),
        )
