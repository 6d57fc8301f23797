"""The command's root: imports the group that is asked for, and turns errors into exit codes.

A node has the base install only, so that no group may be imported that was not asked for. Not
here: what a command does; each group has a module.
"""

import importlib
import sys
from importlib.metadata import version
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from negawatt.models.domain.errors import ConfigurationError, NegawattError

# Name, module below negawatt.cli, what it is for. A module's `app` is a group; otherwise its
# function of the same name is the command.
_COMMANDS: Final = (
    ("demo", "demo", "Simulate a hall, collect from it, settle an event, write its report."),
    ("collect", "collect", "Read GPUs and exporters into sealed Parquet files."),
    ("listen", "listen", "Hear buses of the factory and the grid into sealed Parquet files."),
    ("simulate", "simulate", "Write a simulated site with known truth as a fleet folder."),
    ("import", "imports", "Bring meters, jobs, events, prices and sites into the warehouse."),
    ("programs", "programs", "The settlement programs as data, with their sources."),
    ("baseline", "baseline", "One load file, one event, one program: the baseline."),
    ("backtest", "backtest", "One load file, many programs: how far they are off on quiet days."),
    ("counterfactual", "counterfactual", "A fleet folder: what it would have drawn, by job."),
    ("score", "score", "Methods against a known truth, over seeds and scenarios."),
    ("settle", "settle", "Settle events: statements and reports."),
    ("restate", "restate", "State again every statement whose inputs changed."),
    ("diff", "diff", "Two versions of a statement side by side, and why they differ."),
    ("exceptions", "exceptions", "What needs a person before money moves."),
    ("report", "report", "Write the newest statement's report again."),
    ("export", "export", "A statement's tables as XLSX, JSON, CSV or Parquet."),
    ("bundle", "bundle", "Write a statement with its evidence as one file."),
    ("verify", "verify", "Recompute a statement from its bundle, and check every byte."),
    ("keys", "keys", "Make keys for signatures and pseudonyms in bundles."),
    ("gain", "gain", "Measure a card's own sensor beside a meter, and sign what it is off by."),
    ("portfolio", "portfolio", "What settled events and their months are paid, together."),
    ("capability", "capability", "What a site can promise next, and how sure that is."),
    ("export-meter", "export_meter", "Write a meter's readings in a format of utilities."),
    ("export-openadr", "export_openadr", "A statement as an OpenADR report, written or sent."),
    ("warehouse", "warehouse", "Check, compact, vacuum and publish a warehouse."),
    ("sql", "sql", "Ask the warehouse a question in SQL."),
)


# Modules of the smaller extras; everything else is the extra of what settles.
_EXTRA_OF: Final = {"joserfc": "dsx", "openleadr": "openadr2", "paho": "dsx"}


class _Commands(TyperGroup):
    """The groups and commands, each imported when it is asked for."""

    # Typer's own copy of click has no public types.
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as above
        return [name for name, _, _ in _COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as above
        modules = {name: module for name, module, _ in _COMMANDS}
        return _command(cmd_name, modules[cmd_name]) if cmd_name in modules else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, _, what in _COMMANDS])


def _command(name: str, module: str) -> Any:  # noqa: ANN401 - as above
    found = importlib.import_module(f"negawatt.cli.{module}")
    if hasattr(found, "app"):
        group: typer.Typer = found.app
    else:
        group = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        group.command(name)(getattr(found, module))
    command = typer.main.get_command(group)
    command.name = name
    return command


app = typer.Typer(
    name="negawatt",
    cls=_Commands,
    help="Measure and verify power reductions by AI factories: from GPU readings to a statement.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if is_asked:
        typer.echo(version("negawatt"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_version,
            is_eager=True,
            help="Print the version, as statements name it, and exit.",
        ),
    ] = False,
) -> None:
    """Measure and verify power reductions by AI factories: from GPU readings to a statement."""


def main() -> None:
    """Run the command; exit 0 done, 2 wrong usage, 3 missing, 4 refused, 130 interrupted."""
    try:
        app()
    except NegawattError as error:
        _stop(error)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("negawatt."):
            raise
        extra = _EXTRA_OF.get(error.name.partition(".")[0], "pipelines")
        _stop(
            ConfigurationError(
                thing="this command",
                expected=f"an installation with the extra {extra!r}",
                found=f"no module {error.name!r}",
                remedy=f"pip install 'negawatt[{extra}]'",
            )
        )
    except OSError as error:
        _stop(
            ConfigurationError(
                thing=f"path {error.filename}",
                expected="a file or folder that can be read and written here",
                found=error.strerror or type(error).__name__,
                remedy="give another path, or change its permissions",
            )
        )


def _stop(error: NegawattError) -> NoReturn:
    sys.stderr.write(f"negawatt: {error}\n")
    sys.exit(error.exit_code)
