"""The electrical path of a site: which object feeds which, checked before anything is added up.

Here: meters, racks and nodes with what each feeds, as one graph without contradictions. Not here:
what they measured (negawatt.models.reconciliation.objects), and the tables that tell of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from negawatt.models.domain.errors import DataRefusedError

RACK: Final = "Rack"
NODE: Final = "Node"
METER: Final = "PowerMeter"
NOT_DESCRIBED: Final = "not described"
REMOVED: Final = "Removed"
_PLACES: Final = {RACK, NODE}
_REMEDY: Final = "correct what serves what, and import the topology again"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathObject:
    """One object of the electrical path.

    Attributes:
        object_id: Its name; of a node and of a meter the one its readings carry.
        object_type: ``PowerMeter``, ``Rack``, ``Node``, ``UPS`` and others as the source says.
        serves_ids: What it feeds directly.
        object_name: Its name for people.
    """

    object_id: str
    object_type: str
    serves_ids: tuple[str, ...] = ()
    object_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGroup:
    """Feeds and the objects that they and no others feed: what can be compared as two sums.

    Attributes:
        above: The feeds, sorted.
        below: What they feed, sorted.
    """

    above: tuple[str, ...]
    below: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """An electrical path without contradictions; make it with ``topology_of``.

    Attributes:
        objects: Every object, by name.
        fed_by: What feeds each object directly, sorted; empty where nothing does.
    """

    objects: Mapping[str, PathObject]
    fed_by: Mapping[str, tuple[str, ...]]

    def above(self, object_id: str) -> tuple[str, ...]:
        """Return everything that feeds an object, at any distance, sorted."""
        found: set[str] = set()
        waiting = [object_id]
        while waiting:
            feeds = set(self.fed_by[waiting.pop()]) - found
            found |= feeds
            waiting.extend(feeds)
        return tuple(sorted(found))

    def groups(self) -> tuple[FeedGroup, ...]:
        """Return the smallest groups of feeds that share what they feed with no other.

        In a tree each feed is a group of its own. A rack on an A and a B feed draws from both, and
        neither alone says what the rack draws: the two feeds are one group.
        """
        seen: set[str] = set()
        found = []
        for object_id in sorted(self.objects):
            if object_id in seen or not self.objects[object_id].serves_ids:
                continue
            above, below, waiting = {object_id}, set[str](), [object_id]
            while waiting:
                served = set(self.objects[waiting.pop()].serves_ids) - below
                below |= served
                feeds = {feed for one in served for feed in self.fed_by[one]} - above
                above |= feeds
                waiting.extend(feeds)
            seen |= above
            found.append(FeedGroup(above=tuple(sorted(above)), below=tuple(sorted(below))))
        return tuple(found)


def topology_of(objects: Iterable[PathObject], *, complete: bool = False) -> Topology:
    """Return the electrical path that objects tell of.

    An object may have several feeds, such as the A and the B side of a rack. It stands in one place
    only: a node in two racks is refused, and so is a feed that serves an object both directly and
    through another one, because its power would be added up twice.

    Args:
        objects: The objects, each once.
        complete: Refuse a served object that is not among them; otherwise it is kept as one of
            which nothing more is known, as a bus tells of meters before they tell of themselves.

    Raises:
        DataRefusedError: An object is told of twice, is not known, feeds itself over others, stands
            in two places, or is fed twice by one feed.

    Examples:
        A rack on two meters, with one node in it.

        >>> path = topology_of([
        ...     PathObject(object_id="a", object_type="PowerMeter", serves_ids=("rack-1",)),
        ...     PathObject(object_id="b", object_type="PowerMeter", serves_ids=("rack-1",)),
        ...     PathObject(object_id="rack-1", object_type="Rack", serves_ids=("n1",)),
        ...     PathObject(object_id="n1", object_type="Node")])
        >>> path.groups()[0]
        FeedGroup(above=('a', 'b'), below=('rack-1',))
    """
    known: dict[str, PathObject] = {}
    for one in objects:
        if one.object_id in known:
            _refuse(one.object_id, "to be described once", "two descriptions")
        known[one.object_id] = one
    fed_by: dict[str, list[str]] = {object_id: [] for object_id in known}
    for one in list(known.values()):
        for served in one.serves_ids:
            if served not in known:
                if complete:
                    _refuse(one.object_id, "to serve objects that are described", repr(served))
                known[served] = PathObject(object_id=served, object_type=NOT_DESCRIBED)
                fed_by[served] = []
            fed_by[served].append(one.object_id)
    _refuse_cycles(fed_by)
    topology = Topology(
        objects=known, fed_by={served: tuple(sorted(feeds)) for served, feeds in fed_by.items()}
    )
    for object_id, feeds in topology.fed_by.items():
        if len(feeds) > 1:
            _refuse_twice(topology, object_id, feeds)
    return topology


def _refuse_cycles(fed_by: Mapping[str, Iterable[str]]) -> None:
    try:
        TopologicalSorter(fed_by).prepare()
    except CycleError as error:
        cycle = error.args[1]
        _refuse(cycle[0], "to feed others and not itself", " -> ".join(reversed(cycle)))


def _refuse_twice(topology: Topology, object_id: str, feeds: tuple[str, ...]) -> None:
    places = [one for one in feeds if topology.objects[one].object_type in _PLACES]
    if len(places) > 1:
        _refuse(object_id, "to stand in one place", " and ".join(places))
    for feed in feeds:
        through = set(topology.above(feed)) & set(feeds)
        if through:
            _refuse(
                object_id,
                "to be fed once by each feed",
                f"{min(through)!r} feeds it directly and through {feed!r}",
            )


def _refuse(object_id: str, expected: str, found: str) -> None:
    raise DataRefusedError(
        thing=f"object {object_id!r} of the electrical path",
        expected=expected,
        found=found,
        remedy=_REMEDY,
    )
