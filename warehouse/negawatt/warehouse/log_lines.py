"""Lines of a log as a table: what a pattern with named groups finds in each.

Here: the table, and what the pattern did not find. Not here: what its columns mean (job_files).
"""

import re
from pathlib import Path

import polars as pl

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.formats.parsed import NotTaken, not_taken


def read_log(path: Path, pattern: str) -> tuple[pl.DataFrame, tuple[NotTaken, ...]]:
    """Return the lines that a pattern finds something in, a column for each of its named groups.

    A log holds lines about other things: those are counted, not refused.

    Args:
        path: The log, text in UTF-8.
        pattern: A regular expression of Python with named groups.

    Raises:
        ConfigurationError: The pattern is none or names no group, or the file cannot be read.
    """
    try:
        expression = re.compile(pattern)
        lines = path.read_text(encoding="utf-8").splitlines()
    except (re.error, OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=f"log {path} with line_pattern {pattern!r}",
            expected="a text file, and a regular expression",
            found=str(error),
            remedy="correct the profile, or give another file",
        ) from error
    if not expression.groupindex:
        raise ConfigurationError(
            thing=f"line_pattern {pattern!r}",
            expected="named groups, such as (?P<job>[0-9]+)",
            found="none",
            remedy="name what the profile's columns take",
        )
    found = [match.groupdict() for line in lines if (match := expression.search(line))]
    rows = pl.DataFrame(found, schema=dict.fromkeys(expression.groupindex, pl.String()))
    others = len(lines) - len(found)
    reason = f"{others} lines do not have the profile's pattern"
    return rows, (not_taken("file", "lines", reason),) if others else ()
