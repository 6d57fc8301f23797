"""Raw files to minutes: the whole energy roll-up against DuckDB's bare scan of the same files."""

from pathlib import Path

import pytest

from benchmarks.roll_up import Took, took
from benchmarks.site_days import sealed_day
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout

LIMIT_ASKED, LIMIT_ENERGY = 1.3, 3.0
LIMIT_BYTES = 500_000_000
WHAT = ("bare", "asked", "energy")


def compared(layout: Layout, repeats: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Took]:
    """Run all three by turns and return the best of each, by processor time."""
    row_count = query(layout, "SELECT count(*) FROM raw_gpu__power_samples").item()
    runs = [{what: took(layout.root, what) for what in WHAT} for _ in range(repeats)]
    best = {what: min((run[what] for run in runs), key=lambda one: one.cpu_s) for what in WHAT}
    with capsys.disabled():
        print(f"\n{row_count:,} readings to {best['energy'].row_count:,} minutes")
        for what, one in best.items():
            print(
                f"  {what:6}: {row_count / one.took_s / 1e6:5.1f} M readings/s, "
                f"{row_count / one.cpu_s / 1e6:5.1f} M for a second of a core, "
                f"{one.cpu_s / best['bare'].cpu_s:.2f} of the bare scan's processor time, "
                f"{one.peak_bytes / 1e9:.2f} GB"
            )
    return best


@pytest.mark.parametrize(
    ("gpu_count", "step_ms", "hours"),
    [(16, 100, 6), (32, 1_000, 24)],
    ids=["16 GPUs, 6 h at 10 Hz", "32 GPUs, a day at 1 Hz"],
)
def test_minutes_of_raw_files_cost_little_more_than_to_scan_them(
    gpu_count: int, step_ms: int, hours: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ratios of processor time, since the clock says what else the machine did.

    Two nodes are metered side by side.
    """
    layout = sealed_day(tmp_path, gpu_count=gpu_count, step_ms=step_ms, hours=hours)

    best = compared(layout, 3, capsys)

    assert best["energy"].row_count == gpu_count * 1_440
    assert best["asked"].cpu_s <= LIMIT_ASKED * best["bare"].cpu_s
    assert best["energy"].cpu_s <= LIMIT_ENERGY * best["bare"].cpu_s
    assert best["energy"].peak_bytes < LIMIT_BYTES
