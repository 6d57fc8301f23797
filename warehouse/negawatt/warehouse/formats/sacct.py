"""Accounting of Slurm: what ``sacct --parsable2`` prints.

Source: Slurm, sacct(1), "Job Accounting Fields" and "Job State Codes". Jobs are taken, their steps
left out. ``job_id`` is JobIDRaw where the file has it, as in the labels of exporters, else JobID.
Stamps with an offset, or in seconds since 1970 (``SLURM_TIME_FORMAT=%s``), mean what they say;
others are of the cluster's clock, and refused where it shows them twice. Not here: lists of nodes
(node_lists).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.accounting import Job, JobError, job_rows, stamp_of
from negawatt.warehouse.formats.node_lists import expanded
from negawatt.warehouse.formats.parsed import NotTaken, Parsed, not_taken

_STATES = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PENDING", "PREEMPTED", "RUNNING", "REQUEUED", "RESIZING", "REVOKED", "SUSPENDED", "TIMEOUT"),
}
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_REQUIRED = ("Submit", "Start", "End", "State")
_NONE = {"", "Unknown", "None", "N/A"}
_NOWHERE = {"", "None assigned"}
_JOB = re.compile(r"[0-9]+(?:_(?:[0-9]+|\[[0-9,%:-]+\]))?(?:\+[0-9]+)?")
_STEP = re.compile(r"[0-9][^.]*\.\w+")
_COUNT = re.compile(r"[0-9]{1,15}")
_GPU = re.compile(r"gres/gpu(?::([^=]+))?=([0-9]{1,9})")


def is_sacct(head: bytes) -> bool:
    """Say whether a file begins with sacct's line of field names.

    Examples:
        >>> is_sacct(b"JobID|Submit|Start"), is_sacct(b"JobID,Submit")
        (True, False)
    """
    first = head.split(b"\n", 1)[0].rstrip(b"\r").split(b"|")
    return len(first) > 1 and bool({b"JobID", b"JobIDRaw"} & set(first))


def read_sacct(content: bytes, zone: ZoneInfo, *, with_energy: bool = False) -> Parsed:
    r"""Return the jobs that sacct printed.

    Args:
        content: Its output, field names in the first line.
        zone: The cluster's clock.
        with_energy: Take ConsumedEnergyRaw; it is the scheduler's estimate, and never settled.

    Returns:
        Rows of raw_job__accounting; refused jobs; how many steps were left out.

    Raises:
        DataRefusedError: The file is no text, or a field that is needed has no name in the first
            line.

    Examples:
        >>> text = ("JobID|State|Submit|Start|End|AllocTRES|NodeList\n"
        ...     "17|COMPLETED|2026-07-01T00:00:00|2026-07-01T00:10:00|2026-07-01T01:00:00|"
        ...     "cpu=64,gres/gpu=8,node=2|gpu[01-02]\n")
        >>> row = read_sacct(text.encode(), ZoneInfo("UTC")).rows.row(0, named=True)
        >>> row["job_id"], row["gpu_count"], row["node_ids"], row["job_state"]
        ('17', 8, 'gpu01,gpu02', 'completed')
    """
    try:
        head, *lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise _no_file("text in UTF-8", f"byte {content[error.start]}") from error
    names = head.rstrip("\r").removesuffix("|").split("|")
    missing = [name for name in _REQUIRED if name not in names]
    if missing or len(set(names)) < len(names):
        raise _no_file(
            f"the fields JobID, {', '.join(_REQUIRED)}, each once", f"fields {', '.join(names)}"
        )
    found, refused, step_count = [], [], 0
    for number, line in enumerate(lines, start=2):
        text = line.rstrip("\r")
        if not text:
            continue
        place = f"line {number}"
        cells = (
            text.removesuffix("|").split("|")
            if head.rstrip("\r").endswith("|")
            else text.split("|")
        )
        if len(cells) != len(names):
            reason = f"{len(names)} fields are expected, found {len(cells)}"
            refused.append(not_taken(place, text, reason))
            continue
        values = dict(zip(names, cells, strict=True))
        if _STEP.fullmatch(values.get("JobID", values.get("JobIDRaw", ""))):
            step_count += 1
            continue
        try:
            found.append((place, text, _job(values, zone, with_energy=with_energy)))
        except (JobError, ValueError) as error:
            refused.append(not_taken(place, text, str(error)))
    rows, doubled = job_rows(found)
    return Parsed(rows=rows, refused=(*refused, *doubled), left_out=tuple(_steps(step_count)))


def _steps(count: int) -> list[NotTaken]:
    return [not_taken("file", "steps", f"{count} steps are parts of their jobs")] if count else []


def _no_file(expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing="sacct file",
        expected=expected,
        found=found,
        remedy="write it with sacct --parsable2 --format=JobID,JobIDRaw,Submit,Start,End,State,...",
    )


def _job(values: Mapping[str, str], zone: ZoneInfo, *, with_energy: bool) -> Job:
    shown = values.get("JobID") or values.get("JobIDRaw", "")
    if not _JOB.fullmatch(shown):
        raise JobError(f"JobID: a number is expected, found {shown!r}")
    raw = values.get("JobIDRaw", shown)
    if not _JOB.fullmatch(raw):
        raise JobError(f"JobIDRaw: a number is expected, found {raw!r}")
    state = values["State"].partition(" ")[0].removesuffix("+")
    if state not in _STATES:
        raise JobError(f"State: a state of Slurm is expected, found {values['State']!r}")
    submitted = _instant("Submit", values["Submit"], zone)
    if submitted is None:
        raise JobError(f"Submit: an instant is expected, found {values['Submit']!r}")
    has_run = state != "PENDING" and values.get("NodeList", "unknown") not in _NOWHERE
    gpu_count, gpu_kind = _gpus(values, has_run=has_run)
    nodes = values.get("NodeList", "")
    energy = values.get("ConsumedEnergyRaw", "") if with_energy else ""
    return Job(
        job_id=raw,
        scheduler_job_id=shown,
        job_name=values.get("JobName") or None,
        account_name=values.get("Account") or None,
        partition_name=values.get("Partition") or None,
        qos_name=values.get("QOS") or None,
        job_state=state.lower(),
        job_priority=_count("Priority", values.get("Priority", "")),
        submitted_at_utc=submitted,
        eligible_at_utc=_instant("Eligible", values.get("Eligible", ""), zone),
        allocation_start_utc=_instant("Start", values["Start"], zone) if has_run else None,
        allocation_end_utc=_instant("End", values["End"], zone),
        requeue_count=_count("Restarts", values.get("Restarts", "")),
        gpu_count=gpu_count,
        gpu_kind=gpu_kind,
        node_ids=",".join(expanded(nodes)) if has_run and nodes else None,
        job_energy_j=_count("ConsumedEnergyRaw", energy),
    )


def _gpus(values: Mapping[str, str], *, has_run: bool) -> tuple[int | None, str | None]:
    """Return count and kind of GPUs: allocated ones, of a job that waits those it asks for."""
    text = values.get("AllocTRES" if has_run else "ReqTRES", "")
    if not text:
        return None, None
    pairs = [match for part in text.split(",") if (match := _GPU.fullmatch(part))]
    if len(pairs) != sum(part.startswith("gres/gpu") for part in text.split(",")):
        raise JobError(f"TRES: gres/gpu with a count is expected, found {text!r}")
    kinds = {match[1]: int(match[2]) for match in pairs if match[1]}
    totals = [int(match[2]) for match in pairs if not match[1]] or [sum(kinds.values())]
    if len(totals) > 1 or (kinds and sum(kinds.values()) != totals[0]):
        raise JobError(f"TRES: one count of GPUs is expected, found {text!r}")
    return totals[0], ",".join(sorted(kinds)) or None


def _count(name: str, text: str) -> int | None:
    if text in _NONE:
        return None
    if not _COUNT.fullmatch(text):
        raise JobError(f"{name}: a number is expected, found {text!r}")
    return int(text)


def _instant(name: str, text: str, zone: ZoneInfo) -> datetime | None:
    if text in _NONE:
        return None
    try:
        if _COUNT.fullmatch(text):
            instant = datetime.fromtimestamp(int(text), UTC)
        else:
            stamp = stamp_of(text)
            instant = stamp.astimezone(UTC) if stamp.tzinfo else _of_clock(stamp, zone)
        if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
            raise ValueError(text)  # noqa: TRY301 - as the others
        return instant  # noqa: TRY300 - what is above may raise
    except (ValueError, OverflowError, OSError) as error:
        raise JobError(
            f"{name}: an instant is expected that the clock of {zone.key} shows once, found "
            f"{text!r}; SLURM_TIME_FORMAT=%s leaves no doubt"
        ) from error


def _of_clock(stamp: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which a clock shows a stamp.

    Raises:
        ValueError: It shows it twice or never.
    """
    first, second = (stamp.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if abs(first - second) > timedelta(0):
        raise ValueError(stamp)
    return first
