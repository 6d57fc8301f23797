"""A thousand agents killed at random points: what is lost, and whether the ledger knows it."""

from pathlib import Path

import numpy as np

from tests.collectors.spool.kills import kill_often

KILLS = 1_000


def test_a_thousand_killed_agents_lose_at_most_a_second_each(
    soak_share: float, tmp_path: Path
) -> None:
    kill_count = round(KILLS * soak_share)

    toll = kill_often(tmp_path, kill_count, seed=20260701)

    median_s, p99_s, worst_s = np.quantile(toll.lost_s, [0.5, 0.99, 1])
    print(
        f"\n{kill_count} kills: {toll.recovered_count} recovered; lost {median_s:.2f} s in the "
        f"median, {p99_s:.2f} s at p99, {worst_s:.2f} s at worst; of {toll.row_count} readings "
        f"{toll.wrong_row_count} wrong; ledger off by {toll.unaccounted_count}",
        end="",
    )
    assert toll.recovered_count == kill_count
    assert worst_s <= 1
    assert toll.row_count > 0
    assert (toll.wrong_row_count, toll.unaccounted_count, toll.damaged_count) == (0, 0, 0)
