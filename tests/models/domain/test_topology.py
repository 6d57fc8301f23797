"""The electrical path: what is one path, and what contradicts itself."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.topology import (
    METER,
    NODE,
    NOT_DESCRIBED,
    RACK,
    FeedGroup,
    PathObject,
    topology_of,
)


def meter(object_id: str, *serves_ids: str) -> PathObject:
    return PathObject(object_id=object_id, object_type=METER, serves_ids=serves_ids)


def rack(object_id: str, *serves_ids: str) -> PathObject:
    return PathObject(object_id=object_id, object_type=RACK, serves_ids=serves_ids)


def node(object_id: str) -> PathObject:
    return PathObject(object_id=object_id, object_type=NODE)


HALL = [
    meter("feeder", "rack-1", "rack-2"),
    rack("rack-1", "n1", "n2"),
    rack("rack-2", "n3"),
    node("n1"),
    node("n2"),
    node("n3"),
]


def test_what_feeds_a_node_is_everything_above_it() -> None:
    hall = topology_of(HALL, complete=True)

    assert hall.above("n3") == ("feeder", "rack-2")
    assert hall.above("feeder") == ()


def test_in_a_tree_each_feed_is_compared_alone() -> None:
    assert topology_of(HALL).groups() == (
        FeedGroup(above=("feeder",), below=("rack-1", "rack-2")),
        FeedGroup(above=("rack-1",), below=("n1", "n2")),
        FeedGroup(above=("rack-2",), below=("n3",)),
    )


def test_two_feeds_of_one_rack_are_compared_together() -> None:
    """Bus 1 and bus 2 each feed one tap alone; both taps feed the rack."""
    path = topology_of(
        [
            meter("bus-1", "tap-1"),
            meter("bus-2", "tap-2"),
            meter("tap-1", "r"),
            meter("tap-2", "r"),
            rack("r"),
        ]
    )

    assert [(one.above, one.below) for one in path.groups()] == [
        (("bus-1",), ("tap-1",)),
        (("bus-2",), ("tap-2",)),
        (("tap-1", "tap-2"), ("r",)),
    ]


def test_an_object_of_which_only_others_tell_is_kept_unless_the_path_is_complete() -> None:
    heard = topology_of([meter("bus", "tap")])

    assert heard.objects["tap"].object_type == NOT_DESCRIBED
    with pytest.raises(DataRefusedError, match="serve objects that are described, found 'tap'"):
        topology_of([meter("bus", "tap")], complete=True)


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([meter("a", "b"), meter("b", "c"), meter("c", "a")], "feed others and not itself"),
        ([meter("a", "a")], "a -> a"),
        ([rack("r1", "n"), rack("r2", "n"), node("n")], "stand in one place, found r1 and r2"),
        ([meter("m", "t", "r"), meter("t", "r"), rack("r")], "'m' feeds it directly and through"),
        (
            [meter("m", "u"), meter("u", "t"), meter("t", "r"), rack("r"), meter("m", "r")],
            "described once, found two",
        ),
    ],
)
def test_a_path_that_contradicts_itself_is_refused(objects: list[PathObject], found: str) -> None:
    with pytest.raises(DataRefusedError, match=found):
        topology_of(objects)


def test_a_feed_far_above_that_serves_an_object_again_is_refused() -> None:
    """Meter m feeds u, u feeds t, t feeds r; m feeds r as well: its power would count twice."""
    far = [meter("m", "u", "r"), meter("u", "t"), meter("t", "r"), rack("r")]

    with pytest.raises(DataRefusedError, match="'m' feeds it directly and through 't'"):
        topology_of(far)


@pytest.mark.shared
def test_the_path_of_a_published_facility_is_one_and_its_rack_has_two_feeds(
    shared_data: Path,
) -> None:
    """The metadata of NVIDIA/dsx-exchange@c24771c: two buses, a tap of each to one rack.

    Each bus serves six taps, of which one is described; the rack draws from both of those.
    """
    with gzip.open(shared_data / "formats" / "dsx" / "bms_exemplar.csv.gz", "rt") as file:
        said = [
            json.loads(r["payload"]) for r in csv.DictReader(file) if "/Metadata/" in r["topic"]
        ]
    meters = {one["objectId"]: one for one in said if one["objectType"] == METER}

    path = topology_of(meter(name, *one["servesId"]) for name, one in meters.items())

    assert [(one.above, len(one.below)) for one in path.groups()] == [
        (("C-E-BUS-E1",), 6),
        (("C-E-BUS-E2",), 6),
        (("C-E05-TAP-E1", "C-E05-TAP-E2"), 1),
    ]
    assert path.fed_by["Pod1C-E05"] == ("C-E05-TAP-E1", "C-E05-TAP-E2")
    assert "C-E-BUS-E1" in path.above("Pod1C-E05")
