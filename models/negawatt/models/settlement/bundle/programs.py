"""Program files in a bundle: the bytes that a rule was read from, and rules from those bytes.

Not here: what a rule says (negawatt.models.baselines).
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from typing import Final

from negawatt.models.baselines.registry import load_program, program_bytes, rule_from_bytes
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_fallback import SwitchTo
from negawatt.models.domain.errors import DataRefusedError

_MEMBER: Final = re.compile(r"programs/[a-z0-9_]+\.toml")


def program_member(program_id: str) -> str:
    """Return the name of the member that holds a program file.

    Examples:
        >>> program_member("pjm_economic_3day")
        'programs/pjm_economic_3day.toml'
    """
    return f"programs/{program_id}.toml"


def rule_file(rule: BaselineRule) -> bytes:
    """Return the bytes that a rule was read from.

    Raises:
        DataRefusedError: The rule is of a file that is not, or no longer, one of this version's.
    """
    content = program_bytes(rule.program_id)
    digest = sha256(content + "".join(f"\n{text}" for text in rule.overrides).encode()).hexdigest()
    if digest != rule.digest:
        raise DataRefusedError(
            thing=f"rule {rule.rule_id!r}",
            expected=f"the program file with digest {rule.digest}",
            found=digest,
            remedy="bundle with the version of negawatt that settled",
        )
    return content


def read_rule(member: str, content: bytes, overrides: Sequence[str]) -> BaselineRule:
    """Return the rule that a member and recorded overrides say.

    Raises:
        ValueError: The member is no program file.
        ConfigurationError: Its bytes are no rule.
    """
    if not _MEMBER.fullmatch(member):
        raise ValueError(f"{member!r} is no program file")
    return _read(member, content, tuple(overrides))


@cache
def _read(member: str, content: bytes, overrides: tuple[str, ...]) -> BaselineRule:
    return rule_from_bytes(content, member, overrides)


def referred_programs(rules: Iterable[BaselineRule]) -> dict[str, bytes]:
    """Return the files of the programs that rules switch to or compare with, by program.

    A rule names them; the engine reads them from its own version. A bundle holds them so that a
    verifier of another version sees that it has another file.
    """
    found: dict[str, bytes] = {}
    waiting = [name for rule in rules for name in _named_by(rule)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = program_bytes(name)
            waiting += _named_by(load_program(name))
    return found


def _named_by(rule: BaselineRule) -> list[str]:
    switched = [one.switch_to for one in rule.insufficient_days if isinstance(one, SwitchTo)]
    return [*switched, *([rule.comparison] if rule.comparison else [])]
