"""What stands left of the values on an exporter page, read once for many pages.

A page has the lines of the page before it with other values: comparing the left parts is all that
a warm page costs. Reading by a layout that fits gives what reading afresh would give; tests hold
the two together. Not here: values (line_value), whole pages (exposition).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from negawatt.collectors.sources.line_value import LineReason, all_usable, is_utf8, value_problem

_NAME = re.compile(rb"[A-Za-z_:][A-Za-z0-9_:]*")
_BARE_NAME = re.compile(rb"\s*\S+\s")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Series:
    """What stands left of a value: the metric's name and its labels."""

    name: str
    labels: Mapping[str, str]


# Of the text between the braces: its labels, None where it is malformed.
KnownLabels = dict[bytes, Mapping[str, str] | None]


class PageLayout:
    """The left parts of a page's lines: the same from one page to the next.

    Args:
        lines: The lines of a page, without their newlines.
        known: Labels that were read before, by their text; new ones are added.

    Attributes:
        series: Of each line; None for a comment or a blank line, the reason for one that has none.
    """

    __slots__ = (
        *("_bare", "_has_value", "_malformed", "_prefixes", "_prefixes_bytes", "_usable", "series"),
    )

    def __init__(self, lines: Sequence[bytes], known: KnownLabels) -> None:
        self._prefixes = [line[: _cut(line)] for line in lines]
        self._prefixes_bytes = sum(map(len, self._prefixes))
        self.series = [_series(left, known) for left in self._prefixes]
        self._has_value = [isinstance(series, Series) for series in self.series]
        self._malformed = [n for n, s in enumerate(self.series) if isinstance(s, LineReason)]
        # Left parts that another left part may begin with: nothing may follow them.
        self._bare = [n for n, left in enumerate(self._prefixes) if _is_bare(left)]
        self._usable: set[bytes] = set()  # values of the page before: most come again

    def values(self, lines: Sequence[bytes]) -> list[bytes]:
        """Return what stands right of each left part; it means something only if it ``fits``."""
        return list(map(bytes.removeprefix, lines, self._prefixes))

    def fits(self, line_count: int, line_bytes: int, values: Sequence[bytes]) -> bool:
        """Say whether lines with these values read as a layout made of them would read them.

        Args:
            line_count: How many lines there are.
            line_bytes: Their length together, without newlines [bytes].
            values: From ``values``.
        """
        return (
            line_count == len(self._prefixes)
            # A left part that was not there was not removed, and leaves more bytes than it should.
            and len(b"".join(values)) == line_bytes - self._prefixes_bytes
            and not any(values[n] for n in self._bare)
            and not any(b"}" in values[n] for n in self._malformed)
        )

    def problems(self, values: Sequence[bytes]) -> dict[int, LineReason]:
        """Return the lines that cannot be used, by position from 0, and why."""
        found = {
            n: reason for n in self._malformed if isinstance(reason := self.series[n], LineReason)
        }
        printed = set(compress(values, self._has_value))
        if all_usable(printed - self._usable):
            self._usable = printed
        else:
            for n, value in enumerate(values):
                if self._has_value[n] and (reason := value_problem(value)):
                    found[n] = reason
        return found


def _cut(line: bytes) -> int:
    """Return where a line's value begins; at its end if it has none."""
    brace = line.rfind(b"}")
    if _is_silent(line):
        return len(line)
    if brace >= 0:
        return brace + 1
    name = _BARE_NAME.match(line)
    return name.end() if name else len(line)


def _is_silent(line: bytes) -> bool:
    """Say whether a line is a comment or blank."""
    return line.lstrip()[:1] in {b"", b"#"}


def _is_bare(left: bytes) -> bool:
    """Say whether a left part is blank or a name that nothing ends."""
    return not left.strip() or not (_is_silent(left) or left.endswith(b"}") or left[-1:].isspace())


def _series(left: bytes, known: KnownLabels) -> Series | LineReason | None:
    if _is_silent(left):
        return None
    name, brace, rest = left.partition(b"{")
    name = name.strip()
    if not is_utf8(left):
        return LineReason.NOT_UTF8
    if not _NAME.fullmatch(name):
        return LineReason.MALFORMED_NAME
    if brace and rest not in known:
        known[rest] = _parse_labels(rest[:-1].decode("utf-8"))
    labels = known[rest] if brace else {}
    return LineReason.MALFORMED_LABELS if labels is None else Series(name.decode("ascii"), labels)


def _parse_labels(text: str) -> dict[str, str] | None:
    """Read what stands between the braces; None where it is malformed or names a label twice."""
    labels: dict[str, str] = {}
    position = 0
    text = text.strip()
    while position < len(text):
        match = _LABEL.match(text, position)
        if match is None or match[1] in labels:
            return None
        labels[match[1]] = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), match[2])
        position = match.end()
    return labels
