"""Raw files to minutes, in a process of its own: the whole energy roll-up, and DuckDB's bare scan.

Here: both, each timed by the clock and in processor time, and the memory it took. Not here: what is
compared.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from benchmarks.site_days import DAY, SITE_ID, START_UTC
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_minutes import SAMPLE_COLUMNS, gpu_interval_energy
from negawatt.warehouse.collected import ends_of, read_collected, take_memory_from_system
from negawatt.warehouse.connection import connect, query
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_paths

TABLE = "raw_gpu__power_samples"
MINUTES = """
SELECT gpu_uuid, epoch_ms(observed_at_utc) // 60000 AS minute, count(*) AS n,
    min(power_milliwatt), avg(power_milliwatt), max(power_milliwatt)
FROM {source} GROUP BY ALL
"""
_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one of them took.

    Attributes:
        took_s: By the clock [s].
        cpu_s: Of processor time, all threads together [s].
        peak_bytes: Most memory.
        row_count: Rows of minutes that came of it.
    """

    took_s: float
    cpu_s: float
    peak_bytes: int
    row_count: int


def took(root: Path, what: str) -> Took:
    """Run ``bare``, ``asked`` or ``energy`` over a sealed day in a process of its own."""
    command = (sys.executable, "-m", "benchmarks.roll_up", str(root), what)
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()  # noqa: S603 - ours
    took_s, cpu_s, peak_bytes, row_count = said
    return Took(
        took_s=float(took_s),
        cpu_s=float(cpu_s),
        peak_bytes=int(peak_bytes),
        row_count=int(row_count),
    )


def _bare(layout: Layout) -> int:
    """Scan the files as DuckDB does by itself."""
    files = [str(path) for path in raw_paths(layout, TABLE, SITE_ID, DAY, DAY)]
    with connect(Layout(Path("nowhere"))) as connection:  # no view of it is used
        return connection.sql(MINUTES.format(source=f"read_parquet({files})")).pl().height


def _asked(layout: Layout) -> int:
    """Ask the same of the warehouse's view."""
    return query(layout, MINUTES.format(source=TABLE)).height


def _energy(layout: Layout) -> int:
    """Meter the files of each node: counter, integral of power, coverage, extremes, findings."""
    paths = raw_paths(layout, TABLE, SITE_ID, DAY, DAY)
    nodes = [list(group) for _, group in groupby(paths, lambda path: path.name.partition("_")[0])]
    with ThreadPoolExecutor(_THREADS) as threads:
        return sum(threads.map(_metered, nodes))


def _metered(paths: Sequence[Path]) -> int:
    ranged = ("boot_id", "counter_epoch", "power_scope", "reading_quality")
    files = ends_of(paths, ("node_id", *ranged))
    day = Interval(START_UTC, START_UTC + timedelta(days=1))
    rows, _ = gpu_interval_energy(read_collected(TABLE, files, None, SAMPLE_COLUMNS), day, SITE_ID)
    return rows.height


def _peak_bytes() -> int:
    """Return the most memory of this process; ru_maxrss would begin with that of its parent."""
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(kib) * 1024


if __name__ == "__main__":
    take_memory_from_system()
    work: Callable[[Layout], int] = {"bare": _bare, "asked": _asked, "energy": _energy}[sys.argv[2]]
    work(Layout(Path(sys.argv[1])))  # modules that are loaded late, and files that are not cached
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    minute_count = work(Layout(Path(sys.argv[1])))
    took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    print(took_s, cpu_s, _peak_bytes(), minute_count)
