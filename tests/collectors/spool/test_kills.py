from pathlib import Path

import pytest

from tests.collectors.spool.kills import kill_often

pytestmark = pytest.mark.slow  # processes are started; the long form is in benchmarks/soak


def test_a_killed_agent_loses_about_a_second_and_accounts_for_it(tmp_path: Path) -> None:
    toll = kill_often(tmp_path, kill_count=8, seed=1, kills_of_a_spool=4)

    assert toll.recovered_count == 8
    assert toll.row_count > 0
    assert (toll.wrong_row_count, toll.unaccounted_count, toll.damaged_count) == (0, 0, 0)
    assert (
        max(toll.lost_s) < 2.0
    )  # of a test machine that others load; the bar of 1 s is the soak's
