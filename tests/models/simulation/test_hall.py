from datetime import timedelta

import numpy as np
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord


def arrays(record: HallRecord) -> list[bytes]:
    return [
        array.tobytes()
        for array in (
            record.gpu_power_w,
            record.gpu_power_w_without_event,
            record.sensed_milliwatt,
            record.energy_total_millijoule,
            record.power_limit_ratio,
            record.utilization_ratio,
            record.meter_kw,
            record.surroundings.temp_c,
        )
    ]


def test_the_same_plan_gives_the_same_bytes(small_plan: HallPlan, small_hall: HallRecord) -> None:
    again = simulate(small_plan.model_copy())

    assert arrays(again) == arrays(small_hall)
    assert again.world == small_hall.world


def test_another_seed_gives_another_hall(small_plan: HallPlan, small_hall: HallRecord) -> None:
    other = simulate(small_plan.model_copy(update={"seed": 4}))

    assert all(a != b for a, b in zip(arrays(other), arrays(small_hall), strict=True))


def test_both_worlds_are_identical_until_the_ramp_of_the_last_event(
    small_hall: HallRecord,
) -> None:
    ramp_s = small_hall.plan.second_of(small_hall.plan.events[-1].controlled.start_utc)
    before = small_hall.grid.edge_s[1:] <= ramp_s

    same = small_hall.gpu_power_w == small_hall.gpu_power_w_without_event

    assert same[before].all()
    assert not same[before.sum()].all()
    np.testing.assert_array_equal(
        small_hall.load.site_kw[: ramp_s // 60],
        small_hall.load_without_event.site_kw[: ramp_s // 60],
    )


def test_the_earlier_event_is_in_both_worlds(small_hall: HallRecord) -> None:
    earlier_end_s = small_hall.plan.second_of(small_hall.plan.events[0].controlled.end_utc)

    earlier = [action for action in small_hall.world.actions if action.at_s < earlier_end_s]

    assert earlier
    assert list(small_hall.world_without_event.actions) == earlier


def test_an_event_far_ahead_moves_nothing_before_it(
    small_plan: HallPlan, small_hall: HallRecord
) -> None:
    """The 10 s day moves with the last event, so the noise differs a little; control does not."""
    first_only = simulate(small_plan.model_copy(update={"events": small_plan.events[:1]}))

    until = first_only.plan.second_of(small_plan.events[-1].controlled.start_utc) // 60
    np.testing.assert_allclose(
        first_only.load.site_kw[: 24 * 60], small_hall.load.site_kw[: 24 * 60], rtol=0.02
    )
    assert [a for a in first_only.world.actions if a.at_s < until * 60] == [
        a for a in small_hall.world.actions if a.at_s < until * 60
    ]


def test_the_true_reduction_is_the_difference_of_the_worlds(small_hall: HallRecord) -> None:
    window = small_hall.plan.events[-1].window
    minutes = slice(2 * 24 * 60 + 18 * 60, 2 * 24 * 60 + 20 * 60)

    difference_kw = (
        small_hall.load_without_event.site_kw[minutes] - small_hall.load.site_kw[minutes]
    )

    assert small_hall.minutes_in(window) == minutes
    assert small_hall.true_reduction_kwh(window) == pytest.approx(difference_kw.sum() / 60)
    assert small_hall.true_reduction_kwh(window) > 0


def test_an_hour_before_the_ramp_there_is_no_reduction(small_hall: HallRecord) -> None:
    start_utc = small_hall.plan.events[-1].controlled.start_utc
    hour = Interval(start_utc - timedelta(hours=1), start_utc)

    assert small_hall.true_reduction_kwh(hour) == 0


@pytest.mark.slow
def test_weekdays_are_heavier_than_weekends_and_afternoons_than_nights() -> None:
    """From 2026-06-02 UTC days 4, 5 and so on are weekends; 18 to 21 UTC is the afternoon."""
    by_hour = simulate(demo_plan(1)).load_without_event.site_kw.reshape(29, 24, 60).mean(axis=2)

    weekend = [day for day in range(29) if day % 7 in {4, 5}]
    weekdays = [day for day in range(29) if day not in weekend]
    assert by_hour[weekdays, 18:21].mean() > 1.03 * by_hour[weekend, 18:21].mean()
    assert by_hour[weekdays, 18:21].mean() > 1.1 * by_hour[weekdays, 6:9].mean()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 7, 9])
def test_the_demonstration_sheds_about_a_quarter_and_has_a_realistic_level(seed: int) -> None:
    """64 GPUs of 700 W: 28 to 40 kW in the weekday afternoon, the site 1.4 to 1.7 times that."""
    record = simulate(demo_plan(seed))
    event = record.plan.events[-1]
    minutes = record.minutes_in(event.window)

    expected_kw = record.load_without_event.site_kw[minutes].mean()
    gpu_kw = record.load_without_event.gpu_kw[minutes].mean()
    share = record.true_reduction_kw(event.window).mean() / expected_kw

    assert 0.15 < share < 0.35
    assert 28 < gpu_kw < 40
    assert 1.4 < expected_kw / gpu_kw < 1.7
