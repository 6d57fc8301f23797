"""Rows of ``raw_job__accounting``: what a scheduler says of its jobs.

Here: one job as a value, checked, and jobs as rows. Not here: any one scheduler (sacct,
kubernetes), and flexibility tiers (negawatt.warehouse.job_tiers).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import polars as pl

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.parsed import NotTaken, not_taken

ACCOUNTING: Final = "raw_job__accounting"
NAMES: Final = ("job_name", "account_name")


_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:?[0-5][0-9])?"
)


class JobError(Exception):
    """A job cannot be as a file states it; the text says what is expected and what it says."""


def stamp_of(text: str) -> datetime:
    """Return a stamp of RFC 3339, with an offset or without.

    Raises:
        ValueError: Any other text, of which ``fromisoformat`` takes some, such as an offset of
            twenty digits.

    Examples:
        >>> stamp_of("2026-07-01T08:00:00-0400").isoformat()
        '2026-07-01T08:00:00-04:00'
    """
    if not _STAMP.fullmatch(text):
        raise ValueError(f"a stamp such as 2026-07-01T08:00:00Z is expected, found {text!r}")
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One submission of a job; what nobody said is None.

    Fields are columns of the table, and two names that say whose work it is: they decide its
    flexibility tier and are not kept.
    """

    job_id: str
    scheduler_job_id: str
    job_state: str
    submitted_at_utc: datetime
    job_name: str | None = None
    account_name: str | None = None
    partition_name: str | None = None
    qos_name: str | None = None
    job_priority: int | None = None
    eligible_at_utc: datetime | None = None
    allocation_start_utc: datetime | None = None
    allocation_end_utc: datetime | None = None
    requeue_count: int | None = None
    gpu_count: int | None = None
    gpu_kind: str | None = None
    node_ids: str | None = None
    job_energy_j: float | None = None

    def __post_init__(self) -> None:
        for name in (self.scheduler_job_id, self.job_id, self.partition_name, self.qos_name):
            if name is not None and not name.isprintable():
                raise JobError(f"a name in printable characters is expected, found {name!r}")
        start, end = self.allocation_start_utc, self.allocation_end_utc
        if start is not None and start < self.submitted_at_utc:
            raise JobError(f"a start after the submission is expected, found {start.isoformat()}")
        if end is not None and end < (start or self.submitted_at_utc):
            raise JobError(f"an end after the start is expected, found {end.isoformat()}")


def job_rows(found: Sequence[tuple[str, str, Job]]) -> tuple[pl.DataFrame, list[NotTaken]]:
    """Return jobs as rows, with their names; where two are one submission, neither is taken.

    Args:
        found: Place, literal and job.
    """
    counts = Counter((job.job_id, job.submitted_at_utc) for _, _, job in found)
    doubled = [
        not_taken(place, text, f"job {job.job_id} of this submission stands more than once")
        for place, text, job in found
        if counts[job.job_id, job.submitted_at_utc] > 1
    ]
    rows = [asdict(job) for _, _, job in found if counts[job.job_id, job.submitted_at_utc] == 1]
    kinds = schema(ACCOUNTING) | dict.fromkeys(NAMES, pl.String())
    return pl.DataFrame(rows, schema=kinds).drop("available_at_utc"), doubled
