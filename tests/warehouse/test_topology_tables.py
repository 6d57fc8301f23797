"""A declared path in the warehouse: what the file may say, and what was known when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.topology import NODE, PathObject
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.topology_files import TOPOLOGY, read_topology_file, topology_rows
from negawatt.warehouse.topology_tables import read_topology

MONDAY = datetime(2026, 7, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 7, 7, tzinfo=UTC)
WEDNESDAY = datetime(2026, 7, 8, tzinfo=UTC)
HALL = """
[feeder]
type = "PowerMeter"
serves = ["rack-1"]

[rack-1]
type = "Rack"
name = "Row 1, first"
nodes = ["n2", "n1"]
"""


def told(layout: Layout, folder: Path, text: str, at_utc: datetime) -> None:
    path = folder / "path.toml"
    path.write_text(text, encoding="utf-8")
    seal_rows(layout, TOPOLOGY, "s", "import", topology_rows(read_topology_file(path), at_utc))


def known(layout: Layout, of_day: datetime, as_of_utc: datetime) -> dict[str, tuple[str, ...]]:
    """Return what each object that feeds others serves on a day."""
    path = read_topology(layout, "s", of_day + timedelta(days=1), as_of_utc=as_of_utc)
    assert path is not None
    return {name: one.serves_ids for name, one in path.objects.items() if one.serves_ids}


def test_a_declared_path_reads_back(layout: Layout, tmp_path: Path) -> None:
    told(layout, tmp_path, HALL, MONDAY)

    path = read_topology(layout, "s", TUESDAY, as_of_utc=MONDAY)

    assert path is not None
    assert path.fed_by["rack-1"] == ("feeder",)
    assert path.objects["rack-1"].object_name == "Row 1, first"
    assert path.objects["n1"] == PathObject(object_id="n1", object_type=NODE)


def test_the_path_of_a_moment_is_what_was_known_then(layout: Layout, tmp_path: Path) -> None:
    """On Tuesday n2 is taken out; on Monday it was there, and before nobody had told of a path."""
    told(layout, tmp_path, HALL, MONDAY)
    told(layout, tmp_path, '[n2]\ntype = "Removed"\n', TUESDAY)

    path = {"feeder": ("rack-1",), "rack-1": ("n1", "n2")}
    assert known(layout, TUESDAY, as_of_utc=MONDAY) == path
    assert known(layout, TUESDAY, as_of_utc=TUESDAY) == path | {"rack-1": ("n1",)}
    assert read_topology(layout, "s", TUESDAY, as_of_utc=datetime(2026, 7, 5, tzinfo=UTC)) is None


def test_a_day_keeps_its_path_whatever_is_told_later(layout: Layout, tmp_path: Path) -> None:
    """On Wednesday n1 moves to a new rack; Monday, and the days before it, know rack 1 alone."""
    told(layout, tmp_path, HALL, MONDAY + timedelta(hours=9))
    moved = """
[feeder]
type = "PowerMeter"
serves = ["rack-1", "rack-2"]
[rack-1]
type = "Rack"
nodes = ["n2"]
[rack-2]
type = "Rack"
nodes = ["n1"]
"""
    told(layout, tmp_path, moved, WEDNESDAY + timedelta(hours=9))
    later = WEDNESDAY + timedelta(days=30)

    for day in (MONDAY - timedelta(days=7), MONDAY, TUESDAY):
        assert known(layout, day, later) == {"feeder": ("rack-1",), "rack-1": ("n1", "n2")}
    for day in (WEDNESDAY, WEDNESDAY + timedelta(days=7)):
        assert known(layout, day, later) == {
            "feeder": ("rack-1", "rack-2"),
            "rack-1": ("n2",),
            "rack-2": ("n1",),
        }


def test_a_path_that_is_told_object_by_object_is_known_for_days_before(
    layout: Layout, tmp_path: Path
) -> None:
    """A bus tells of one object after the other, from noon to one."""
    told(layout, tmp_path, '[n1]\ntype = "Node"\n', MONDAY + timedelta(hours=12))
    told(layout, tmp_path, HALL, MONDAY + timedelta(hours=13))

    assert known(layout, MONDAY - timedelta(days=7), WEDNESDAY)["rack-1"] == ("n1", "n2")


@pytest.mark.parametrize(
    ("text", "error", "found"),
    [
        ("[feeder]\ntype = 1\n", ConfigurationError, "key 'feeder.type'"),
        ("[feeder]\nserves = []\n", ConfigurationError, "key 'feeder.type'"),
        ('[feeder]\ntype = "Rack"\nfeeds = []\n', ConfigurationError, "feeder.feeds"),
        ("[feeder\n", ConfigurationError, "expected a TOML file with one table for each object"),
        ('[a]\ntype = "Rack"\nserves = ["b"]\n', DataRefusedError, "are described, found 'b'"),
        (HALL + '[r2]\ntype = "Rack"\nnodes = ["n1"]\n', DataRefusedError, "rack-1 and r2|r2 and"),
    ],
)
def test_a_file_that_is_no_path_is_refused(
    tmp_path: Path, text: str, error: type[Exception], found: str
) -> None:
    path = tmp_path / "path.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(error, match=found):
        read_topology_file(path)
