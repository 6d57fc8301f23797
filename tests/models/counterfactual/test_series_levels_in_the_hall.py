"""The band of a short history holds in quiet stretches of a hall whose jobs come and go."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from negawatt.models.counterfactual.series_levels import series_level
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.scenarios import Scenario, scenario_plan

pytestmark = pytest.mark.slow

MINUTES = 400
SPAN, WINDOW = (90, 310), (110, 290)
FIRST_MINUTE, STEP_MINUTES = 720, 100
Errors = NDArray[np.float64]


def errors(series_w: Iterator[NDArray[np.float64]]) -> Errors:
    """Return error, half width, one-sided bound and drift's half width, over the level, (n, 4)."""
    rows = []
    for power_w in series_w:
        found = series_level(power_w, SPAN).reduction([WINDOW])
        band, drift_kw = found.band, 1.6449 * found.drift_error_kw
        row = np.array([found.reduction_kw, band.half_width_kw, band.one_sided_kw, drift_kw])
        rows.append(row / found.expected_kw)
    return np.array(rows)


@pytest.fixture(scope="module", params=[301, 302])
def hall(request: pytest.FixtureRequest) -> tuple[HallRecord, NDArray[np.float64]]:
    """Return a hall without an event, and the power of its GPUs by minute [W]."""
    plan = scenario_plan(Scenario.ORDINARY, request.param, nodes=32, days=10)
    record = simulate(replace(plan, events=()))
    return record, record.grid.minute_means(record.gpu_power_w.T)


def starts(power_w: NDArray[np.float64]) -> range:
    return range(FIRST_MINUTE, power_w.shape[1] - MINUTES, STEP_MINUTES)


def jobs_w(record: HallRecord, power_w: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the power of every job that ran through each stretch."""
    for first in starts(power_w):
        last = first + MINUTES
        for run in record.world.runs:
            for placed in run.placements:
                end_s = np.inf if placed.end_s is None else placed.end_s
                if placed.start_s <= first * S_PER_MINUTE and end_s >= last * S_PER_MINUTE:
                    yield power_w[list(placed.gpus), first:last].sum(axis=0)


def test_nine_of_ten_reductions_that_nobody_made_are_inside_the_band_of_the_whole_cluster(
    hall: tuple[HallRecord, NDArray[np.float64]],
) -> None:
    _, power_w = hall

    found = errors(power_w[:, first : first + MINUTES].sum(axis=0) for first in starts(power_w))

    error, half_width, one_sided, drift = found.T
    print(
        len(found),
        (np.abs(error) <= half_width).mean(),
        (error <= one_sided).mean(),
        (np.abs(error) <= drift).mean(),
    )
    assert len(found) > 100


def test_nine_of_ten_reductions_that_nobody_made_are_inside_the_bands_of_jobs(
    hall: tuple[HallRecord, NDArray[np.float64]],
) -> None:
    record, power_w = hall

    found = errors(jobs_w(record, power_w))

    error, half_width, one_sided, drift = found.T
    print(
        len(found),
        (np.abs(error) <= half_width).mean(),
        (error <= one_sided).mean(),
        (np.abs(error) <= drift).mean(),
    )
