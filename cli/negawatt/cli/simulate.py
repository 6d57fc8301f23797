"""``negawatt simulate``: a fleet folder with known truth.

Here: the plan's choice, the files, and a summary. Not here: the hall
(negawatt.models.simulation) and the tables' columns (negawatt.models.simulation.fleet_folder and
.truth).
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import JsonOption
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.simulation.fleet_folder import fleet_events, fleet_tables
from negawatt.models.simulation.hall import simulate as simulate_hall
from negawatt.models.simulation.plan import HallPlan, plan_from_toml
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.scenarios import Scenario, scenario_plan
from negawatt.models.simulation.truth import truth_frames, truth_summary

_DEFAULT_SEED = 1
_DEFAULT_NODES = 64
_DEFAULT_DAYS = 29
# The simulation itself, and all tables that are not a day's GPU power.
_OTHER_STEPS = 2


def simulate(
    output: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    scenario: Annotated[
        Scenario, typer.Option(help="What happens beside the ordinary.")
    ] = Scenario.ORDINARY,
    seed: Annotated[int, typer.Option(min=0, help="Source of every draw.")] = _DEFAULT_SEED,
    nodes: Annotated[int, typer.Option(min=8, help="Nodes of 8 GPUs.")] = _DEFAULT_NODES,
    days: Annotated[
        int, typer.Option(min=2, max=400, help="Days up to the event's.")
    ] = _DEFAULT_DAYS,
    plan: Annotated[
        Path | None, typer.Option(help="TOML plan, instead of scenario, seed, nodes and days.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Simulate a hall of GPUs with an event, and write what its operator would have as files.

    OUTPUT/public is the fleet folder; OUTPUT/truth is what only a simulation knows: the load
    without the event, and why it differs. The same plan gives the same files.

    Example: negawatt simulate hall --scenario held_starts --seed 7
    """
    _refuse_if_used(output)
    hall_plan = (
        scenario_plan(scenario, seed, nodes=nodes, days=days) if plan is None else _read_plan(plan)
    )
    quiet = json_output or not sys.stderr.isatty()
    with typer.progressbar(
        length=hall_plan.days + _OTHER_STEPS, label="simulating", hidden=quiet, file=sys.stderr
    ) as progress:
        record = simulate_hall(hall_plan)
        progress.update(1)
        _write(record, output, on_day=lambda: progress.update(1))
        progress.update(1)
    _say(record, output, json_output=json_output)


def _refuse_if_used(output: Path) -> None:
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ConfigurationError(
            thing=f"output {output}",
            expected="a new or an empty folder",
            found="a folder that holds files" if output.is_dir() else "a file",
            remedy="name another folder, or remove what is there",
        )


def _read_plan(path: Path) -> HallPlan:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=f"plan {path}",
            expected="a TOML file that can be read",
            found=str(error),
            remedy="name an existing plan",
        ) from error
    return plan_from_toml(text, name=str(path))


def _write(record: HallRecord, output: Path, *, on_day: Callable[[], None]) -> None:
    """Write everything beside the output and move it there at the end, whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        folder = Path(scratch) / "folder"
        _write_public(record, folder / "public", on_day=on_day)
        _write_truth(record, folder / "truth")
        folder.replace(output)


def _write_public(record: HallRecord, folder: Path, *, on_day: Callable[[], None]) -> None:
    (folder / "gpu_power").mkdir(parents=True)
    for name, frame in fleet_tables(record):
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
        if name.startswith("gpu_power/"):
            on_day()
    _write_json(folder / "events.json", fleet_events(record))


def _write_truth(record: HallRecord, folder: Path) -> None:
    folder.mkdir()
    for name, frame in truth_frames(record).items():
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
    _write_json(folder / "summary.json", truth_summary(record))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _say(record: HallRecord, output: Path, *, json_output: bool) -> None:
    summary = _summary(record, output)
    if json_output:
        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{output}: {summary['gpu_count']} GPUs, {summary['day_count']} days, site mean "
        f"{summary['site_mean_kw']:.1f} kW"
    )
    for event in record.plan.events[-1:]:
        typer.echo(
            f"event {event.event_id}: true reduction {summary['true_reduction_kw']:.1f} kW, "
            f"{summary['true_reduction_kwh']:.1f} kWh"
        )


def _summary(record: HallRecord, output: Path) -> dict[str, object]:
    """Return what a reader wants to know first; the reduction is None where there is no event."""
    event = record.plan.events[-1] if record.plan.events else None
    return {
        "output": str(output),
        "site_id": record.plan.site_id,
        "seed": record.plan.seed,
        "gpu_count": record.plan.gpu_count,
        "day_count": record.plan.days,
        "site_mean_kw": float(record.load.site_kw.mean()),
        "event_id": event.event_id if event else None,
        "true_reduction_kw": float(record.true_reduction_kw(event.window).mean())
        if event
        else None,
        "true_reduction_kwh": record.true_reduction_kwh(event.window) if event else None,
    }
