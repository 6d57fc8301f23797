"""Exporter pages: the Prometheus text format, read line by line.

Pure: bytes in, samples and rejected lines out. One bad line costs that line, with a reason. Not
here: which metric means what (negawatt.collectors.sources.dcgm_page) and how a page is fetched.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from negawatt.collectors.sources.line_value import LineReason
from negawatt.collectors.sources.page_layout import KnownLabels, PageLayout, Series
from negawatt.models.domain.errors import DataRefusedError

_LABELS_REMEMBERED = 10_000  # pod labels churn: forget all rather than grow without end


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


class Page:
    """All lines of a page but comments and blank ones.

    Args:
        lines: The lines, without their newlines.
        layout: Their left parts; pages that look alike share it.
        values: Their right parts.
        problems: The lines that were not read, by position from 0, and why.

    Attributes:
        layout: As given.
    """

    __slots__ = ("_lines", "_problems", "_values", "layout")

    def __init__(
        self,
        lines: Sequence[bytes],
        layout: PageLayout,
        values: Sequence[bytes],
        problems: Mapping[int, LineReason],
    ) -> None:
        self._lines = lines
        self._values = values
        self._problems = problems
        self.layout = layout

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every line that was read, in the order of the page."""
        return tuple(
            Sample(series, self.value_text(n), n + 1, self._text(n))
            for n, series in enumerate(self.layout.series)
            if isinstance(series, Series) and n not in self._problems
        )

    @property
    def rejected(self) -> tuple[RejectedLine, ...]:
        """Every line that was not read, in the order of the page."""
        return tuple(self.rejection(n, self._problems[n]) for n in sorted(self._problems))

    def is_read(self, line_index: int) -> bool:
        """Say whether a line [from 0] that has a series has a usable value."""
        return line_index not in self._problems

    def value_text(self, line_index: int) -> str:
        """Return the value of a line [from 0] that was read, as printed."""
        return self._values[line_index].strip().decode("ascii")

    def rejection(self, line_index: int, reason: LineReason) -> RejectedLine:
        """Return a line [from 0] as one that is not read."""
        return RejectedLine(line_index + 1, reason, self._text(line_index))

    def _text(self, line_index: int) -> str:
        return self._lines[line_index].decode("utf-8", errors="replace").strip()


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
    """Reads the pages of one exporter; remembers labels, which stay the same between pages.

    Examples:
        >>> page = PageParser().parse(b'power{UUID="GPU-1", gpu="0"} 68.244000' + bytes([10]))
        >>> page.samples[0].series.labels["UUID"], page.samples[0].value_text
        ('GPU-1', '68.244000')
    """

    def __init__(self) -> None:
        self._known: KnownLabels = {}
        self._layout = PageLayout((), {})

    def parse(self, body: bytes, *, page_name: str = "given") -> Page:
        """Read a page.

        Args:
            body: The page, ending in a newline; an empty body has no lines.
            page_name: Where it came from, for the error.

        Raises:
            TruncatedPageError: The last line does not end in a newline.
        """
        lines = body.split(b"\n")
        if lines.pop():
            raise TruncatedPageError(
                page_name=page_name, tail=body[-20:].decode("utf-8", errors="replace")
            )
        values = self._layout.values(lines)
        if self._layout.fits(len(lines), len(body) - len(lines), values):
            problems = self._layout.problems(values)
            # A brace right of a series may end its labels: that line has another left part.
            if not any(b"}" in values[n] for n in problems):
                return Page(lines, self._layout, values, problems)
        return self._read_afresh(lines)

    def _read_afresh(self, lines: Sequence[bytes]) -> Page:
        if len(self._known) > _LABELS_REMEMBERED:
            self._known.clear()
        self._layout = PageLayout(lines, self._known)
        values = self._layout.values(lines)
        return Page(lines, self._layout, values, self._layout.problems(values))


def count_by_reason(rejected: Sequence[RejectedLine]) -> dict[str, int]:
    """Return how many lines were rejected for each reason, sorted by reason."""
    return dict(sorted(Counter(line.reason.value for line in rejected).items()))
