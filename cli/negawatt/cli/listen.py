"""``negawatt listen``: hear what the factory and the grid's side say, and seal it.

Not here: protocols, signatures and files (negawatt.collectors.dsx).
"""

import json
import signal
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import JsonOption
from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.dsx.config import ListenConfig, load_listen_config
from negawatt.collectors.dsx.listen import Heard, listen
from negawatt.models.domain.units import NS_PER_S

app = typer.Typer(
    help="Hear buses of the factory and the grid into sealed files.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def dsx(
    config: Annotated[Path, typer.Argument(help="TOML file; `dsx-sample` prints one.")],
    duration_s: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after this many seconds.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the configuration and its keys; hear nothing.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Hear NVIDIA DSX Exchange until stopped (Ctrl-C or SIGTERM): meters, racks, load targets.

    Example: negawatt listen dsx dsx.toml --duration-s 60
    """
    loaded = load_listen_config(config)
    if check:
        _check(loaded, json_output=json_output)
        return
    heard = _listen(loaded, duration_s)
    if json_output:
        typer.echo(json.dumps(_values(heard), indent=2))
    else:
        _print(heard)


@app.command()
def dsx_sample() -> None:
    """Print a configuration of `listen dsx` with every key explained.

    Example: negawatt listen dsx-sample > dsx.toml
    """
    typer.echo(
        files("negawatt.collectors.dsx").joinpath("sample.toml").read_text("utf-8"), nl=False
    )


def _check(config: ListenConfig, *, json_output: bool) -> None:
    Access(config.broker.access)
    terms = config.terms()
    if json_output:
        typer.echo(config.model_dump_json(indent=2))
        return
    typer.echo(f"site {config.site_id}, feed {terms.feed_tag}, program {terms.program_id}")
    typer.echo(f"broker {config.broker.url} as {config.broker.client_id}")
    for topic in config.topics:
        typer.echo(f"  {topic}")
    typer.echo(f"tables below {config.root}")
    for key_id, signer in terms.signers.items():
        typer.echo(f"key {key_id} speaks for {signer.source}")
    if not terms.signers:
        typer.echo("no key: every signed message will be refused as unknown_key")


def _listen(config: ListenConfig, duration_s: float | None) -> Heard:
    clock, stopped = SystemClock(), [False]
    end_ns = None if duration_s is None else clock.monotonic_ns() + round(duration_s * NS_PER_S)

    def stop(*_: object) -> None:
        stopped[0] = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return listen(
        config,
        clock,
        lambda: stopped[0] or (end_ns is not None and clock.monotonic_ns() >= end_ns),
        _show if sys.stderr.isatty() else _Log().say,
    )


class _Log:
    """Says on standard error when the connection is lost or made; nothing in between."""

    def __init__(self) -> None:
        self._said: tuple[int, str] = (0, "")

    def say(self, heard: Heard) -> None:
        """Say what is new."""
        now = (heard.connected_count, heard.problem)
        if now != self._said:
            self._said = now
            sys.stderr.write(f"{_state(heard)}; {heard.message_count} messages so far\n")
            sys.stderr.flush()


def _state(heard: Heard) -> str:
    return f"no connection: {heard.problem}" if heard.problem else "connected"


def _show(heard: Heard) -> None:
    line = f"{heard.message_count} messages, {heard.refused_count} refused; {_state(heard)}"
    sys.stderr.write(f"\r{line:<78.78}")
    sys.stderr.flush()


def _values(heard: Heard) -> dict[str, object]:
    return {
        "message_count": heard.message_count,
        "counts": {outcome.value: n for outcome, n in sorted(heard.counts.items())},
        "connected_count": heard.connected_count,
        "file_count": heard.file_count,
    }


def _print(heard: Heard) -> None:
    typer.echo(
        f"{heard.message_count} messages over {heard.connected_count} connections, "
        f"{heard.file_count} files"
    )
    for outcome, count in sorted(heard.counts.items()):
        refused = " (refused, kept in raw_grid__messages)" if outcome.is_refusal else ""
        typer.echo(f"  {count} {outcome.value}{refused}")
