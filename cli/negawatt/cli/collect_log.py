"""What a running agent tells: a line on stderr for each finding, as text or as JSON.

Here: the lines. Not here: which findings are worth one (negawatt.collectors.finding_counts).
"""

import json
import sys
from enum import StrEnum

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.finding_counts import CountedFinding
from negawatt.models.domain.findings import Severity


class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


class RunLog:
    """Writes lines with the time in UTC.

    Args:
        log_format: How.
    """

    def __init__(self, log_format: LogFormat) -> None:
        self._format = log_format

    def finding(self, counted: CountedFinding) -> None:
        """Tell a finding, and how often it was found for its subject."""
        found = counted.finding
        self._write(
            found.severity,
            found.code.value,
            f"{found.subject}: {found.message}",
            subject=found.subject,
            count=counted.count,
            evidence=dict(found.evidence),
        )

    def event(self, name: str, message: str, **facts: object) -> None:
        """Tell that the agent itself did something."""
        self._write(Severity.INFO, name, message, **facts)

    def _write(self, level: Severity, name: str, message: str, **facts: object) -> None:
        time_utc = SystemClock().now_utc().isoformat(timespec="milliseconds")
        if self._format is LogFormat.JSON:
            values = {
                "time_utc": time_utc,
                "level": level.value,
                "event": name,
                "message": message,
                **facts,
            }
            line = json.dumps(values, default=str)
        else:
            often = f" ({facts['count']} times)" if facts.get("count", 1) != 1 else ""
            line = f"{time_utc} {level.value}: {name}: {message}{often}"
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
