"""Services of Dagster that are killed at any moment while runs meter, and what is left afterwards.

Not here: how often they are killed (test_production.py and the soak).
"""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass

import dagster as dg
import numpy as np

from negawatt.pipelines import partitions
from negawatt.warehouse.upkeep import damages
from tests.pipelines.conftest import FIRST_DAY, LAST_DAY, SITE
from tests.pipelines.killed_runs import corrections, meter, put, state
from tests.pipelines.production import Production

TARGETS = {
    "a run": ("run",),
    "the daemon": ("daemon",),
    "the code server with its runs": ("code",),
    "both": ("daemon", "code"),
}
SETTLES_S = 300
RUN_STARTS_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen.

    Attributes:
        kills: What was killed, how often.
        partial: States of a table that no whole run leaves, with the kill that showed them.
        damaged: What was wrong with files, likewise.
        ended: Runs by how they ended.
        unfinished: Runs that are still said to be in progress at the end.
        completed: Whether the last run left what a whole run leaves.
    """

    kills: Counter[str]
    partial: tuple[str, ...]
    damaged: tuple[str, ...]
    ended: Counter[str]
    unfinished: int
    completed: bool


def kill_services(running: Production, count: int, *, seed: int, longest_s: float) -> Seen:
    """Ask for a run, kill something a moment later, look, start it again; and so on.

    Args:
        running: All services, over the small site.
        count: Kills.
        seed: Source of what is killed, and when.
        longest_s: The latest moment of a kill after its run was asked for [s].
    """
    layout, draw = running.layout, np.random.default_rng(seed)
    # One file only: it comes and goes while runs are in progress, all at once for each of them.
    correction, *others = ([one] for one in corrections(layout))
    for (path,) in others:
        path.unlink()
    whole = {}
    for is_in in (False, True):
        put(correction, is_in=is_in)
        meter(layout.root)
        whole[is_in] = state(layout)
    kills: Counter[str] = Counter()
    partial, damaged = [], []
    for number in range(count):
        put(correction, is_in=number % 2 == 0)
        _ask(running)
        time.sleep(draw.uniform(0, longest_s))
        target = str(draw.choice(sorted(TARGETS)))
        kills[target] += _kill(running, TARGETS[target])
        partial += [
            f"kill {number}, {target}: {name}"
            for name, digest in state(layout).items()
            if digest not in {whole[False][name], whole[True][name]}
        ]
        damaged += [f"kill {number}, {target}: {error}" for error in damages(layout)]
        running.start_missing()
    put(correction, is_in=True)
    last = _ask(running)
    with running.instance() as instance:
        running.wait(lambda: not _in_progress(instance), SETTLES_S)
        runs = instance.get_runs()
        (final,) = (one for one in runs if one.run_id == last)
    return Seen(
        kills=kills,
        partial=tuple(partial),
        damaged=tuple(damaged),
        ended=Counter(one.status.value for one in runs),
        unfinished=sum(not one.is_finished for one in runs),
        completed=final.is_success and state(layout) == whole[True],
    )


def _ask(running: Production) -> str:
    return running.submit("daily_metering", partitions.range_tags(SITE, FIRST_DAY, LAST_DAY))


def _kill(running: Production, services: tuple[str, ...]) -> int:
    """Kill services, or a run's own process; how much of it was there to be killed."""
    if services != ("run",):
        for service in services:
            running.kill(service)
        return 1
    end_s, killed = time.monotonic() + RUN_STARTS_S, 0
    while not running.run_processes() and time.monotonic() < end_s:
        time.sleep(0.1)
    for pid in running.run_processes():
        os.kill(pid, signal.SIGKILL)
        killed = 1
    return killed


def _in_progress(instance: dg.DagsterInstance) -> bool:
    """Say whether a run is in progress, or waits for it, or will be tried again in a moment."""
    runs = instance.get_runs()
    parents = {one.parent_run_id for one in runs}
    return any(
        not one.is_finished
        or (one.tags.get("dagster/will_retry") == "true" and one.run_id not in parents)
        for one in runs
    )
