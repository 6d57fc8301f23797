"""Events whose truth is known: simulated in memory, or read from folders.

What a method is given and what it is scored against are kept apart from here on. Not here: the
scoring itself (score_run.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.cli.fleet_input import read_fleet
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.counterfactual.fleet_tables import fleet_from_tables
from negawatt.models.counterfactual.scoring import Truth
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.simulation.fleet_folder import fleet_events, fleet_tables
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.mechanisms import Mechanism
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.scenarios import Scenario, scenario_plan
from negawatt.models.simulation.truth import truth_frame, truth_summary

HALL_TIME_ZONE = "Europe/London"
_MINUTES_PER_DAY = 1440


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CaseName:
    """A case before it is made; ``folder`` is given for one that lies on disk.

    Attributes:
        scenario: The scenario, or the folder's path.
        seed: Seed of the simulation, 0 for a folder.
        nodes: Nodes of 8 GPUs, 0 for a folder.
        days: Days with the event's, 0 for a folder.
        folder: Folder that holds public/ and truth/.
        time_zone: The site's clock, which programs go by; simulated halls are in London.
    """

    scenario: str
    seed: int = 0
    nodes: int = 0
    days: int = 0
    folder: str = ""
    time_zone: str = HALL_TIME_ZONE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredCase:
    """What methods are given, and apart from it the truth of its last event."""

    fleet: Fleet
    truth: Truth

    @property
    def event(self) -> FleetEvent:
        """The event to verify."""
        return self.fleet.events[-1]


def make_case(name: CaseName) -> ScoredCase:
    """Simulate or read a case.

    Raises:
        DataRefusedError: A folder lacks something.
    """
    if name.folder:
        return _read(Path(name.folder))
    plan = scenario_plan(Scenario(name.scenario), name.seed, nodes=name.nodes, days=name.days)
    return simulated_case(simulate(plan))


def simulated_case(record: HallRecord) -> ScoredCase:
    """Return a simulated hall as a case; its tables are those of the fleet folder."""
    tables: dict[str, pl.DataFrame] = {}
    power_w = np.full((len(record.gpus), len(record.meter_kw)), np.nan, dtype=np.float32)
    day = 0
    for name, frame in fleet_tables(record):
        if not name.startswith("gpu_power/"):
            tables[name] = frame
            continue
        part = slice(day * _MINUTES_PER_DAY, (day + 1) * _MINUTES_PER_DAY)
        power_w[:, part] = _minute_means(frame["power_w"].to_numpy(), len(record.gpus))
        day += 1
    fleet = fleet_from_tables(
        tables, fleet_events(record), start_utc=record.plan.start_utc, gpu_power_w=power_w
    )
    storage_kw = record.storage_kw[record.minutes_in(record.plan.events[-1].window)]
    summary = truth_summary(record)
    return ScoredCase(
        fleet=fleet,
        truth=_truth(truth_frame(record), summary, fleet.events[-1], storage_kw),
    )


def _minute_means(power_w: NDArray[np.float64], n_gpus: int) -> NDArray[np.float64]:
    """Return means of a day's readings, which come GPU by GPU in even steps."""
    steps = power_w.reshape(n_gpus, _MINUTES_PER_DAY, -1)
    known = ~np.isnan(steps)
    count = known.sum(axis=2)
    means = np.full(count.shape, np.nan)
    np.divide(np.where(known, steps, 0.0).sum(axis=2), count, out=means, where=count > 0)
    return means


def _truth(
    site: pl.DataFrame,
    summary: Mapping[str, object],
    event: FleetEvent,
    storage_kw: NDArray[np.float64],
) -> Truth:
    site = site[event.start_minute : event.end_minute]
    by_mechanism = summary["gpu_kw_by_mechanism"]
    assert isinstance(by_mechanism, Mapping)  # a truth with an event has it  # noqa: S101
    without_kw = site["site_kw_without_event"].to_numpy()
    gpu_kw = site["gpu_kw_without_event"].to_numpy() - site["gpu_kw"].to_numpy()
    return Truth(
        reduction_kw=without_kw - site["site_kw"].to_numpy() + storage_kw,
        site_kw=float(without_kw.mean()),
        gpu_kw=float(gpu_kw.mean()),
        held_kw=float(by_mechanism[Mechanism.HELD.value]),
    )


def _read(folder: Path) -> ScoredCase:
    fleet = read_fleet(folder / "public")
    event = fleet.events[-1]
    try:
        site = pl.read_parquet(folder / "truth" / "site.parquet")
        summary = json.loads((folder / "truth" / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataRefusedError(
            thing=f"folder {folder}",
            expected="truth/site.parquet and truth/summary.json beside public/",
            found=str(error),
            remedy="name a folder that negawatt simulate wrote",
        ) from error
    storage_kw = np.zeros(event.end_minute - event.start_minute)
    if fleet.storage_kw is not None:
        storage_kw = fleet.storage_kw[event.start_minute : event.end_minute]
    return ScoredCase(fleet=fleet, truth=_truth(site, summary, event, storage_kw))
