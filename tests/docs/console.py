"""The commands that the documents show, and what they are said to print.

Here: finding the documents, their ``console`` blocks and links. Not here: running a command
(test_documents.py).
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One command of a document.

    Attributes:
        place: Document and line.
        command: What stands after ``$``.
        output: The lines below it, as they stand; empty where none is shown.
    """

    place: str
    command: str
    output: str


def documents() -> list[str]:
    """Return every document, as a path below the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def text_of(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def shown(document: str, text: str) -> list[Shown]:
    r"""Return the commands of all console blocks, in order.

    A command goes on in the next line where its own ends in a backslash or in open quotes.

    Examples:
        >>> [one] = shown("a.md", "```console\n$ negawatt sql \\\n    'SELECT 1'\n1 rows\n```\n")
        >>> one.place, one.command, one.output
        ('a.md:2', "negawatt sql \\\n    'SELECT 1'", '1 rows\n')
    """
    found: list[Shown] = []
    block = goes_on = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            block, goes_on = line == "```console", False
        elif block and goes_on:
            found[-1] = replace(found[-1], command=f"{found[-1].command}\n{line}")
            goes_on = _is_open(found[-1].command)
        elif block and line.startswith("$ "):
            found.append(Shown(place=f"{document}:{number}", command=line[2:], output=""))
            goes_on = _is_open(found[-1].command)
        elif block:
            if not found:
                raise ValueError(f"{document}:{number} shows output before any command")
            found[-1] = replace(found[-1], output=f"{found[-1].output}{line}\n")
    return found


def links(text: str) -> Iterator[str]:
    """Yield the targets of links and images outside fenced blocks."""
    for found in _LINK.finditer(_FENCED.sub("", text)):
        yield found[1]


def anchors(text: str) -> set[str]:
    r"""Return the anchors of a document's headings, as code hosts make them.

    Examples:
        >>> sorted(anchors("# Who it is for\n## `negawatt demo`, in short\n"))
        ['negawatt-demo-in-short', 'who-it-is-for']
    """
    headings = _HEADING.findall(_FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def _is_open(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")
