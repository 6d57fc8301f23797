"""The ``negawatt`` command as data: its subcommands, their help, and whether a line is well formed.

Not here: running anything.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.core import TyperGroup

from negawatt.cli.main import app

_EXAMPLE: Final = re.compile(r"^Example: (.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
_SHELL: Final = {">", ">>", "|", "<", "&&", ";"}
_USAGE_ERROR: Final[type[Exception]] = typer.BadParameter.__mro__[1]


def commands() -> dict[str, Any]:
    """Return every subcommand by its full name: ``negawatt collect run``."""
    return dict(_walk("negawatt", typer.main.get_command(app)))


def summary(command: Any) -> str:  # noqa: ANN401 - typer exports no type of its commands
    """Return the first sentence of a command's help, in one line."""
    return " ".join(str(command.help).split("\n\n", maxsplit=1)[0].split())


def example(command: Any) -> str | None:  # noqa: ANN401 - as above
    """Return the example of a command's help, in one line."""
    found = _EXAMPLE.search(str(command.help))
    return " ".join(found[1].split()) if found else None


def problem(line: str) -> str | None:
    """Return what is wrong with a command line, None where its words are well formed.

    Words after a pipe or a redirection are not looked at.
    """
    words = shlex.split(line.replace("\\\n", " "))
    words = words[: next((n for n, word in enumerate(words) if word in _SHELL), len(words))]
    command: Any = typer.main.get_command(app)
    path, rest = words[0], words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        inner = command.get_command(typer.Context(command), rest[0])
        path = f"{path} {rest[0]}"
        if inner is None:
            return f"there is no {path!r}"
        command, rest = inner, rest[1:]
    if "--help" in rest:
        return None
    try:
        command.make_context(path, rest)
    except _USAGE_ERROR as error:
        return f"{path}: {error}"
    return None


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as above
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from _walk(f"{path} {name}", command.get_command(context, name))
