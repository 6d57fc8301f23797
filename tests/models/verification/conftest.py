"""Loads and baselines of one event, from the figures that a test states."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.baselines.result import Adjustment, BaselineResult
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)


@pytest.fixture
def baseline_of() -> Callable[..., BaselineResult]:
    """Return a baseline from 16:00 UTC with the given energies of each interval."""
    return baseline_from


def load_from(
    start_utc: datetime, energy_kwh: Sequence[float], interval_minutes: int
) -> LoadSeries:
    """Return a load series of full coverage."""
    return LoadSeries(
        meter_id="m",
        start_utc=start_utc,
        interval_minutes=interval_minutes,
        energy_kwh=np.array(energy_kwh, dtype=float),
        coverage_ratio=np.ones(len(energy_kwh)),
    )


@pytest.fixture
def load_around() -> Callable[..., tuple[LoadSeries, Interval]]:
    """Return a load and its event from the powers before, in and after the event [kW]."""
    return load_around_from


def baseline_from(
    adjusted_baseline_kwh: Sequence[float],
    metered_kwh: Sequence[float],
    *,
    interval_minutes: int = 60,
    rule_id: str = "rule-1",
) -> BaselineResult:
    """Return a baseline from 16:00 UTC with the given energies of each interval."""
    load = load_from(START_UTC, metered_kwh, interval_minutes)
    return BaselineResult(
        program_id="program",
        rule_id=rule_id,
        rule_digest="0" * 64,
        meter_id="m",
        interval_minutes=interval_minutes,
        interval_start_utc=tuple(START_UTC + n * load.interval for n in range(len(metered_kwh))),
        baseline_kwh=np.array(adjusted_baseline_kwh, dtype=float),
        adjusted_baseline_kwh=np.array(adjusted_baseline_kwh, dtype=float),
        metered_kwh=np.array(metered_kwh, dtype=float),
        days=(),
        adjustment=Adjustment(kind="none"),
    )


def load_around_from(
    before_kw: Sequence[float],
    event_kw: Sequence[float],
    after_kw: Sequence[float] = (),
    *,
    interval_minutes: int = 30,
) -> tuple[LoadSeries, Interval]:
    """Return a load and its event from the powers before, in and after the event [kW]."""
    powers_kw = [*before_kw, *event_kw, *after_kw]
    energy_kwh = [value * interval_minutes / 60 for value in powers_kw]
    grid = load_from(START_UTC, energy_kwh, interval_minutes)
    start_utc = START_UTC + len(before_kw) * grid.interval
    return grid, Interval(start_utc, start_utc + len(event_kw) * grid.interval)
