"""AC against DC on 64 nodes: what the reconciliation finds in power logs published with MLPerf.

Here: from the published logs to figures, by negawatt's own functions. Not here: words and charts of
the page (build.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.topology import METER, NODE, PathObject, topology_of
from negawatt.models.domain.units import J_PER_KWH, MS_PER_S, S_PER_MINUTE
from negawatt.models.metering.power_samples import sampled_energy
from negawatt.models.metering.sample_rules import SampleRules
from negawatt.models.reconciliation.clocks import ClockLag, clock_lag, on_grid
from negawatt.models.reconciliation.copies import copied_series
from negawatt.models.reconciliation.feeds import METERED, LevelEnergy, ObjectEnergy, levels
from negawatt.models.reconciliation.power_supply import FittedLoss, fit_loss

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]

SIDES = ("ac", "dc")
STEP_MS = 2_000
REACH_S = 20.0
PLANTED_S = 10.0
_MINUTE_MS = S_PER_MINUTE * MS_PER_S
_RULES = SampleRules(max_gap_s=3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The readings of one meter of one node in one job."""

    time_ms: Stamps
    power_w: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One job on several nodes, each with a meter on either side of its supplies.

    Attributes:
        name: The job.
        logs: Readings by side and node.
    """

    name: str
    logs: Mapping[tuple[str, int], Log]

    @cached_property
    def nodes(self) -> list[int]:
        """The nodes, in order."""
        return sorted({node for _, node in self.logs})

    def copies(self, side: str) -> list[tuple[int, ...]]:
        """Return the nodes that have one series on a side, group by group."""
        logs = {
            f"{n:03}": (self.logs[side, n].time_ms, self.logs[side, n].power_w) for n in self.nodes
        }
        return [tuple(map(int, group)) for group in copied_series(logs)]

    @cached_property
    def distinct_nodes(self) -> list[int]:
        """The nodes without those whose AC series an earlier one has."""
        spare = {node for group in self.copies("ac") for node in group[1:]}
        return [node for node in self.nodes if node not in spare]

    @cached_property
    def edges_ms(self) -> Stamps:
        """Edges of the whole minutes that every meter read."""
        first_ms = max(int(log.time_ms[0]) for log in self.logs.values())
        last_ms = min(int(log.time_ms[-1]) for log in self.logs.values())
        return np.arange(first_ms, last_ms + 1, _MINUTE_MS)

    @cached_property
    def energies(self) -> dict[tuple[str, int], ObjectEnergy]:
        """Energy of each meter in each minute: integrated over its own stamps, then comparable."""
        return {key: self._energy(log) for key, log in self.logs.items()}

    def _energy(self, log: Log) -> ObjectEnergy:
        found = sampled_energy(log.time_ms, log.power_w, self.edges_ms, _RULES, subject="log")
        return ObjectEnergy(
            energy_kwh=found.energy_j / J_PER_KWH,
            coverage_ratio=found.coverage_ratio,
            kind=METERED,
        )

    @cached_property
    def levels(self) -> list[LevelEnergy]:
        """Each node's AC meter beside its DC meter."""
        path = topology_of(
            one
            for node in self.nodes
            for one in (
                PathObject(
                    object_id=f"ac {node:02}", object_type=METER, serves_ids=(f"dc {node:02}",)
                ),
                PathObject(object_id=f"dc {node:02}", object_type=NODE),
            )
        )
        measured = {f"{side} {node:02}": one for (side, node), one in self.energies.items()}
        return levels(path, measured)

    def total_kwh(self, side: str) -> Floats:
        """Return the energy of all nodes in each minute [kWh]."""
        of_nodes = np.array([self.energies[side, node].energy_kwh for node in self.nodes])
        return np.asarray(of_nodes.sum(axis=0), np.float64)

    @cached_property
    def residual_ratio(self) -> float:
        """Share of the AC energy of all nodes that the DC meters do not read."""
        return 1 - float(self.total_kwh("dc").sum() / self.total_kwh("ac").sum())

    @cached_property
    def minute_residual_ratio(self) -> Floats:
        """The same of each minute."""
        return 1 - self.total_kwh("dc") / self.total_kwh("ac")

    @cached_property
    def node_residual_ratio(self) -> Floats:
        """The same of each distinct node, over the run."""
        of_node = dict(zip(self.nodes, self.levels, strict=True))
        found = [of_node[node].residual_ratio for node in self.distinct_nodes]
        assert all(ratio is not None for ratio in found)  # every node was read  # noqa: S101
        return np.array(found, dtype=np.float64)

    def minute_w(self, side: str) -> Floats:
        """Return the mean power of each minute, node after node [W]."""
        w_per_kwh = J_PER_KWH / S_PER_MINUTE
        return np.concatenate([self.energies[side, n].energy_kwh for n in self.nodes]) * w_per_kwh

    @cached_property
    def reading_above_one_ratio(self) -> float:
        """Share of readings in which the DC meter read more than the AC meter at its stamp."""
        above = [self.logs["dc", n].power_w > self.logs["ac", n].power_w for n in self.nodes]
        return float(np.concatenate(above).mean())

    def reading_spread_w(self, side: str) -> float:
        """Return the mean over the nodes of the standard deviation of their readings [W]."""
        return float(np.mean([self.logs[side, node].power_w.std() for node in self.nodes]))

    def sides_lag(self, node: int) -> ClockLag:
        """Return how far a node's DC meter is behind its AC meter."""
        return self._lag(self.logs["ac", node], self.logs["dc", node])

    def node_lag(self, node: int, planted_s: float = 0.0) -> ClockLag:
        """Return how far a node's AC meter is behind those of all other distinct nodes together."""
        own = self.logs["ac", node]
        late = Log(time_ms=own.time_ms + int(planted_s * MS_PER_S), power_w=own.power_w)
        return self._lag(Log(time_ms=self._grid_ms, power_w=self._others_w(node)), late)

    def _lag(self, first: Log, second: Log) -> ClockLag:
        return clock_lag(
            first.time_ms,
            first.power_w,
            second.time_ms,
            second.power_w,
            step_ms=STEP_MS,
            reach_s=REACH_S,
        )

    @cached_property
    def _grid_ms(self) -> Stamps:
        return np.arange(self.edges_ms[0], self.edges_ms[-1], STEP_MS)

    @cached_property
    def _on_grid_w(self) -> Floats:
        logs = (self.logs["ac", node] for node in self.distinct_nodes)
        return np.array([on_grid(self._grid_ms, o.time_ms, o.power_w, STEP_MS) for o in logs])

    def _others_w(self, node: int) -> Floats:
        others = np.delete(self._on_grid_w, self.distinct_nodes.index(node), axis=0)
        return np.asarray(others.sum(axis=0), np.float64)

    @cached_property
    def nodes_at_a_stamp(self) -> Counter[int]:
        """How many stamps have a reading of how many nodes."""
        stamps = Counter(int(t) for n in self.nodes for t in self.logs["ac", n].time_ms)
        return Counter(stamps.values())

    @cached_property
    def rank_spread_s(self) -> float:
        """Largest time between the k-th readings of two nodes [s]."""
        count = min(len(self.logs["ac", node].time_ms) for node in self.nodes)
        stamps = np.array([self.logs["ac", node].time_ms[:count] for node in self.nodes])
        return float(np.ptp(stamps, axis=0).max()) / MS_PER_S


def loss_of(jobs: Iterable[Run]) -> FittedLoss:
    """Return input as a line of output, over the minutes of all nodes of all jobs.

    Raises:
        DataRefusedError: The load is too steady to tell a loss.
    """
    each = list(jobs)
    return fit_loss(*(np.concatenate([one.minute_w(side) for one in each]) for side in SIDES))


def runs(data: Path, system: str, benchmark: str) -> Iterator[Run]:
    """Yield the jobs of a benchmark on a system whose whole minutes were read, by name."""
    path = data / "training_v40_h100_node_power.parquet"
    rows = (
        pl.scan_parquet(path)
        .with_columns(pl.col(pl.Categorical).cast(pl.String))
        .filter(pl.col.benchmark == benchmark, pl.col.system.str.starts_with(system))
        .sort("run", "time_ms")
        .collect()
    )
    for (_, name), own in rows.partition_by("benchmark", "run", as_dict=True).items():
        job = Run(
            name=str(name),
            logs={
                (side, node): Log(
                    time_ms=log["time_ms"].to_numpy(),
                    power_w=log["watts"].cast(pl.Float64).to_numpy(),
                )
                for (side, node), log in own.partition_by("meter", "node", as_dict=True).items()
            },
        )
        if len(job.edges_ms) > 1:
            yield job
