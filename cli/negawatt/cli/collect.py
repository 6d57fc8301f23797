"""``negawatt collect``: the agent that reads GPUs and exporters, and what helps to set it up.

Not here: reading, sealing, configuration rules (negawatt.collectors).
"""

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.collect_log import LogFormat, RunLog
from negawatt.cli.collect_recover import recover
from negawatt.cli.collect_words import (
    finding_line,
    finding_values,
    inspection_values,
    print_inspection,
)
from negawatt.cli.options import JsonOption
from negawatt.collectors.access import Access
from negawatt.collectors.agent import Summary, TickReport
from negawatt.collectors.agent import collect as collect_readings
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig, load_config
from negawatt.collectors.inspection import inspect as inspect_once
from negawatt.collectors.inspection import inspect_configured
from negawatt.collectors.targets import machine_boot_id

app = typer.Typer(
    help="Read GPUs and exporters into sealed files.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ConfigArgument = Annotated[Path, typer.Argument(help="TOML file; `sample` prints one.")]


@app.command()
def run(
    config: ConfigArgument,
    duration_s: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after this many seconds.")
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="How findings are told on stderr as they come.")
    ] = LogFormat.TEXT,
    json_output: JsonOption = False,
) -> None:
    """Read all targets until stopped (Ctrl-C or SIGTERM), and seal what came.

    Example: negawatt collect run collect.toml --duration-s 60 --log-format json
    """
    summary = asyncio.run(_run(load_config(config), duration_s, RunLog(log_format)))
    if json_output:
        _print_json(_summary_values(summary))
    else:
        _print_summary(summary)


@app.command()
def check(config: ConfigArgument, json_output: JsonOption = False) -> None:
    """Validate a configuration and its certificates; say what would be collected, and read nothing.

    Example: negawatt collect check collect.toml --json
    """
    checked = load_config(config)
    for target in (*checked.dcgm, *checked.redfish):
        Access(target.access)
    if json_output:
        _print_json(checked.model_dump(mode="json"))
    else:
        _print_config(checked)


@app.command()
def inspect(
    subject: Annotated[
        str,
        typer.Argument(
            help="Address or file of an exporter page, nvml, or a configuration (.toml): all of it."
        ),
    ],
    json_output: JsonOption = False,
) -> None:
    """Show what a page, the driver, or everything a configuration names yields, read once.

    Rows and lines that are rejected are shown with the reason. Nothing is stored.

    Example: negawatt collect inspect collect.toml
    """
    if not subject.endswith(".toml"):
        inspection = asyncio.run(inspect_once(subject, SystemClock()))
        if json_output:
            _print_json(inspection_values(inspection))
        else:
            print_inspection(inspection)
        return
    config = load_config(Path(subject))
    inspections = asyncio.run(inspect_configured(config, SystemClock()))
    if json_output:
        _print_json({name: inspection_values(found) for name, found in inspections.items()})
        return
    for name, found in inspections.items():
        typer.echo(name)
        print_inspection(found)


app.command()(recover)


@app.command()
def sample() -> None:
    """Print a configuration with every key explained.

    Example: negawatt collect sample > collect.toml
    """
    typer.echo(files("negawatt.collectors").joinpath("sample.toml").read_text("utf-8"), nl=False)


async def _run(config: CollectConfig, duration_s: float | None, log: RunLog) -> Summary:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log.event("started", f"collecting below {config.spool_directory}", site_id=config.site_id)
    summary = await collect_readings(
        config,
        clock=SystemClock(),
        boot_id=machine_boot_id(),
        tick_count=None if duration_s is None else config.tick_count(duration_s),
        on_tick=_show_tick if sys.stderr.isatty() else None,
        on_finding=log.finding,
        stop=stop,
    )
    log.event(
        "ended",
        f"{summary.sample_count} readings in {summary.file_count} sealed files",
        expected_count=summary.expected_count,
        received_count=summary.received_count,
    )
    return summary


def _show_tick(report: TickReport) -> None:
    of_all = "" if report.tick_count is None else f" of {report.tick_count}"
    sys.stderr.write(f"\rtick {report.tick + 1}{of_all}: {report.reading_count} readings ")
    sys.stderr.flush()


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, default=str))


def _summary_values(summary: Summary) -> dict[str, object]:
    values = asdict(summary)
    values["findings"] = [
        {**finding_values(counted.finding), "count": counted.count} for counted in summary.findings
    ]
    return values


def _print_summary(summary: Summary) -> None:
    missing_count = summary.expected_count - summary.received_count
    typer.echo(
        f"{summary.target_count} targets, {summary.tick_count} ticks "
        f"({summary.missed_tick_count} missed), {summary.sample_count} readings, "
        f"{missing_count} missing, {summary.file_count} files"
    )
    states = ", ".join(f"{n} {state}" for state, n in summary.count_by_state.items() if n)
    typer.echo(f"targets at the end: {states}; {summary.transition_count} changes of state")
    for path in summary.files:
        typer.echo(f"  {path}")
    for counted in summary.findings:
        typer.echo(f"{counted.count} x {finding_line(counted.finding)}")


def _print_config(config: CollectConfig) -> None:
    typer.echo(f"site {config.site_id}, every {config.scrape_interval_s} s")
    typer.echo(f"sealed every {config.seal_interval_s} s below {config.spool_directory}")
    if config.nvml.enabled:
        typer.echo(
            f"node {config.nvml.node_id}: the driver of this machine, "
            f"every {config.nvml.sample_interval_s} s"
        )
    if config.metrics.port:
        typer.echo(f"own figures at http://{config.metrics.host}:{config.metrics.port}/metrics")
    for target in config.dcgm:
        typer.echo(f"node {target.node_id}: {target.url}")
    for controller in config.redfish:
        typer.echo(f"node {controller.node_id}: controller {controller.url}")
    for followed in config.meter_files:
        meter = followed.meter_id or f"by column {followed.meter_column!r}"
        typer.echo(f"meter {meter}: {followed.files}, {followed.value_unit}")
