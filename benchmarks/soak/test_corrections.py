"""A thousand late, repeated, reordered and corrected files give the bytes of the clean order."""

import shutil
from pathlib import Path

import pytest

from tests.pipelines.conftest import small_site
from tests.pipelines.shipped_files import metered_as_they_come, metered_in_order, shipped_files

FULL_COUNT = 1_000


def test_corrections_in_any_order(
    tmp_path: Path, soak_share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    count = max(50, round(FULL_COUNT * soak_share))
    paths = shipped_files(tmp_path / "nodes", count=count, seed=11)
    found = []
    for name in ("clean", "shuffled"):
        layout = small_site(tmp_path / name)
        shutil.rmtree(layout.table_folder("raw_meter__readings"))
        found.append(
            metered_in_order(layout, paths)
            if name == "clean"
            else metered_as_they_come(layout, paths, seed=12, meterings=max(2, count // 50))
        )

    with capsys.disabled():
        print(f"\n{len(paths)} files of corrections in any order: the same {len(found[0])} digests")
    assert found[0] == found[1]
