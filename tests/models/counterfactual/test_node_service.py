"""Nodes that are taken to be down: silent, and nobody's."""

from dataclasses import replace

import numpy as np

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.node_service import infer_node_down
from tests.models.counterfactual.fleets import DAY, INF, Work, fleet_of

HELD = Work(name="a", runs=[(0, INF, [0, 1, 2, 3])])


def silent(fleet: Fleet, gpus: list[int], first: int, last: int, *, says: float = 0.0) -> Fleet:
    power_w = fleet.gpu_power_w.copy()
    power_w[gpus, first:last] = says
    return replace(fleet, gpu_power_w=power_w)


def stretches(fleet: Fleet) -> list[list[int]]:
    """Return the down minutes of each node as its first and the one after its last."""
    found = infer_node_down(fleet)
    return [[int(n.argmax()), int(n.argmax() + n.sum())] if n.any() else [] for n in found]


def test_a_silent_node_that_nobody_holds_is_down() -> None:
    for says in (0.0, float("nan")):
        fleet = silent(fleet_of([HELD], nodes=2), [4, 5, 6, 7], 100, 160, says=says)

        assert stretches(fleet) == [[], [100, 160]]


def test_an_idle_node_that_answers_is_not_down() -> None:
    assert not infer_node_down(fleet_of([HELD], nodes=2)).any()


def test_a_node_of_which_one_gpu_answers_is_not_down() -> None:
    for answers in (4, 5, 7):
        others = [gpu for gpu in (4, 5, 6, 7) if gpu != answers]

        fleet = silent(fleet_of([HELD], nodes=2), others, 100, 160)

        assert stretches(fleet) == [[], []]


def test_lost_telemetry_of_a_node_at_work_is_no_failure() -> None:
    fleet = silent(fleet_of([HELD], nodes=2), [0, 1, 2, 3], 100, 160, says=float("nan"))

    assert stretches(fleet) == [[], []]


def test_nine_silent_minutes_are_too_few_and_ten_are_enough() -> None:
    short = silent(fleet_of([], nodes=1), [0, 1, 2, 3], 100, 109)
    long = silent(fleet_of([], nodes=1), [0, 1, 2, 3], 100, 110)

    assert stretches(short) == [[]]
    assert stretches(long) == [[100, 110]]


def test_a_node_is_down_only_from_the_end_of_its_job() -> None:
    """The job was lost at 120, though the node was silent from 100 on."""
    work = Work(name="b", runs=[(0, 120, [0, 1])])

    fleet = silent(fleet_of([work]), [0, 1, 2, 3], 100, 160)

    assert stretches(fleet) == [[120, 160]]


def test_a_node_may_be_down_to_the_end() -> None:
    fleet = silent(fleet_of([]), [0, 1, 2, 3], DAY - 15, DAY)

    assert np.flatnonzero(infer_node_down(fleet)[0]).tolist() == list(range(DAY - 15, DAY))
