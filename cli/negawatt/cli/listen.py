"""``negawatt listen``: hear what the factory and the grid's side say, and seal it.

Here: the protocols, each with its two commands. Not here: hearing and what is said of it
(negawatt.cli.hearing), protocols, signatures and files (negawatt.collectors.dsx,
negawatt.collectors.openadr).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from negawatt.cli.hearing import hear
from negawatt.cli.options import JsonOption
from negawatt.collectors.access import Access
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.heard import Heard
from negawatt.collectors.oauth import Tokens
from negawatt.collectors.openadr.config import MeaningConfig, OpenAdrConfig, load_openadr_config
from negawatt.collectors.openadr.config_two_b import TwoBConfig, load_two_b_config
from negawatt.collectors.openadr.listen import listen as listen_openadr
from negawatt.collectors.openadr.vtn import Vtn
from negawatt.collectors.openadr.webhook import webhook_token

if TYPE_CHECKING:
    from negawatt.collectors.dsx.config import ListenConfig

app = typer.Typer(
    help="Hear buses of the factory and the grid into sealed files.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bus:
    """What the commands of one protocol need.

    Attributes:
        name: Of its command; ``<name>-sample`` prints its sample.
        help: What its command does, without the example.
        sample: Package and name of its sample.
        load: Reads a configuration.
        said: Opens what a configuration names, asks nobody, and yields what a check says.
        listen: Hears; takes the configuration first.
        offered: Asks who speaks what it offers, and yields what a dry run says, where hearing
            would leave a trace there.
    """

    name: str
    help: str
    sample: tuple[str, str]
    load: Callable[[Path], Any]
    said: Callable[[Any], Iterator[str]]
    listen: Callable[..., Heard]
    offered: Callable[[Any], Iterator[str]] | None = None

    @property
    def dry_run_help(self) -> str:
        """What a dry run does."""
        if self.offered is None:
            return "Hear, say what would be taken in, keep nothing."
        return "Ask what is offered, register and hear nothing; say what a run would do."


def _commands(bus: _Bus) -> None:
    """Add the commands of one protocol."""

    def listen(
        config: Annotated[Path, typer.Argument(help=f"TOML file; `{bus.name}-sample` prints one.")],
        duration_s: Annotated[
            float | None, typer.Option(min=0.001, help="Stop after this many seconds.")
        ] = None,
        check: Annotated[
            bool, typer.Option("--check", help="Check the file and what it names; ask nobody.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=bus.dry_run_help)] = False,
        json_output: JsonOption = False,
    ) -> None:
        loaded = bus.load(config)
        if check:
            lines = list(bus.said(loaded))
            typer.echo(loaded.model_dump_json(indent=2) if json_output else "\n".join(lines))
            return
        if dry_run and bus.offered is not None:
            lines = [*bus.said(loaded), *bus.offered(loaded)]
            typer.echo(json.dumps({"said": lines}, indent=2) if json_output else "\n".join(lines))
            return
        if not dry_run:
            hear(partial(bus.listen, loaded), duration_s, json_output=json_output)
            return
        with _rehearsed(loaded) as thrown_away:
            heard = partial(bus.listen, thrown_away, is_dry_run=True)
            hear(heard, duration_s, json_output=json_output)

    def sample() -> None:
        package, name = bus.sample
        typer.echo(files(package).joinpath(name).read_text("utf-8"), nl=False)

    example = f"Example: negawatt listen {bus.name} {bus.name}.toml --duration-s 60"
    app.command(bus.name, help=f"{bus.help}\n\n{example}")(listen)
    about = f"Print a configuration of `listen {bus.name}` with every key explained."
    example = f"Example: negawatt listen {bus.name}-sample > {bus.name}.toml"
    app.command(f"{bus.name}-sample", help=f"{about}\n\n{example}")(sample)


@contextmanager
def _rehearsed(config: Any) -> Iterator[Any]:  # noqa: ANN401 - of any bus
    """Yield a configuration whose tables are thrown away, and what it remembers of its own."""
    with TemporaryDirectory() as folder:
        for memory in config.root.glob("state/*/memory.json"):
            copy = Path(folder) / memory.relative_to(config.root)
            copy.parent.mkdir(parents=True)
            copy.write_bytes(memory.read_bytes())
        yield config.model_copy(update={"root": Path(folder)})


def _load_dsx(path: Path) -> "ListenConfig":
    from negawatt.collectors.dsx.config import load_listen_config  # noqa: PLC0415 - the extra dsx

    return load_listen_config(path)


def _listen_dsx(config: "ListenConfig", *args: Any, **more: Any) -> Heard:  # noqa: ANN401 - as listen has them
    from negawatt.collectors.dsx.listen import listen  # noqa: PLC0415 - the extra dsx

    return listen(config, *args, **more)


def _dsx_said(config: "ListenConfig") -> Iterator[str]:
    broker = config.broker
    Access(broker.access)
    if broker.oauth is not None:
        Tokens(broker.oauth, SystemClock())
        Access(AccessConfig(ca_file=broker.oauth.ca_file))
    terms = config.terms()
    yield f"site {config.site_id}, feed {terms.feed_tag}, program {terms.program_id}"
    yield f"broker {broker.url} as {broker.client_id}"
    if broker.oauth is not None:
        yield f"token from {broker.oauth.token_url}"
    for topic in config.topics:
        yield f"  {topic}"
    yield f"tables below {config.root}"
    for key_id, signer in terms.signers.items():
        yield f"key {key_id} speaks for {signer.source}"
    if not terms.signers:
        yield "no key: every signed message will be refused as unknown_key"


def _openadr_said(config: OpenAdrConfig) -> Iterator[str]:
    vtn, hook = config.vtn, config.webhook
    Vtn(vtn, SystemClock())
    yield f"site {config.site_id}, tables below {config.root}"
    yield f"VTN {vtn.url} as {vtn.client_name}, asked every {vtn.poll_interval_s:g} s"
    if hook is not None:
        webhook_token(hook.token_file)
        yield f"told of changes at {hook.callback_url}, heard on {hook.host}:{hook.port}"
    for program in config.programs:
        yield from _program_said(program.vtn_program_id, program)


def _listen_openadr2(config: TwoBConfig, *args: Any, **more: Any) -> Heard:  # noqa: ANN401 - as listen has them
    from negawatt.collectors.openadr.ven_two_b import listen  # noqa: PLC0415 - the extra openadr2

    return listen(config, *args, **more)


def _openadr2_said(config: TwoBConfig) -> Iterator[str]:
    Access(config.vtn.access)
    yield f"site {config.site_id}, tables below {config.root}"
    yield f"VTN {config.vtn.url} as {config.vtn.ven_name}, answered {config.vtn.answer}"
    for program in config.programs:
        yield from _program_said(program.market_context, program)


def _openadr2_offered(config: TwoBConfig) -> Iterator[str]:
    from negawatt.collectors.openadr.ven_two_b import offered  # noqa: PLC0415 - the extra openadr2

    answer = offered(config.vtn)
    profiles = [one["profile_name"] for one in answer.get("profiles") or ()]
    yield f"the VTN answers, and offers {', '.join(profiles) or 'no profile'}"
    wait = answer.get("requested_oadr_poll_freq")
    if wait is not None:
        yield f"it would be polled every {wait.total_seconds():g} s"
    yield f"a run would register {config.vtn.ven_name} and answer each event {config.vtn.answer}"


def _program_said(name: str, program: MeaningConfig) -> Iterator[str]:
    targets = f", for {', '.join(program.targets)}" if program.targets else ""
    yield f"program {name} is {program.program_id}{targets}"
    for level, asked in sorted(program.levels.items()):
        yield "  level {}: {} {:g}".format(level, *asked.ask())
    if not program.levels:
        yield "  no level: every SIMPLE above 0 will be refused as level_unknown"
    if program.price_series is not None:
        yield f"  prices become {program.price_series}"
    if program.alert_series is not None:
        yield f"  alerts become {program.alert_series}"


_OPENADR: Final = "negawatt.collectors.openadr"
for _bus in (
    _Bus(
        name="dsx",
        help="Hear NVIDIA DSX Exchange until stopped (Ctrl-C or SIGTERM): meters, racks, load "
        "targets.",
        sample=("negawatt.collectors.dsx", "sample.toml"),
        load=_load_dsx,
        said=_dsx_said,
        listen=_listen_dsx,
    ),
    _Bus(
        name="openadr",
        help="Hear an OpenADR 3.1 VTN until stopped (Ctrl-C or SIGTERM): limits, levels, prices.",
        sample=(_OPENADR, "sample.toml"),
        load=load_openadr_config,
        said=_openadr_said,
        listen=listen_openadr,
    ),
    _Bus(
        name="openadr2",
        help="Hear an OpenADR 2.0b VTN until stopped (Ctrl-C or SIGTERM): set-points, levels, "
        "prices.",
        sample=(_OPENADR, "sample_two_b.toml"),
        load=load_two_b_config,
        said=_openadr2_said,
        listen=_listen_openadr2,
        offered=_openadr2_offered,
    ),
):
    _commands(_bus)
