"""Control groups, schedules and generators."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.site_inputs import ControlGroup, Nomination, SiteInputs
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
LOAD = load_of(daily({}), date(2026, 6, 1), date(2026, 7, 15))


def group(control: int, treated: int) -> SiteInputs:
    load = load_of(daily({}, 600.0), date(2026, 7, 15), date(2026, 7, 15))
    return SiteInputs(
        control_group=ControlGroup(load=load, control_count=control, treated_count=treated)
    )


def by(program_id: str, site: SiteInputs | None, load: LoadSeries = LOAD) -> BaselineResult:
    return compute_baseline(load_program(program_id), load, EVENT, site=site)


def test_the_control_groups_mean_stands_for_each_unit_that_was_dispatched() -> None:
    """600 kW over 200 units are 3 kW each; 50 dispatched: 150 kW."""
    result = by("caiso_control_group", group(200, 50))

    assert result.adjusted_baseline_kwh.tolist() == [150.0, 150.0]
    assert [step.value for step in result.steps] == [200.0, 50.0]


def test_a_group_that_is_missing_too_small_or_not_measured_is_refused() -> None:
    short = group(200, 50)
    assert short.control_group is not None
    early = replace(short.control_group, load=replace(LOAD, energy_kwh=LOAD.energy_kwh * np.nan))

    with pytest.raises(InsufficientHistoryError, match="'control_group', found 0"):
        by("caiso_control_group", None)
    with pytest.raises(InsufficientHistoryError, match=r"150 units in the control .* found 149"):
        by("caiso_control_group", group(149, 50))
    with pytest.raises(InsufficientHistoryError, match="load of the control group is known"):
        by("caiso_control_group", replace(short, control_group=early))


def schedule(locked_before_start: timedelta) -> SiteInputs:
    load = load_of(daily({}, 170.0), date(2026, 7, 15), date(2026, 7, 15))
    locked = EVENT.start_utc - locked_before_start
    return SiteInputs(nomination=Nomination(schedule=load, locked_at_utc=locked))


def test_a_schedule_that_was_locked_in_time_is_the_baseline() -> None:
    result = by("spp_forecast", schedule(timedelta(minutes=1)))

    assert result.adjusted_baseline_kwh.tolist() == [170.0, 170.0]


def test_a_schedule_that_could_be_changed_after_the_start_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="expected a lock before the event start"):
        by("spp_forecast", schedule(timedelta(0)))


def test_a_lock_before_the_notification_needs_its_time() -> None:
    rule = load_program("spp_forecast", overrides=("nominated.locked_before=notification",))
    site = schedule(timedelta(hours=3))

    with pytest.raises(DataRefusedError, match="notification at a time that is not stated"):
        compute_baseline(rule, LOAD, EVENT, site=site)
    for ahead, fits in ((timedelta(hours=2), True), (timedelta(hours=4), False)):
        notified = EVENT.start_utc - ahead
        if fits:
            compute_baseline(rule, LOAD, EVENT, site=site, notified_at_utc=notified)
        else:
            with pytest.raises(DataRefusedError, match="before the notification"):
                compute_baseline(rule, LOAD, EVENT, site=site, notified_at_utc=notified)


def output(event_kw: float) -> SiteInputs:
    """Return a generator of 20 kW that delivers something else on the event day."""
    levels = {"2026-07-15": event_kw}
    return SiteInputs(generator=load_of(daily(levels, 20.0), date(2026, 6, 1), date(2026, 7, 15)))


def test_output_above_the_typical_is_a_reduction() -> None:
    """50 kW delivered less 20 kW typical: 30 kW; the site's meter still shows 100 kW."""
    result = by("caiso_generator_output", output(50.0))

    assert result.metered_kwh.tolist() == [-50.0, -50.0]
    assert result.adjusted_baseline_kwh.tolist() == [-20.0, -20.0]
    assert result.reduction_kwh.tolist() == [30.0, 30.0]


def test_what_is_exported_reduces_no_load() -> None:
    """Meter at -30 kW with 50 kW delivered: the site's load was 20 kW, so 20 kW count."""
    exporting = load_of(daily({"2026-07-15": -30.0}), date(2026, 6, 1), date(2026, 7, 15))

    result = by("caiso_generator_output", output(50.0), exporting)

    assert result.reduction_kwh.tolist() == [20.0, 20.0]


def test_without_a_generators_meter_there_is_no_output() -> None:
    with pytest.raises(InsufficientHistoryError, match="'generator', found 0"):
        by("caiso_generator_output", None)
