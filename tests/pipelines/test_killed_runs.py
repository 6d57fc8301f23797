"""A run that is killed leaves every table at a version that a whole run wrote."""

import pytest

from negawatt.warehouse.layout import Layout
from tests.pipelines.killed_runs import kill_runs

pytestmark = pytest.mark.slow


def test_killed_runs_leave_whole_tables_and_the_next_one_completes(layout: Layout) -> None:
    seen = kill_runs(layout, 6, seed=5, longest_s=4.0)

    assert (seen.partial, seen.damaged, seen.completed) == ((), (), True)
    assert seen.failed <= seen.killed  # a kill may come before the run is known
    assert seen.unfinished == 0
    assert seen.failed
