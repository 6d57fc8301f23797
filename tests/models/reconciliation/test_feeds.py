"""Feeds against what they serve: which sums are made, and which are not."""

import numpy as np
import pytest

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.topology import METER, NODE, RACK, PathObject, Topology, topology_of
from negawatt.models.reconciliation.feeds import (
    GPUS,
    METERED,
    ObjectEnergy,
    level_findings,
    levels,
    silent_findings,
)


def path(**serves: str) -> Topology:
    """Return a path of objects named by their type: m meters, r racks, n nodes."""
    types = {"m": METER, "r": RACK, "n": NODE}
    return topology_of(
        PathObject(object_id=one, object_type=types[one[0]], serves_ids=tuple(below.split()))
        for one, below in serves.items()
    )


def energy(*energy_kwh: float, kind: str = METERED, coverage: float = 1.0) -> ObjectEnergy:
    return ObjectEnergy(
        energy_kwh=np.array(energy_kwh),
        coverage_ratio=np.full(len(energy_kwh), coverage),
        kind=kind,
    )


HALL = path(m1="r1 r2", r1="n1 n2", r2="n3", n1="", n2="", n3="")
NODES = {
    "n1": energy(1.0, 2.0, kind=GPUS),
    "n2": energy(1.0, 1.0, kind=GPUS, coverage=0.5),
    "n3": energy(2.0, 2.0, kind=GPUS),
}


def test_each_metered_level_is_held_against_the_next() -> None:
    """Meter 6, 7; racks 3, 3 and 2.5, 2.5; nodes 2, 3 and 2, 2."""
    measured = {"m1": energy(6.0, 7.0), "r1": energy(3.0, 3.0), "r2": energy(2.5, 2.5), **NODES}

    found = levels(HALL, measured)

    assert [(one.name, one.level, one.kind) for one in found] == [
        ("m1", "PowerMeter > Rack", METERED),
        ("r1", "Rack > Node", GPUS),
        ("r2", "Rack > Node", GPUS),
    ]
    assert [one.below_kwh.tolist() for one in found] == [[5.5, 5.5], [2.0, 3.0], [2.0, 2.0]]
    assert found[0].residual_ratio == pytest.approx(2 / 13)
    assert found[1].coverage_ratio.tolist() == [0.5, 0.5]


def test_a_rack_without_a_meter_is_the_sum_of_its_nodes() -> None:
    (one,) = levels(HALL, {"m1": energy(5.0, 6.0), **NODES})

    assert (one.kind, one.below_kwh.tolist()) == (GPUS, [4.0, 5.0])


def test_two_feeds_of_a_rack_are_added_before_they_are_compared() -> None:
    """3 + 2 kWh into a rack that reads 4.8; neither feed alone says anything of the rack."""
    both = path(m1="r1", m2="r1", r1="")

    (one,) = levels(both, {"m1": energy(3.0), "m2": energy(2.0), "r1": energy(4.8)})

    assert one.name == "m1+m2"
    assert one.residual_ratio == pytest.approx(0.04)


def test_a_feed_of_two_whose_twin_was_not_measured_is_compared_with_nothing() -> None:
    both = path(m1="r1", m2="r1", r1="")

    assert levels(both, {"m1": energy(3.0), "r1": energy(4.8)}) == []


def test_what_a_shared_rack_draws_is_not_given_to_a_meter_above_one_feed() -> None:
    """m0 feeds m1; m1 and m2 feed the rack: m1 without a meter cannot be known from the rack."""
    shared = path(m0="m1", m1="r1", m2="r1", r1="")

    assert levels(shared, {"m0": energy(3.0), "m2": energy(2.0), "r1": energy(4.8)}) == []


def test_an_interval_in_which_one_object_is_not_known_is_not_known() -> None:
    measured = {"m1": energy(6.0, 7.0), "r1": energy(3.0, np.nan), "r2": energy(2.5, 2.5)}

    (one,) = levels(HALL, measured)

    assert np.isnan(one.below_kwh).tolist() == [False, True]
    assert one.residual_ratio == pytest.approx(0.5 / 6)


def test_an_object_that_was_never_measured_leaves_its_level_not_known() -> None:
    (one,) = levels(HALL, {"m1": energy(6.0), "r1": energy(3.0)})

    assert np.isnan(one.below_kwh).all()
    assert one.coverage_ratio.tolist() == [0.0]
    assert one.residual_ratio is None
    assert level_findings([one]) == []


@pytest.mark.parametrize(
    ("measured", "silent", "beside"),
    [
        (NODES, ["m1"], ["r1", "r2"]),  # the racks are sums of their nodes
        ({"m1": energy(np.nan, np.nan), **NODES}, ["m1"], ["r1", "r2"]),
        ({"m1": energy(np.nan, 7.0), **NODES}, [], []),
        ({}, [], []),
    ],
)
def test_a_meter_above_that_was_not_read_is_found_where_anything_below_was(
    measured: dict[str, ObjectEnergy], silent: list[str], beside: list[str]
) -> None:
    findings = silent_findings(HALL, measured)

    assert [one.subject for one in findings] == [f"meter {name!r}" for name in silent]
    assert all(one.code is FindingCode.SAMPLE_GAP for one in findings)
    assert all(one.evidence["known_beside"] == beside for one in findings)


def test_a_meter_below_that_was_not_read_is_found_and_a_rack_needs_no_meter() -> None:
    hall = path(m1="m2 r1", m2="", r1="")

    assert [one.subject for one in silent_findings(hall, {"m1": energy(6.0)})] == ["meter 'm2'"]


def test_a_rack_with_a_meter_is_found_and_a_node_whose_gpus_are_not_known_is_not() -> None:
    hall = path(m1="r1", r1="n1", n1="")
    measured = {"m1": energy(6.0), "r1": energy(np.nan), "n1": energy(np.nan, kind=GPUS)}

    assert [one.subject for one in silent_findings(hall, measured)] == ["meter 'r1'"]


@pytest.mark.parametrize(
    ("below_kwh", "kind", "found"),
    [
        (9.5, METERED, None),
        (8.9, METERED, "11.0% is not read below"),
        (6.0, GPUS, None),
        (10.2, METERED, None),
        (10.4, METERED, "4.0% more below"),
        (10.4, GPUS, "4.0% more below"),
    ],
)
def test_what_no_supply_or_line_does_is_found(
    below_kwh: float, kind: str, found: str | None
) -> None:
    """10 kWh above. What GPUs leave is their host: not judged; more than all is."""
    one = path(m1="n1", n1="")

    findings = level_findings(levels(one, {"m1": energy(10.0), "n1": energy(below_kwh, kind=kind)}))

    assert [finding.code for finding in findings] == (
        [FindingCode.LEVEL_RESIDUAL_HIGH] if found else []
    )
    assert all(found in finding.message for finding in findings if found)
