"""What arrays compute at once is what the simple form says, for readings however bad."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from negawatt.models.metering.counter_and_power import squared_misses_j2
from negawatt.models.metering.energy_counter import CounterReadings, counter_energy
from negawatt.models.metering.power_samples import sampled_energy
from negawatt.models.metering.sample_rules import SampleRules
from tests.models.metering.simple_form import Reading, agrees, counted, extremes, integrated, misses

EDGES_MS = (0, 5_000, 20_000, 21_000)
MAX_GAP_MS = 4_000
RULES = SampleRules(max_gap_s=MAX_GAP_MS / 1_000, sentinels_w=(0.0,))
WITHIN_J = 0.0011  # each edge of an interval by the counter is rounded to a millijoule

readings = st.lists(
    st.tuples(
        st.sampled_from([*range(-2_000, 24_000, 1_000), 4_999, 19_999]),
        st.none() | st.integers(0, 9_999_999),
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0.0, 100.0, 250.5, 700.0]),
    ),
    max_size=40,
)


def plain(step_ms: int) -> list[Reading]:
    """Return readings without a fault: what most days are."""
    moments = range(-2_000, 24_001, step_ms)
    return [(at, (at + 2_000) * 400, 0, 100.0 + at % 700) for at in moments]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(readings)
@example(plain(500))
@example(plain(900))
@example([reading for reading in plain(500) if reading[0] not in range(6_000, 12_000)])
@example([(at, 7, 0, 100.0) for at, *_ in plain(1_000)])
def test_arrays_say_what_the_simple_form_says(rows: list[Reading]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    time_ms = np.array([row[0] for row in rows], np.int64)
    power_w = np.array([row[3] for row in rows])
    has_epochs, has_unknown = len({row[2] for row in rows}) > 1, any(row[1] is None for row in rows)
    counter = CounterReadings(
        time_ms=time_ms,
        energy_total_millijoule=np.array([row[1] or 0 for row in rows], np.int64),
        is_known=np.array([row[1] is not None for row in rows]) if has_unknown else None,
        epoch=np.array([row[2] for row in rows]) if has_epochs else None,
    )
    edges_ms = np.array(EDGES_MS)

    by_counter = counter_energy(counter, edges_ms, max_gap_s=MAX_GAP_MS / 1_000)
    by_power = sampled_energy(time_ms, power_w, edges_ms, RULES, subject="GPU 'a'")
    missed_j2 = squared_misses_j2(counter, power_w, edges_ms, MAX_GAP_MS / 1_000)

    for n, edges in enumerate(pairwise(EDGES_MS)):
        assert agrees(by_counter, n, counted(rows, edges, MAX_GAP_MS), WITHIN_J)
        assert agrees(by_power, n, integrated(rows, edges, MAX_GAP_MS), 1e-8)
        assert np.isclose(missed_j2[n], float(misses(rows, edges, MAX_GAP_MS)), rtol=1e-12)
        found_w = (by_power.power_w_min[n], by_power.power_w_max[n])
        assert np.array_equal(found_w, extremes(rows, edges), equal_nan=True)
