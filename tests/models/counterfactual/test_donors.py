import numpy as np
import pytest

from negawatt.models.counterfactual.donors import (
    difference_in_differences,
    find_donors,
    synthetic_control,
)
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.counterfactual.method import prepare
from negawatt.models.domain.errors import DataRefusedError
from tests.models.counterfactual.fleets import Work, cap, fleet_of, release

FIRST, LAST, END = 2040, 2220, 2880
EVENT = FleetEvent(start_minute=FIRST, end_minute=LAST)
# A fall of 150 W on the day before, so that one of 100 W in the event is nothing new.
DEEP = (1080, 1200, 250.0)
FALL = (FIRST, LAST, 300.0)


def fleet_with(donor: Work, treated: Work) -> Fleet:
    """Return two nodes: a donor on the second, a capped job on the first."""
    acts = [cap(FIRST, treated.name), release(LAST, treated.name)]
    return fleet_of([donor, treated], acts, nodes=2, minutes=END, events=[(FIRST, LAST)])


def work(name: str, gpus: range, *drawn: tuple[int, int, float], tier: int = 2) -> Work:
    return Work(name=name, runs=[(0, END, gpus)], drawn=list(drawn), tier=tier)


def test_the_others_change_in_proportion_to_the_donor() -> None:
    """The donor goes from 400 to 300 W: 300 W are expected of the job that drew 200 W, 0.4 kW."""
    donor = work("donor", range(4, 8), DEEP, FALL, tier=0)
    fleet = fleet_with(donor, work("a", range(4), (FIRST, LAST, 200.0)))

    found = difference_in_differences(prepare(fleet), EVENT)

    np.testing.assert_allclose(found.change_kw, 0.4, rtol=1e-5)
    assert found.findings == ("1 jobs that control did not touch stand for the others",)


def test_a_donor_s_weight_is_the_ridge_regression_of_the_day_before() -> None:
    """The job moves half as much as the donor; a penalty of a tenth makes the weight 0.5 / 1.1.

    The donor's GPUs fall by 0.4 kW together: 1.6 - 0.4 x 0.5 / 1.1 kW expected, 0.8 kW seen.
    """
    donor = work("donor", range(4, 8), DEEP, FALL, tier=0)
    treated = work("a", range(4), (*DEEP[:2], 325.0), (FIRST, LAST, 200.0))

    found = synthetic_control(prepare(fleet_with(donor, treated)), EVENT)

    np.testing.assert_allclose(found.change_kw, 1.6 - 0.4 * 0.5 / 1.1 - 0.8, rtol=1e-5)


def test_a_job_that_moves_as_control_begins_is_no_donor() -> None:
    """One falls by 100 W as never before, the other stays: one donor is left, and it is said."""
    works = [
        work("moves", range(4, 8), FALL, tier=0),
        work("stays", range(8, 12), tier=0),
        work("a", range(4), (FIRST, LAST, 200.0)),
    ]
    acts = [cap(FIRST, "a"), release(LAST, "a")]
    fleet = fleet_of(works, acts, nodes=3, minutes=END, events=[(FIRST, LAST)])

    found = find_donors(prepare(fleet), EVENT)
    estimate = difference_in_differences(prepare(fleet), EVENT)

    assert (found.job_ids, found.refused) == (("stays",), ("moves",))
    assert "moved as control began, and refused as donors: moves" in estimate.findings


def test_without_a_donor_the_method_refuses() -> None:
    fleet = fleet_with(work("moves", range(4, 8), FALL, tier=0), work("a", range(4)))

    with pytest.raises(DataRefusedError, match="1 that moved as control began"):
        difference_in_differences(prepare(fleet), EVENT)


def test_a_job_that_control_touched_on_the_day_before_is_no_donor() -> None:
    fleet = fleet_of(
        [work("a", range(4)), work("b", range(4, 8), tier=0)],
        [cap(1500, "a"), release(1560, "a"), cap(FIRST, "a"), release(LAST, "a")],
        nodes=2,
        minutes=END,
        events=[(1500, 1560), (FIRST, LAST)],
    )

    assert find_donors(prepare(fleet), EVENT).job_ids == ("b",)
    assert find_donors(prepare(fleet), EVENT).power_kw.mean() == pytest.approx(1.6)
