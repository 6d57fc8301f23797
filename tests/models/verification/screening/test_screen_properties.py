"""What holds for all tests, whatever the site: size, age of data and order change nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.outcome import ScreenOutcome
from tests.models.verification.screening.conftest import EVENT
from tests.models.verification.screening.test_false_alarms import ordinary_event, ordinary_load

pytestmark = pytest.mark.slow

FEW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 10_000)


def ordinary(seed: int, *, moved_kw: float = 0.0) -> ScreenInputs:
    """Return an ordinary day of a made-up site, with power moved to its sibling in the event."""
    rng = np.random.default_rng(seed)
    load, sibling = ordinary_load(rng, "m"), ordinary_load(rng, "sibling")
    inputs = ordinary_event(load, sibling, date(2026, 7, 15), UTC, rng)
    window = inputs.event.interval
    moved = raised(sibling, window, moved_kw)
    lower = raised(load, window, -moved_kw)
    assert inputs.sensitivity is not None
    computed = tuple(
        replace(one, reduction_kwh=one.reduction_kwh + moved_kw * window.duration_h)
        for one in inputs.sensitivity.computed
    )
    return replace(
        inputs,
        load=lower,
        siblings={"sibling": moved},
        result=replace(inputs.result, metered_kwh=lower.energy_kwh_in(window)),
        sensitivity=replace(inputs.sensitivity, computed=computed),
    )


def raised(load: LoadSeries, window: Interval, power_kw: float) -> LoadSeries:
    energy_kwh = load.energy_kwh.copy()
    energy_kwh[load.index_of(window.start_utc) : load.index_of(window.end_utc)] += power_kw
    return replace(load, energy_kwh=energy_kwh)


def scaled(load: LoadSeries, factor: float) -> LoadSeries:
    return replace(load, energy_kwh=load.energy_kwh * factor)


def outcomes(inputs: ScreenInputs) -> Mapping[str, ScreenOutcome]:
    return {result.screen_id: result.outcome for result in screen_event(inputs)}


def of_load(inputs: ScreenInputs) -> list[Mapping[str, Any]]:
    """Return what the tests of the load alone looked at."""
    names = {"window inflation", "displacement", "no action"}
    return [result.looked_at for result in screen_event(inputs) if result.screen_id in names]


@FEW
@given(seed=SEEDS, moved_kw=st.sampled_from([0.0, 150.0, 400.0]))
def test_a_site_four_times_as_large_raises_the_same_questions(seed: int, moved_kw: float) -> None:
    inputs = ordinary(seed, moved_kw=moved_kw)
    assert inputs.placebo is not None
    assert inputs.sensitivity is not None
    larger = replace(
        inputs,
        load=scaled(inputs.load, 4),
        siblings={name: scaled(load, 4) for name, load in (inputs.siblings or {}).items()},
        result=replace(
            inputs.result,
            adjusted_baseline_kwh=inputs.result.adjusted_baseline_kwh * 4,
            metered_kwh=inputs.result.metered_kwh * 4,
            days=tuple(
                replace(day, window_power_kw_mean=4 * (day.window_power_kw_mean or 0))
                for day in inputs.result.days
            ),
        ),
        placebo=replace(
            inputs.placebo, errors_kwh=tuple(4 * error for error in inputs.placebo.errors_kwh)
        ),
        sensitivity=replace(
            inputs.sensitivity,
            computed=tuple(
                replace(one, reduction_kwh=4 * one.reduction_kwh)
                for one in inputs.sensitivity.computed
            ),
        ),
    )

    assert outcomes(larger) == outcomes(inputs)


@FEW
@given(seed=SEEDS)
def test_load_older_than_the_last_twenty_like_days_changes_nothing(seed: int) -> None:
    inputs = ordinary(seed)
    older_kwh = inputs.load.energy_kwh.copy()
    older_kwh[: inputs.load.index_of(EVENT.start_utc.replace(2026, 6, 10, 0))] = 1e6

    changed = replace(inputs, load=replace(inputs.load, energy_kwh=older_kwh))

    assert of_load(changed) == of_load(inputs)


@FEW
@given(seed=SEEDS, days=st.permutations([1, 2, 6, 9, 13]))
def test_the_order_of_other_events_never_matters(seed: int, days: list[int]) -> None:
    inputs = ordinary(seed)
    window = inputs.event.interval
    windows = tuple(
        Interval(window.start_utc - timedelta(days=n), window.end_utc - timedelta(days=n))
        for n in days
    )

    first, second = (
        screen_event(replace(inputs, other_event_windows=some))
        for some in (windows, tuple(sorted(windows)))
    )

    assert first == second


@pytest.mark.parametrize(("moved_kw", "least_ratio"), [(150.0, 0.5), (400.0, 0.9)])
def test_power_that_was_moved_to_a_sibling_is_noticed_the_more_the_larger_it_is(
    moved_kw: float, least_ratio: float
) -> None:
    """40 made-up sites of 1000 kW, whose hours vary by about 5 %: 20 and 40 are noticed."""
    noticed = [
        outcomes(ordinary(seed, moved_kw=moved_kw))["displacement"] is ScreenOutcome.FOUND
        for seed in range(40)
    ]

    assert np.mean(noticed) >= least_ratio
