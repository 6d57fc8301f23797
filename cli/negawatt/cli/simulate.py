"""``negawatt simulate``: a fleet folder with known truth.

Here: the plan's choice, the files, and a summary. Not here: the hall
(negawatt.models.simulation) and the tables' columns (negawatt.models.simulation.fleet_folder).
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
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.fleet_folder import fleet_events, fleet_frames, truth_frame
from negawatt.models.simulation.hall import simulate as simulate_hall
from negawatt.models.simulation.plan import HallPlan, plan_from_toml
from negawatt.models.simulation.record import HallRecord

_DEFAULT_SEED = 1
_DEFAULT_NODES = 8
_DEFAULT_DAYS = 29


def simulate(
    output: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    seed: Annotated[int, typer.Option(min=0, help="Source of every draw.")] = _DEFAULT_SEED,
    nodes: Annotated[int, typer.Option(min=3, help="Nodes of 8 GPUs.")] = _DEFAULT_NODES,
    days: Annotated[
        int, typer.Option(min=2, max=400, help="Days up to the event's.")
    ] = _DEFAULT_DAYS,
    plan: Annotated[
        Path | None, typer.Option(help="TOML plan, instead of seed, nodes and days.")
    ] = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Write truth.parquet: the load without the event.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Simulate a hall of GPUs with an event, and write what its operator would have as files.

    The same plan gives the same files. The truth is written only where it is asked for.

    Example: negawatt simulate hall --seed 7 --truth
    """
    _refuse_if_used(output)
    hall_plan = demo_plan(seed, nodes=nodes, days=days) if plan is None else _read_plan(plan)
    quiet = json_output or not sys.stderr.isatty()
    with typer.progressbar(
        length=hall_plan.days + 1, label="simulating", hidden=quiet, file=sys.stderr
    ) as progress:
        record = simulate_hall(hall_plan)
        progress.update(1)
        _write_folder(record, output, truth=truth, on_day=lambda: progress.update(1))
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


def _write_folder(
    record: HallRecord, output: Path, *, truth: bool, on_day: Callable[[], None]
) -> None:
    """Write everything beside the output and move it there at the end, whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        folder = Path(scratch) / "folder"
        (folder / "gpu_power").mkdir(parents=True)
        for name, frame in fleet_frames(record).items():
            frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
            if name.startswith("gpu_power/"):
                on_day()
        events = json.dumps(fleet_events(record), indent=2) + "\n"
        (folder / "events.json").write_text(events, encoding="utf-8")
        if truth:
            truth_frame(record).write_parquet(folder / "truth.parquet", compression="zstd")
        folder.replace(output)


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
