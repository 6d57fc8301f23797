"""Metering runs that are killed at any moment, and what the warehouse shows afterwards.

Not here: how many are killed (test_killed_runs.py and the soak).
"""

import os
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from negawatt.pipelines import run
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.upkeep import damages
from tests.pipelines.conftest import AFTER_UTC, FIRST_DAY, LAST_DAY, SITE, meter_rows

TABLES = ("core_site__interval_energy", "core_site__reconciliation", "core_site__findings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kills:
    """What was seen.

    Attributes:
        killed: Runs that were killed before they ended.
        ended: Runs that ended before their kill.
        partial: States of a table that no whole run leaves, with the kill that showed them.
        damaged: What was wrong with files, likewise.
        completed: Whether the run after the last kill left what a whole run leaves.
        failed: Killed runs that were marked as failed.
        unfinished: Runs that are still said to be in progress.
    """

    killed: int
    ended: int
    partial: tuple[str, ...]
    damaged: tuple[str, ...]
    completed: bool
    failed: int
    unfinished: int


def kill_runs(layout: Layout, count: int, *, seed: int, longest_s: float) -> Kills:
    """Kill metering runs, each over what the one before left, and look at the tables after each.

    A correction of one reading a day lies in the warehouse for every other run, so that each run
    has every day of every table to replace.

    Args:
        layout: The small site, not metered yet.
        count: Runs to start.
        seed: Source of the moments of the kills.
        longest_s: The latest moment of a kill after the start of its run [s].
    """
    correction = corrections(layout)
    whole = {}
    for is_in in (False, True):
        put(correction, is_in=is_in)
        meter(layout.root)
        whole[is_in] = state(layout)
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["negawatt.pipelines.run"])
    draw = np.random.default_rng(seed)
    killed, partial, damaged = 0, [], []
    for number in range(count):
        put(correction, is_in=number % 2 == 1)
        process = processes.Process(target=meter, args=(layout.root,))
        process.start()
        process.join(draw.uniform(0, longest_s))
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.join()
        partial += [
            f"kill {number}: {name}"
            for name, digest in state(layout).items()
            if digest not in {whole[False][name], whole[True][name]}
        ]
        damaged += [f"kill {number}: {error}" for error in damages(layout)]
    put(correction, is_in=True)
    meter(layout.root)
    with dg.DagsterInstance.from_config(str(run.dagster_home(layout))) as instance:
        failed = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        unfinished = sum(not one.is_finished for one in instance.get_runs())
    return Kills(
        failed=failed,
        unfinished=unfinished,
        killed=killed,
        ended=count - killed,
        partial=tuple(partial),
        damaged=tuple(damaged),
        completed=state(layout) == whole[True],
    )


def meter(root: Path) -> None:
    """Meter every day of the small site."""
    run.run_daily_metering(Layout(root), SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)


def state(layout: Layout) -> dict[str, str]:
    """Return the digest of each table's rows."""
    return {name: frame_digest(read_table(layout, name).frame) for name in TABLES}


def corrections(layout: Layout) -> list[Path]:
    """Seal a later version of one reading of each day, and return its files."""
    noon = pl.col("interval_start_utc").dt.hour() == 12
    rows = meter_rows().filter(noon & (pl.col("interval_start_utc").dt.minute() == 0))
    later = rows.with_columns(
        energy_kwh=pl.col("energy_kwh") + 1,
        available_at_utc=pl.col("available_at_utc") + pl.duration(hours=6),
    )
    return list(seal_rows(layout, "raw_meter__readings", SITE, "correction", later).written)


def put(paths: list[Path], *, is_in: bool) -> None:
    """Let files lie in the warehouse, or hide them as files that are being written are hidden."""
    for path in paths:
        hidden = path.with_name(f".{path.name}")
        source, target = (hidden, path) if is_in else (path, hidden)
        if source.exists():
            source.rename(target)
