"""Program files: found, read, validated, digested.

Here: the only reading of files in negawatt.models, and only of rule files. Not here: what the keys
mean (rule.py, rule_parts.py).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from negawatt.models.baselines.calendar import holidays_of, program_clock
from negawatt.models.baselines.rule import BaselineRule, RuleFile
from negawatt.models.domain.errors import ConfigurationError, invalid_file

_PROGRAMS: Final = files("negawatt.models.baselines") / "programs"
_ANY_YEAR: Final = 2026  # asks only whether the calendar exists
_RULE_FILE: Final = TypeAdapter(RuleFile)


def list_programs() -> tuple[str, ...]:
    """Return the identifiers of the built-in programs, in alphabetical order.

    Examples:
        >>> "pjm_economic_3day" in list_programs()
        True
    """
    names = (entry.name for entry in _PROGRAMS.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_program(program_id: str, *, overrides: tuple[str, ...] = ()) -> BaselineRule:
    """Return the rule of a built-in program.

    Args:
        program_id: Name of the program.
        overrides: ``key=value`` texts, dotted keys, that replace keys of the file.

    Raises:
        ConfigurationError: There is no such program, or an override does not fit.

    Examples:
        >>> load_program("pjm_economic_3day").day_types[0].selected_count
        4
        >>> rule = load_program("pjm_economic_3day", overrides=("day_types.weekday.X=3",))
        >>> rule.day_types[0].selected_count, rule.rule_id.endswith("+overrides")
        (3, True)
    """
    return rule_from_bytes(program_bytes(program_id), f"{program_id}.toml", overrides)


def program_bytes(program_id: str) -> bytes:
    """Return the file of a built-in program, as it is.

    Raises:
        ConfigurationError: There is no such program.
    """
    if program_id not in list_programs():
        raise ConfigurationError(
            thing=f"program {program_id!r}",
            expected=f"one of {', '.join(list_programs())}",
            found="no such program",
            remedy="name a listed program or the path of a program file",
        )
    return (_PROGRAMS / f"{program_id}.toml").read_bytes()


def program_from_file(path: Path, *, overrides: Sequence[str] = ()) -> BaselineRule:
    """Return the rule of a program file of your own.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or breaks the schema.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            thing=f"program file {str(path)!r}",
            expected="a readable file",
            found=error.strerror or "an unreadable one",
            remedy="correct the path",
        ) from error
    return rule_from_bytes(content, path, overrides)


def rule_from_bytes(content: bytes, path: object, overrides: Sequence[str]) -> BaselineRule:
    """Validate the bytes of a program file; ``path`` names it in messages.

    Raises:
        ConfigurationError: The bytes are no TOML, or break the schema, or an override does.
    """
    try:
        document: dict[str, Any] = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=str(path), expected="TOML", found=str(error), remedy="correct the file"
        ) from error
    for override in overrides:
        _apply(document, override)
    try:
        content_of_file = _RULE_FILE.validate_python(document)
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error
    digest = sha256(content + "".join(f"\n{text}" for text in overrides).encode()).hexdigest()
    values = {field.name: getattr(content_of_file, field.name) for field in fields(RuleFile)}
    program_clock(content_of_file.settlement_clock)
    holidays_of(content_of_file.holiday_calendar, _ANY_YEAR)
    return BaselineRule(**values, digest=digest, overrides=tuple(overrides))


def _apply(document: dict[str, Any], override: str) -> None:
    """Replace one key; a list element is named by its ``name`` or its position."""
    key, separator, text = override.partition("=")
    *parents, last = key.strip().split(".")
    node: Any = document
    for part in parents:
        if isinstance(node, list):
            node = next((e for e in node if part in (e.get("name"), str(node.index(e)))), None)
        elif isinstance(node, dict):
            node = node.setdefault(part, {})
    if not separator or not isinstance(node, dict):
        raise ConfigurationError(
            thing=f"override {override!r}",
            expected="dotted.key=value with tables that the program has",
            found=f"no table {'.'.join(parents)!r}" if separator else "no '='",
            remedy="write for example adjustment.type=none or day_types.weekday.X=3",
        )
    node[last] = _value(text.strip())


def _value(text: str) -> object:
    """Return a TOML value, or the text itself where it is none.

    Examples:
        >>> _value("0.25"), _value("none"), _value("[1, 2]")
        (0.25, 'none', [1, 2])
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
