from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.control import Controller
from negawatt.models.simulation.demand import Demand
from negawatt.models.simulation.hall_event import HallEvent, TargetOf
from negawatt.models.simulation.incidents import SecondSite
from negawatt.models.simulation.plan import HallPlan

NOON_S = 12 * 3600


def controller(
    *, target: float, target_of: TargetOf = TargetOf.GPUS, second_site: SecondSite | None = None
) -> Controller:
    """Return the operator of four GPUs, in an event from 12:00 with a ramp of a minute."""
    event = HallEvent(
        event_id="e1",
        start_utc=datetime(2026, 6, 2, 12, tzinfo=UTC),
        end_utc=datetime(2026, 6, 2, 13, tzinfo=UTC),
        target_reduction_ratio=target,
        target_of=target_of,
        ramp_down_minutes=1,
    )
    plan = HallPlan(
        site_id="tiny",
        seed=1,
        start_utc=datetime(2026, 6, 2, tzinfo=UTC),
        days=1,
        nodes=4,
        gpus_per_node=1,
        second_site=second_site,
        events=(event,),
    )
    return Controller(plan, event, np.full(24 * 60, 20.0))


def demand(index: int, tier: int, gpu_count: int, ratio: float = 0.9554) -> Demand:
    return Demand(
        index=index,
        job_class=JobClass.PRETRAINING,
        tier=tier,
        gpu_count=gpu_count,
        uncapped_ratio=ratio,
    )


def test_caps_deepen_in_tenths_until_the_gpus_target_is_met() -> None:
    """Four GPUs at 0.9554 of 700 W; a tenth less is 0.8599 of the limit each.

    Three tenths of the range from 1 to 0.6 are a cap of 0.88, which draws 0.8473 by the sweep;
    two tenths are 0.92 and 0.8833.
    """
    caps = controller(target=0.1).caps(NOON_S, [demand(0, 2, 4)])

    assert caps == {0: pytest.approx(0.88)}


def test_a_target_of_the_site_asks_more_of_the_gpus_than_the_same_of_the_gpus() -> None:
    """Hosts and the fixed part do not follow."""
    of_site = controller(target=0.1, target_of=TargetOf.SITE).caps(NOON_S, [demand(0, 2, 4)])

    assert of_site[0] < 0.88


def test_jobs_are_paused_only_where_the_deepest_caps_do_not_reach() -> None:
    """Caps of 0.6 save (0.9554 - 0.5885) / 0.9554 = 38 % on two of four GPUs: 19 % of them all."""
    jobs = [demand(0, 2, 2), demand(1, 3, 2)]

    mild, deep = controller(target=0.18).caps(NOON_S, jobs), controller(target=0.3)

    assert mild[1] == 1
    assert deep.caps(NOON_S, jobs)[1] == 0


def test_work_that_can_move_moves_before_anything_is_capped() -> None:
    """Moving two of four GPUs' work saves (0.9554 - 110/700) / 2 of 0.9554, 42 %."""
    site = SecondSite(site_id="other", base_kw=10.0)

    caps = controller(target=0.3, second_site=site).caps(NOON_S, [demand(0, 2, 2), demand(1, 3, 2)])

    assert caps == {0: 1.0, 1: 0.0}


def test_the_largest_saving_is_paused_first_and_no_more_than_are_needed() -> None:
    """350 + 2 * 668.8 + 110 = 1797.6 W; with the larger paused 680 W, below 70 % of that."""
    jobs = [demand(0, 3, 1, ratio=0.5), demand(1, 3, 2)]

    caps = controller(target=0.3).caps(NOON_S, jobs)

    assert caps == {0: 1.0, 1: 0.0}
