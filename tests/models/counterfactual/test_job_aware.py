"""The method as a whole, on fleets made by hand: what is credited, what is not, what is said."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.gpu_change import Mechanism
from negawatt.models.counterfactual.job_aware import (
    MAX_PLACEBOS,
    UNLOGGED_HOLD_MINUTES,
    Counterfactual,
    job_aware,
)
from negawatt.models.counterfactual.site_series import total_gpu_kw
from negawatt.models.uncertainty.fleet_band import SHORT_LEVEL_RATIO
from tests.models.counterfactual.fleets import (
    DAY,
    EVENT,
    INF,
    Act,
    Work,
    cap,
    fleet_of,
    hold,
    pause,
    release,
)

NODE = [0, 1, 2, 3]
CAPPED = Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 200.0)])
ACTS = [cap(600, "a"), release(780, "a")]
DAYS = 7
LAST = (DAYS * DAY - 600, DAYS * DAY - 420)
METER_GAIN, BASE_KW = 1.25, 20.0


def estimated(fleet: Fleet) -> Counterfactual:
    return job_aware(fleet, fleet.events[-1])


def test_without_an_act_of_control_the_counterfactual_is_what_was_seen() -> None:
    """To the last bit: no job is part of the change, though the load falls by half at 600."""
    fleet = fleet_of([CAPPED])

    found = estimated(fleet)

    assert found.gpu_change.jobs == ()
    assert not found.gpu_change.change_kw.any()
    np.testing.assert_array_equal(found.gpu_kw, total_gpu_kw(fleet)[EVENT[0] : EVENT[1]])
    assert "no act of control was logged: nothing is credited" in found.findings
    assert found.inflation is None


def test_without_a_dispatch_log_what_flexible_jobs_drew_less_is_credited_with_a_wider_band() -> (
    None
):
    """The same 4 x (400 - 200) W; that it was control is assumed, so the band is wider."""
    logged = fleet_of([CAPPED], ACTS)
    without = replace(fleet_of([CAPPED]), has_dispatch=False)

    known, assumed = estimated(logged), estimated(without)

    np.testing.assert_allclose(
        assumed.gpu_change.change_kw[assumed.in_event].mean(),
        known.gpu_change.change_kw[known.in_event].mean(),
    )
    assert assumed.gpu_band.half_width_kw > known.gpu_band.half_width_kw


def test_a_capped_fleet_is_credited_with_its_level() -> None:
    """4 x (400 - 200) W in each minute of the event."""
    found = estimated(fleet_of([CAPPED], ACTS))

    np.testing.assert_allclose(found.gpu_change.change_kw[found.in_event], 0.8)
    np.testing.assert_allclose(found.gpu_kw[found.in_event], 0.8)


def test_control_before_the_window_moves_the_beginning_and_not_the_event() -> None:
    """A ramp from 590: ten minutes more are estimated, the event itself is still 600 to 780."""
    work = replace(CAPPED, drawn=[(590, 780, 200.0)])

    found = estimated(fleet_of([work], [cap(590, "a"), release(780, "a")]))

    assert found.first_minute <= 590
    assert found.first_minute + found.in_event.start == 600
    ramp = 590 - found.first_minute
    np.testing.assert_allclose(found.gpu_change.change_kw[ramp:], 0.8)
    assert not found.gpu_change.change_kw[:ramp].any()


def test_the_queue_is_replayed_from_half_an_hour_before_where_holds_are_not_logged() -> None:
    """The first act is at 590; where a hold is logged the log says when it began."""
    works = [CAPPED, Work(name="b", submit=595)]
    acts = [cap(590, "a"), release(780, "a")]

    silent = estimated(fleet_of(works, acts))
    logged = estimated(fleet_of(works, [*acts, hold(595, "b")]))

    assert silent.first_minute == 590 - UNLOGGED_HOLD_MINUTES
    assert logged.first_minute == 590


@pytest.mark.parametrize("window", [(10, 100), (DAY - 180, DAY)])
def test_an_event_may_lie_at_the_edge_of_what_is_known(window: tuple[int, int]) -> None:
    """Ten minutes after the first reading, or until the last one: one side tells the level."""
    work = replace(CAPPED, drawn=[(*window, 200.0)])
    acts = [cap(window[0], "a"), release(window[1], "a")]

    found = estimated(fleet_of([work], acts, events=[window]))

    assert found.first_minute == max(0, window[0] - UNLOGGED_HOLD_MINUTES)
    assert len(found.gpu_kw) == window[1] - found.first_minute
    np.testing.assert_allclose(found.gpu_change.change_kw[found.in_event], 0.8)


def test_an_earlier_event_of_the_folder_can_be_asked_for() -> None:
    fleet = fleet_of([CAPPED], ACTS, minutes=2 * DAY, events=[EVENT, (DAY + 600, DAY + 780)])

    found = job_aware(fleet, fleet.events[0])

    np.testing.assert_allclose(found.gpu_change.change_kw[found.in_event], 0.8)


def test_a_short_history_widens_the_band_and_the_default_scheduler_is_taken() -> None:
    found = estimated(fleet_of([CAPPED], ACTS))

    assert "quiet windows" in found.gpu_band.reason
    assert found.gpu_band.half_width_kw > 0
    assert found.policy.case_count == 0


def test_the_band_is_that_of_the_events_mean() -> None:
    """1.6 kW had to be guessed in the event, nothing in the half hour before the first cap."""
    work = replace(CAPPED, pool="own", estimate=float("nan"))

    found = estimated(fleet_of([work], ACTS))

    assert found.gpu_band.half_width_kw == pytest.approx(1.6449 * SHORT_LEVEL_RATIO * 1.6)


def test_without_a_meter_there_is_no_site() -> None:
    found = estimated(fleet_of([CAPPED], ACTS))

    assert (found.site_change_kw, found.site_band, found.meter_kw) == (None, None, None)


def test_a_meter_with_too_short_a_history_is_named() -> None:
    fleet = replace(fleet_of([CAPPED], ACTS), meter_kw=np.full(DAY, 30.0))

    found = estimated(fleet)

    assert found.site_change_kw is None
    assert [text for text in found.findings if "the meter's response to the GPUs" in text]


def test_what_was_not_given_is_said() -> None:
    fleet = replace(fleet_of([CAPPED], ACTS), missing=("no weather: ...",), node_down=None)

    assert "no weather: ..." in estimated(fleet).findings


def test_the_steps_are_announced_in_order() -> None:
    fleet, steps = fleet_of([CAPPED], ACTS), list[str]()

    job_aware(fleet, fleet.events[-1], on_step=steps.append)

    assert steps == ["scheduler", "jobs", "placebos", "site"]


# A week of six nodes, with jobs that come and go, a meter and a battery.


def history(seed: int) -> tuple[list[Work], list[Act]]:
    """Return back-to-back jobs on each node; those of the event's time are capped or paused."""
    random = np.random.default_rng(seed)
    works: list[Work] = []
    acts: list[Act] = []
    for node in range(6):
        at = 0
        while at < DAYS * DAY:
            end = at + int(random.integers(200, 1500))
            name, power_w = f"{node}-{at}", float(random.uniform(200, 450))
            drawn: list[tuple[int, int, float]] = []
            if at < LAST[0] and end > LAST[1] and node < 3:
                act, low_w = (pause, 50.0) if node == 2 else (cap, 0.6 * power_w)
                acts += [act(LAST[0], name), release(LAST[1], name)]
                drawn = [(LAST[0], LAST[1], low_w)]
            works.append(
                Work(
                    name=name,
                    runs=[(at, end, [4 * node + gpu for gpu in range(4)])],
                    power_w=power_w,
                    drawn=drawn,
                    tier=3,
                )
            )
            at = end + int(random.choice([0, 30, 90]))
    return works, acts


@cache
def week(seed: int = 2) -> Fleet:
    works, acts = history(seed)
    fleet = fleet_of(works, acts, nodes=6, minutes=DAYS * DAY, events=[LAST])
    noise = 0.02 * np.random.default_rng(seed).normal(size=fleet.n_minutes)
    meter_kw = METER_GAIN * fleet.gpu_power_w.sum(axis=0) / 1000 + BASE_KW + noise
    return replace(fleet, meter_kw=meter_kw)


@cache
def of_week(seed: int = 2) -> Counterfactual:
    return estimated(week(seed))


@pytest.mark.slow
def test_the_site_follows_the_gpus_by_the_gain_of_its_meter() -> None:
    found = of_week()

    assert found.site_change_kw is not None
    assert found.gpu_change.change_kw.mean() > 0.5
    assert found.site_change_kw.mean() / found.gpu_change.change_kw.mean() == pytest.approx(
        METER_GAIN, rel=0.03
    )
    assert found.response is not None
    assert found.response.gain_ratio(found.response.mean_temp_c) == pytest.approx(
        METER_GAIN, rel=0.03
    )


@pytest.mark.slow
def test_the_bands_rest_on_quiet_windows_of_the_same_fleet() -> None:
    """Levels are constant here: the band is narrow, and wider at the site."""
    found = of_week()

    assert 9 <= found.gpu_band.placebo_count <= MAX_PLACEBOS
    assert found.gpu_band.reason == ""
    assert found.site_band is not None
    assert found.site_band.half_width_kw > found.gpu_band.half_width_kw


@pytest.mark.slow
def test_what_the_meter_shows_in_the_event_does_not_tell_its_gain() -> None:
    """A furnace of 30 kW runs for the event: the response is the same to the last bit."""
    meter_kw = week().meter_kw.copy()
    meter_kw[LAST[0] : LAST[1]] += 30.0

    found = estimated(replace(week(), meter_kw=meter_kw))

    assert found.response is not None
    alone = of_week().response
    assert alone is not None
    assert found.response.coefficients == alone.coefficients


@pytest.mark.slow
def test_capped_and_paused_jobs_are_told_apart() -> None:
    by_mechanism = of_week().gpu_change.by_mechanism_kw()

    assert by_mechanism[Mechanism.CAPPED].mean() > 0
    assert by_mechanism[Mechanism.PAUSED].mean() > 0


@pytest.mark.slow
def test_without_an_act_the_site_is_what_its_meter_saw() -> None:
    found = estimated(replace(week(), actions=()))

    assert found.site_change_kw is not None
    assert not found.site_change_kw.any()
    np.testing.assert_array_equal(found.meter_kw, week().meter_kw[LAST[0] : LAST[1]])


@pytest.mark.slow
def test_what_a_battery_gave_in_the_event_is_part_of_the_reduction() -> None:
    """It gives 7 kW from the beginning of the event, and 2 kW all the time before."""
    storage_kw = np.full(week().n_minutes, 2.0)
    storage_kw[LAST[0] : LAST[1]] = 7.0
    meter_kw = week().meter_kw - storage_kw

    found = estimated(replace(week(), storage_kw=storage_kw, meter_kw=meter_kw))

    assert found.site_change_kw is not None
    alone_kw = of_week().site_change_kw
    assert alone_kw is not None
    more_kw = (found.site_change_kw - alone_kw)[found.in_event]
    assert more_kw.mean() == pytest.approx(5.0, abs=0.05)
    np.testing.assert_allclose(found.storage_change_kw[found.in_event], 5.0)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.1])
def test_lost_telemetry_does_not_move_the_estimate_beyond_noise(share: float) -> None:
    """Every GPU is silent now and then: the mean change stays within 1 %."""
    power_w = week().gpu_power_w.copy()
    power_w[np.random.default_rng(8).random(power_w.shape) < share] = np.nan

    found = estimated(replace(week(), gpu_power_w=power_w))

    assert found.gpu_change.change_kw.mean() == pytest.approx(
        of_week().gpu_change.change_kw.mean(), rel=0.01
    )


@pytest.mark.slow
def test_raised_load_is_found_named_and_not_credited() -> None:
    """Every running job is 10 % busier for four hours before: the change stays what it was."""
    power_w = week().gpu_power_w.copy()
    power_w[:, LAST[0] - 240 : LAST[0]] *= 1.1

    found = estimated(replace(week(), gpu_power_w=power_w))

    assert found.inflation is not None
    assert found.inflation.is_inflated
    assert [text for text in found.findings if "before the event the touched jobs drew" in text]
    assert found.gpu_change.change_kw.mean() == pytest.approx(
        of_week().gpu_change.change_kw.mean(), rel=0.02
    )


@pytest.mark.slow
def test_an_honest_week_is_not_called_inflated() -> None:
    found = of_week()

    assert found.inflation is not None
    assert not found.inflation.is_inflated
    assert not [text for text in found.findings if "before the event the touched jobs" in text]


@pytest.mark.slow
def test_nodes_without_a_log_are_inferred_and_change_nothing_here() -> None:
    found = estimated(replace(week(), node_down=None))

    np.testing.assert_array_equal(found.gpu_change.change_kw, of_week().gpu_change.change_kw)
