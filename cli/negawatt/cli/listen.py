"""``negawatt listen``: hear what the factory and the grid's side say, and seal it.

Not here: protocols, signatures and files (negawatt.collectors.dsx, negawatt.collectors.openadr).
"""

import json
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negawatt.cli.options import JsonOption
from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.heard import Heard
from negawatt.collectors.openadr.config import MeaningConfig, OpenAdrConfig, load_openadr_config
from negawatt.collectors.openadr.config_two_b import TwoBConfig, load_two_b_config
from negawatt.collectors.openadr.listen import listen as listen_openadr
from negawatt.collectors.openadr.vtn import Vtn
from negawatt.collectors.openadr.webhook import webhook_token
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.units import NS_PER_S

if TYPE_CHECKING:
    from negawatt.collectors.dsx.config import ListenConfig

Hear = Callable[[Clock, Callable[[], bool], Callable[[Heard], None]], Heard]

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
    from negawatt.collectors.dsx.config import load_listen_config  # noqa: PLC0415 - the extra dsx
    from negawatt.collectors.dsx.listen import listen  # noqa: PLC0415 - as above

    loaded = load_listen_config(config)
    if check:
        _check(loaded, json_output=json_output)
        return
    _hear(partial(listen, loaded), duration_s, json_output=json_output)


@app.command()
def dsx_sample() -> None:
    """Print a configuration of `listen dsx` with every key explained.

    Example: negawatt listen dsx-sample > dsx.toml
    """
    typer.echo(
        files("negawatt.collectors.dsx").joinpath("sample.toml").read_text("utf-8"), nl=False
    )


@app.command()
def openadr(
    config: Annotated[Path, typer.Argument(help="TOML file; `openadr-sample` prints one.")],
    duration_s: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after this many seconds.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the configuration and its files; ask nobody.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Hear an OpenADR 3.1 VTN until stopped (Ctrl-C or SIGTERM): limits, levels, prices.

    Example: negawatt listen openadr openadr.toml --duration-s 60
    """
    loaded = load_openadr_config(config)
    if check:
        _check_openadr(loaded, json_output=json_output)
        return
    _hear(partial(listen_openadr, loaded), duration_s, json_output=json_output)


@app.command()
def openadr_sample() -> None:
    """Print a configuration of `listen openadr` with every key explained.

    Example: negawatt listen openadr-sample > openadr.toml
    """
    typer.echo(
        files("negawatt.collectors.openadr").joinpath("sample.toml").read_text("utf-8"), nl=False
    )


@app.command()
def openadr2(
    config: Annotated[Path, typer.Argument(help="TOML file; `openadr2-sample` prints one.")],
    duration_s: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after this many seconds.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the configuration; ask nobody.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Hear an OpenADR 2.0b VTN until stopped (Ctrl-C or SIGTERM): set-points, levels, prices.

    Example: negawatt listen openadr2 openadr2.toml --duration-s 60
    """
    loaded = load_two_b_config(config)
    if check:
        _check_openadr2(loaded, json_output=json_output)
        return
    from negawatt.collectors.openadr.ven_two_b import (  # noqa: PLC0415 - the extra openadr2
        listen as listen_openadr2,
    )

    _hear(partial(listen_openadr2, loaded), duration_s, json_output=json_output)


@app.command()
def openadr2_sample() -> None:
    """Print a configuration of `listen openadr2` with every key explained.

    Example: negawatt listen openadr2-sample > openadr2.toml
    """
    typer.echo(
        files("negawatt.collectors.openadr").joinpath("sample_two_b.toml").read_text("utf-8"),
        nl=False,
    )


def _check_openadr(config: OpenAdrConfig, *, json_output: bool) -> None:
    Vtn(config.vtn, SystemClock())
    if config.webhook is not None:
        webhook_token(config.webhook.token_file)
    if json_output:
        typer.echo(config.model_dump_json(indent=2))
        return
    typer.echo(f"site {config.site_id}, tables below {config.root}")
    typer.echo(
        f"VTN {config.vtn.url} as {config.vtn.client_name}, "
        f"asked every {config.vtn.poll_interval_s:g} s"
    )
    if config.webhook is not None:
        typer.echo(
            f"told of changes at {config.webhook.callback_url}, "
            f"heard on {config.webhook.host}:{config.webhook.port}"
        )
    for program in config.programs:
        _say_program(program.vtn_program_id, program)


def _check_openadr2(config: TwoBConfig, *, json_output: bool) -> None:
    if json_output:
        typer.echo(config.model_dump_json(indent=2))
        return
    typer.echo(f"site {config.site_id}, tables below {config.root}")
    typer.echo(f"VTN {config.vtn.url} as {config.vtn.ven_name}, answered {config.vtn.answer}")
    for program in config.programs:
        _say_program(program.market_context, program)


def _say_program(name: str, program: MeaningConfig) -> None:
    typer.echo(f"program {name} is {program.program_id}")
    for level, asked in sorted(program.levels.items()):
        typer.echo("  level {}: {} {:g}".format(level, *asked.ask()))
    if not program.levels:
        typer.echo("  no level: every SIMPLE above 0 will be refused as level_unknown")
    if program.price_series is not None:
        typer.echo(f"  prices become {program.price_series}")
    if program.alert_series is not None:
        typer.echo(f"  alerts become {program.alert_series}")


def _check(config: "ListenConfig", *, json_output: bool) -> None:
    Access(config.broker.access)
    terms = config.terms()
    if json_output:
        typer.echo(config.model_dump_json(indent=2))
        return
    typer.echo(f"site {config.site_id}, feed {terms.feed_tag}, program {terms.program_id}")
    typer.echo(f"broker {config.broker.url} as {config.broker.client_id}")
    if config.broker.oauth is not None:
        typer.echo(f"token from {config.broker.oauth.token_url}")
    for topic in config.topics:
        typer.echo(f"  {topic}")
    typer.echo(f"tables below {config.root}")
    for key_id, signer in terms.signers.items():
        typer.echo(f"key {key_id} speaks for {signer.source}")
    if not terms.signers:
        typer.echo("no key: every signed message will be refused as unknown_key")


def _hear(hear: Hear, duration_s: float | None, *, json_output: bool) -> None:
    """Hear until stopped, and say what was heard."""
    clock, stopped = SystemClock(), [False]
    end_ns = None if duration_s is None else clock.monotonic_ns() + round(duration_s * NS_PER_S)

    def stop(*_: object) -> None:
        stopped[0] = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    heard = hear(
        clock,
        lambda: stopped[0] or (end_ns is not None and clock.monotonic_ns() >= end_ns),
        _show if sys.stderr.isatty() else _Log().say,
    )
    if json_output:
        typer.echo(json.dumps(_values(heard), indent=2))
    else:
        _print(heard)


class _Log:
    """Says on standard error when the connection is lost or made; nothing in between."""

    def __init__(self) -> None:
        self._said: tuple[int, str] = (0, "")

    def say(self, heard: Heard) -> None:
        """Say what is new."""
        now = (heard.connected_count, heard.problem + heard.note)
        if now != self._said:
            self._said = now
            sys.stderr.write(f"{_state(heard)}; {heard.message_count} messages so far\n")
            sys.stderr.flush()


def _state(heard: Heard) -> str:
    if heard.problem:
        return f"no connection: {heard.problem}"
    return f"connected, but {heard.note}" if heard.note else "connected"


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
