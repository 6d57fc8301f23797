"""One run of any listener at a terminal: until it is stopped, with progress and a summary.

Not here: which listener (negawatt.cli.listen).
"""

import json
import signal
import sys
from collections.abc import Callable

import typer

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.heard import Heard
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.units import NS_PER_S

Hear = Callable[[Clock, Callable[[], bool], Callable[[Heard], None]], Heard]


def hear(listen: Hear, duration_s: float | None, *, json_output: bool) -> None:
    """Hear until stopped, and say what was heard.

    Args:
        listen: Hears until it is told to stop.
        duration_s: After which it stops by itself [s].
        json_output: Print JSON instead of text.
    """
    clock = SystemClock()
    stop = _Stop(clock, duration_s)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.now)
    heard = listen(clock, stop.is_due, _show if sys.stderr.isatty() else _Log().say)
    typer.echo(json.dumps(_values(heard), indent=2) if json_output else "\n".join(_lines(heard)))


class _Stop:
    """Says when to stop: when told to, or so long after it was asked first."""

    def __init__(self, clock: Clock, duration_s: float | None) -> None:
        self._clock = clock
        self._duration_s = duration_s
        self._end_ns: int | None = None
        self._is_told = False

    def now(self, *_: object) -> None:
        """Stop."""
        self._is_told = True

    def is_due(self) -> bool:
        """Say whether to stop."""
        if self._duration_s is not None and self._end_ns is None:
            self._end_ns = self._clock.monotonic_ns() + round(self._duration_s * NS_PER_S)
        is_over = self._end_ns is not None and self._clock.monotonic_ns() >= self._end_ns
        return self._is_told or is_over


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
        "dry_run": heard.is_dry_run,
        "row_counts": dict(sorted(heard.sealed.row_counts.items())),
        "changed_count": heard.sealed.changed_count,
        "file_count": heard.sealed.file_count,
    }


def _lines(heard: Heard) -> list[str]:
    sealed = heard.sealed
    lines = [f"{heard.message_count} messages over {heard.connected_count} connections"]
    for outcome, count in sorted(heard.counts.items()):
        refused = " (refused, kept in raw_grid__messages)" if outcome.is_refusal else ""
        lines.append(f"  {count} {outcome.value}{refused}")
    for table, count in sorted(sealed.row_counts.items()):
        is_changed = table == "raw_grid__events" and sealed.changed_count
        changed = f", {sealed.changed_count} of them changed" if is_changed else ""
        lines.append(f"{table}: {count} rows{changed}")
    would_be = "would be " if heard.is_dry_run else ""
    lines.append(f"{would_be}in {sealed.file_count} new files")
    return lines
