"""A thousand killed agents, every flipped bit of a log: what is lost, and does the ledger know?"""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from negawatt.collectors.raw_schema import POWER_SAMPLES
from negawatt.collectors.spool.recovery import recover
from tests.collectors.spool.kills import kill_often
from tests.collectors.spool.spools import sealed_rows, unaccounted, write_log

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


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory, where there is one: some ten files are synced for each bit."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made in it
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


def test_every_flipped_bit_of_a_log_costs_a_frame_and_is_accounted_for(
    soak_share: float, memory_folder: Path
) -> None:
    """Four ticks of a GPU in four frames; a flip costs one, and nothing else comes of it."""
    segment = write_log(memory_folder / "whole", [("A",)] * 4)
    data = segment.read_bytes()
    whole_rows = _rows_after(memory_folder / "whole", memory_folder / "copy", data)
    bits = range(8 * len(data))
    chosen = random.Random(1).sample(bits, round(len(bits) * soak_share))  # noqa: S311 - no secret

    for bit in chosen:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        rows = _rows_after(memory_folder / "whole", memory_folder / "copy", bytes(changed))
        assert len(rows) == 3
        assert all(row in whole_rows for row in rows)

    print(f"\n{len(chosen)} of {len(bits)} bits of a log flipped: each found", end="")


def _rows_after(left: Path, root: Path, data: bytes) -> list[dict[str, object]]:
    """Return the readings that a recovery seals, having seen that the ledger sums to zero."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(left, root)
    (root / "spool" / "000000000000.log").write_bytes(data)
    state = recover(root).states.of_node["n1"]
    assert unaccounted(root, state.next_sequence_number) == {}
    return sealed_rows(root, POWER_SAMPLES)
