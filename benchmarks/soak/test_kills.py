"""Two hundred kills of a metering run: no partial version is ever seen, and the next completes."""

from pathlib import Path

import pytest

from tests.pipelines.conftest import small_site
from tests.pipelines.killed_runs import kill_runs

FULL_COUNT = 200


def test_kills(tmp_path: Path, soak_share: float, capsys: pytest.CaptureFixture[str]) -> None:
    count = max(10, round(FULL_COUNT * soak_share))

    seen = kill_runs(small_site(tmp_path), count, seed=21, longest_s=3.0)

    with capsys.disabled():
        print(
            f"\n{seen.killed} runs killed, {seen.ended} ended before: {len(seen.partial)} partial "
            f"versions, {len(seen.damaged)} damaged files, next run complete: {seen.completed}"
        )
    assert (seen.partial, seen.damaged, seen.completed) == ((), (), True)
    assert seen.failed <= seen.killed  # a kill may come before the run is known
    assert seen.unfinished == 0
