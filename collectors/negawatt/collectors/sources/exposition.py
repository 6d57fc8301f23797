"""Exporter pages: the Prometheus text format, read line by line.

Pure: bytes in, samples and rejected lines out. One bad line costs that line, with a reason. Not
here: which metric means what (negawatt.collectors.sources.dcgm) and how a page is fetched.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from negawatt.models.domain.errors import DataRefusedError

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}
_SERIES_REMEMBERED = 50_000  # pod labels churn: forget all rather than grow without end

# Codes for "no value": DCGM dcgm_structs.h, DCGM_INT64_BLANK, DCGM_INT32_BLANK and DCGM_FP64_BLANK
# and the three codes after each (not found, not supported, no permission).
_SENTINELS: Final = frozenset(
    float(first + code)
    for first in (0x7FFFFFFFFFFFFFF0, 0x7FFFFFF0, 140_737_488_355_328)
    for code in range(4)
)


class LineReason(StrEnum):
    """Why a line of a page was not read."""

    EXPORTER_ERROR = "exporter_error"
    MALFORMED_LABELS = "malformed_labels"
    MALFORMED_NAME = "malformed_name"
    MIG_UUID = "mig_uuid"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    NOT_UTF8 = "not_utf8"
    NO_GPU_UUID = "no_gpu_uuid"
    NO_VALUE = "no_value"
    SENTINEL = "sentinel"
    TIMESTAMPED = "timestamped"
    VALUE_OUT_OF_RANGE = "value_out_of_range"


@dataclass(frozen=True, slots=True)
class Series:
    """What stands left of a value: the metric's name and its labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line that was read.

    Attributes:
        series: The metric and its labels.
        value_text: The value as printed, a finite number that is no sentinel.
        line_number: Position on the page, from 1.
        line: The whole line.
    """

    series: Series
    value_text: str
    line_number: int
    line: str


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One line that was not read, and why."""

    line_number: int
    reason: LineReason
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """All lines of a page but comments and blank ones."""

    samples: tuple[Sample, ...]
    rejected: tuple[RejectedLine, ...]

    def count_by_reason(self) -> dict[str, int]:
        """Return how many lines were rejected for each reason, sorted by reason."""
        return dict(sorted(Counter(line.reason.value for line in self.rejected).items()))


class TruncatedPageError(DataRefusedError):
    """A page does not end in a newline: its last number may have lost digits."""

    def __init__(self, *, page_name: str, tail: str) -> None:
        super().__init__(
            thing=f"exporter page {page_name}",
            expected="a newline at its end",
            found=f"it ends in {tail!r}",
            remedy="read the page again; a number cut short reads as a smaller one",
        )


class PageParser:
    """Reads the pages of one exporter; remembers series, which stay the same between pages.

    Examples:
        >>> page = PageParser().parse(b'power{UUID="GPU-1", gpu="0"} 68.244000' + bytes([10]))
        >>> page.samples[0].series.labels["UUID"], page.samples[0].value_text
        ('GPU-1', '68.244000')
    """

    def __init__(self) -> None:
        self._series: dict[str, Series | LineReason] = {}

    def parse(self, body: bytes, *, page_name: str = "given") -> Page:
        """Read a page.

        Args:
            body: The page, ending in a newline; an empty body has no lines.
            page_name: Where it came from, for the error.

        Raises:
            TruncatedPageError: The last line does not end in a newline.
        """
        text = body.decode("utf-8", errors="replace")
        if text and not text.endswith("\n"):
            raise TruncatedPageError(page_name=page_name, tail=text[-20:])
        if len(self._series) > _SERIES_REMEMBERED:
            self._series.clear()
        samples: list[Sample] = []
        rejected: list[RejectedLine] = []
        for number, raw_line in enumerate(text.split("\n"), start=1):
            line = raw_line.strip()
            if not line or line[0] == "#":
                continue
            outcome = self._line(line)
            if isinstance(outcome, LineReason):
                rejected.append(RejectedLine(number, outcome, line))
            else:
                samples.append(Sample(*outcome, number, line))
        return Page(samples=tuple(samples), rejected=tuple(rejected))

    def _line(self, line: str) -> tuple[Series, str] | LineReason:
        if "\N{REPLACEMENT CHARACTER}" in line:
            return LineReason.NOT_UTF8
        cut = line.rfind("}") + 1
        if not cut:
            cut = len(line.split(maxsplit=1)[0])
        left, value_text = line[:cut], line[cut:].strip()
        series = self._series.get(left)
        if series is None:
            series = self._series[left] = _parse_series(left)
        if isinstance(series, LineReason):
            return series
        problem = value_problem(value_text)
        return problem or (series, value_text)


def value_problem(text: str) -> LineReason | None:
    """Say why a value cannot be used, or None if it is a finite number that is no sentinel.

    Examples:
        >>> value_problem("68.244000"), value_problem("9223372036854775794").value
        (None, 'sentinel')
    """
    try:
        value = float(text)
    except ValueError:
        return _text_problem(text)
    if "_" in text:  # Python reads 1_0 as 10; the format has no such number
        return LineReason.NOT_A_NUMBER
    if value in _SENTINELS:
        return LineReason.SENTINEL
    return None if math.isfinite(value) else LineReason.NOT_FINITE


def _text_problem(text: str) -> LineReason:
    if not text:
        return LineReason.NO_VALUE
    if text.startswith("ERROR"):
        return LineReason.EXPORTER_ERROR
    if text.startswith("<<<"):
        return LineReason.SENTINEL
    first, _, second = text.partition(" ")
    if second.strip().lstrip("-").isdecimal() and value_problem(first) is None:
        return LineReason.TIMESTAMPED
    return LineReason.NOT_A_NUMBER


def _parse_series(text: str) -> Series | LineReason:
    name, brace, rest = text.partition("{")
    name = name.strip()
    if not _NAME.fullmatch(name):
        return LineReason.MALFORMED_NAME
    labels = _parse_labels(rest[:-1]) if brace else {}
    return LineReason.MALFORMED_LABELS if labels is None else Series(name, labels)


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
