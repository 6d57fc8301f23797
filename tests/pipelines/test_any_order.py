"""Files in any order, some twice, some corrected, give the tables of the clean order."""

import shutil
from pathlib import Path

import pytest

from negawatt.warehouse.layout import Layout
from tests.pipelines.shipped_files import metered_as_they_come, metered_in_order, shipped_files

pytestmark = pytest.mark.slow


def empty(layout: Layout, root: Path) -> Layout:
    """Return a copy of a warehouse without its meter's readings."""
    copy = Layout(root)
    shutil.copytree(layout.root, root)
    shutil.rmtree(copy.table_folder("raw_meter__readings"))
    return copy


def test_what_comes_late_twice_and_corrected_gives_the_same_bytes(
    layout: Layout, tmp_path: Path
) -> None:
    paths = shipped_files(tmp_path / "nodes", count=60, seed=3)

    clean = metered_in_order(empty(layout, tmp_path / "clean"), paths)
    other = metered_as_they_come(empty(layout, tmp_path / "other"), paths, seed=4, meterings=3)

    assert other == clean


def test_a_correction_left_out_is_noticed(layout: Layout, tmp_path: Path) -> None:
    """The comparison sees one file of corrections: without it the tables are others."""
    paths = shipped_files(tmp_path / "nodes", count=20, seed=3)
    *others, corrected = [path for path in paths if not path.name.startswith("again_")]

    whole = metered_in_order(empty(layout, tmp_path / "whole"), [*others, corrected])
    without = metered_in_order(empty(layout, tmp_path / "without"), others)

    assert without["core_site__interval_energy"] != whole["core_site__interval_energy"]
