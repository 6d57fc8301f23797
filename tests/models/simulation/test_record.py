from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from negawatt.models.simulation.record import HallRecord

IN_EVENT_UTC = datetime(2026, 6, 25, 19, 0, 5, tzinfo=UTC)
NODE = "node-00"


def test_a_counter_rises_by_power_times_time_inside_a_step(small_hall: HallRecord) -> None:
    """Steps of the event day last 10 s; from 2 s to 7 s into one, five seconds of its power."""
    start_utc = datetime(2026, 6, 25, 10, 0, tzinfo=UTC)

    early = small_hall.gpu_state_at(start_utc + timedelta(seconds=2), NODE)
    late = small_hall.gpu_state_at(start_utc + timedelta(seconds=7), NODE)

    assert len(early) == 4
    for first, second in zip(early, late, strict=True):
        rise = second.energy_total_millijoule - first.energy_total_millijoule
        assert rise == 5 * second.power_milliwatt


def test_at_the_edge_of_a_step_the_counter_is_the_array_s_value(small_hall: HallRecord) -> None:
    step = int(np.searchsorted(small_hall.grid.edge_s, 2 * 86_400 + 3600))

    states = small_hall.gpu_state_at(datetime(2026, 6, 25, 1, tzinfo=UTC), NODE)

    read = [state.energy_total_millijoule for state in states]
    assert read == small_hall.energy_total_millijoule[step, :4].tolist()


def test_power_is_the_mean_of_the_last_second_across_two_steps(small_hall: HallRecord) -> None:
    """A quarter of a second into a step: one part of it and three of the step before."""
    step = int(np.searchsorted(small_hall.grid.edge_s, 2 * 86_400 + 3600))
    before, now = small_hall.sensed_milliwatt[step - 1 : step + 1, 0].tolist()

    states = small_hall.gpu_state_at(datetime(2026, 6, 25, 1, 0, 0, 250_000, tzinfo=UTC), NODE)

    assert states[0].power_milliwatt == (750 * before + 250 * now) // 1000


def test_the_limit_in_an_event_is_the_cap(small_hall: HallRecord) -> None:
    limits = {
        state.power_limit_milliwatt
        for node in ("node-00", "node-01")
        for state in small_hall.gpu_state_at(IN_EVENT_UTC, node)
    }
    step = int(np.searchsorted(small_hall.grid.edge_s, 2 * 86_400 + 19 * 3600))

    assert limits == {
        round(float(ratio) * 700_000) for ratio in small_hall.power_limit_ratio[step, :8]
    }
    assert min(limits) < 700_000


def test_a_gpu_whose_telemetry_is_lost_is_left_out(small_hall: HallRecord) -> None:
    (loss,) = small_hall.losses
    lost = small_hall.gpus[loss.columns.start]
    second = int(small_hall.grid.edge_s[loss.steps.start])

    states = small_hall.gpu_state_at(
        small_hall.plan.start_utc + timedelta(seconds=second), lost.node_id
    )

    assert len(states) == 3
    assert lost not in [state.gpu for state in states]


@pytest.mark.parametrize(
    ("moment_utc", "node_id"),
    [
        (datetime(2026, 6, 22, 23, tzinfo=UTC), NODE),
        (datetime(2026, 6, 26, tzinfo=UTC), NODE),
        (IN_EVENT_UTC, "node-99"),
    ],
)
def test_a_moment_or_node_outside_the_hall_is_refused(
    small_hall: HallRecord, moment_utc: datetime, node_id: str
) -> None:
    with pytest.raises(ValueError, match="expected an instant"):
        small_hall.gpu_state_at(moment_utc, node_id)
