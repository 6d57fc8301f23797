"""A real agent in a child process, killed at a random point; and what may be said of it after.

The readings check themselves: power is a function of the GPU and the time of the reading. What the
child had read last it writes into memory that outlives it.
"""

import asyncio
import contextlib
import mmap
import multiprocessing
import os
import random
import signal
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from negawatt.collectors.agent import Agent, TickReport
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import DcgmConfig, DiskConfig
from negawatt.collectors.raw_schema import POWER_SAMPLES
from negawatt.collectors.sources.protocol import Batch, GpuIdentity, Reading, StopWatch
from negawatt.collectors.spool.audit import balances, verify_files
from negawatt.collectors.spool.lock import spool_lock
from negawatt.collectors.spool.recovery import recover
from negawatt.collectors.targets import Target
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.units import NS_PER_MS, NS_PER_S
from tests.collectors.spool.spools import sealed_rows

INTERVAL_S = 0.02
GPUS = ("GPU-a", "GPU-b")
_TICKS = struct.Struct("<qq")  # when the first and the last tick were done [ns]


@dataclass(slots=True)
class Toll:
    """What kills cost.

    Attributes:
        recovered_count: Kills after which the spool was recovered.
        lost_s: What was read and is in no file, of each kill [s].
        row_count: Readings in sealed files.
        wrong_row_count: Readings there that are not what was read.
        unaccounted_count: What the ledgers do not sum to zero.
        damaged_count: Sealed files that are not what was sealed.
    """

    recovered_count: int = 0
    lost_s: list[float] = field(default_factory=list)
    row_count: int = 0
    wrong_row_count: int = 0
    unaccounted_count: int = 0
    damaged_count: int = 0


def kill_often(folder: Path, kill_count: int, seed: int, kills_of_a_spool: int = 25) -> Toll:
    """Kill agents at random points, one after another, each going on where the last one stopped."""
    toll, randomness = Toll(), random.Random(seed)  # noqa: S311 - instants, no secret
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    for n in range(kill_count):
        root = folder / f"{n // kills_of_a_spool}"
        with _shared_ticks(folder) as ticks:
            # Every other spool is sealed so often that many kills come while it is.
            seal_interval_s = (0.3, 900.0)[n // kills_of_a_spool % 2]
            child = context.Process(target=run_agent, args=(root, folder / "tick", seal_interval_s))
            child.start()
            _wait_for_a_tick(ticks)
            time.sleep(randomness.uniform(0, 2))
            assert child.pid
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            first_ns, last_ns = _TICKS.unpack_from(ticks)
            _take_toll(root, first_ns, last_ns, toll)
        if (n + 1) % kills_of_a_spool == 0 or n + 1 == kill_count:
            _audit(root, toll)
    return toll


def run_agent(root: Path, tick_path: Path, seal_interval_s: float) -> None:
    """Read as fast as an agent may, until killed."""
    config = CollectConfig(
        site_id="s1",
        spool_directory=root,
        scrape_interval_s=INTERVAL_S,
        request_timeout_s=INTERVAL_S / 2,
        seal_interval_s=seal_interval_s,
        disk=DiskConfig(thin_below_bytes=0, energy_only_below_bytes=0, reserve_bytes=4096),
        dcgm=(DcgmConfig(url="http://unused/metrics", node_id="n1"),),
    )
    with tick_path.open("r+b") as file, spool_lock(root):
        memory = mmap.mmap(file.fileno(), _TICKS.size)

        def note(_report: TickReport) -> None:
            now_ns = time.monotonic_ns()
            _TICKS.pack_into(memory, 0, _TICKS.unpack_from(memory)[0] or now_ns, now_ns)

        target = Target(node_id="n1", source_name="test", source=_Source())
        agent = Agent([target], config=config, clock=SystemClock(), boot_id="boot-1")
        asyncio.run(agent.run(on_tick=note))


class _Source:
    async def read(self, clock: Clock) -> Batch:
        stamp = StopWatch(clock).stamp()
        return Batch(
            readings=tuple(
                Reading(
                    identity=GpuIdentity(gpu_uuid=gpu),
                    stamp=stamp,
                    power_milliwatt=power_milliwatt(gpu, stamp.monotonic_ns // NS_PER_MS),
                    energy_total_millijoule=stamp.monotonic_ns // NS_PER_MS,
                )
                for gpu in GPUS
            )
        )

    async def close(self) -> None:
        pass


def power_milliwatt(gpu_uuid: str, monotonic_ms: int) -> int:
    """Return what a GPU draws: anything, but of a time always the same [mW]."""
    return zlib.crc32(f"{gpu_uuid} {monotonic_ms}".encode()) % 700_000


@contextlib.contextmanager
def _shared_ticks(folder: Path) -> Iterator[mmap.mmap]:
    path = folder / "tick"
    path.write_bytes(bytes(_TICKS.size))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), _TICKS.size) as memory:
        yield memory


def _wait_for_a_tick(ticks: mmap.mmap) -> None:
    deadline_s = time.monotonic() + 60
    while not _TICKS.unpack_from(ticks)[0]:
        assert time.monotonic() < deadline_s, "the agent never read"
        time.sleep(0.005)


def _take_toll(root: Path, first_ns: int, last_ns: int, toll: Toll) -> None:
    """Recover, and see how much of what this agent read is not there."""
    with spool_lock(root):
        state = recover(root).states.of_node.get("n1")
    toll.recovered_count += 1
    durable_ns = max(first_ns, state.due_monotonic_ns if state else 0)
    toll.lost_s.append(max(0.0, (last_ns - durable_ns) / NS_PER_S))


def _audit(root: Path, toll: Toll) -> None:
    rows = sealed_rows(root, POWER_SAMPLES)
    toll.row_count += len(rows)
    toll.wrong_row_count += sum(
        row["power_milliwatt"] != power_milliwatt(row["gpu_uuid"], row["monotonic_ms"])
        for row in rows
    )
    toll.wrong_row_count += len(rows) - len({(r["gpu_uuid"], r["sequence_number"]) for r in rows})
    whole, damaged = verify_files(root)
    toll.damaged_count += len(damaged)
    ledger = balances(root, whole)
    toll.unaccounted_count += sum(abs(balance.unaccounted_count) for balance in ledger)
