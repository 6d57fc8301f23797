"""What alerts say: one document for each, with a sentence for people and facts for programs.

Not here: when one is due.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

Alert = Mapping[str, object]


def run_failed(
    *, run_id: str, job: str, partition: str, why: str, failed_at_utc: datetime
) -> Alert:
    """Say that a run failed and is not tried again.

    Args:
        run_id: The run.
        job: Its job.
        partition: What it was about, empty where it has no partition.
        why: What it said.
        failed_at_utc: When it ended.

    Examples:
        >>> moment_utc = datetime.fromisoformat("2026-07-01T01:16:00+00:00")
        >>> alert = run_failed(run_id="r1", job="daily_metering", partition="2026-06-30|s1",
        ...     why="Disk full", failed_at_utc=moment_utc)
        >>> alert["text"]
        'daily_metering of 2026-06-30|s1 failed, and is not tried again: Disk full'
    """
    about = f" of {partition}" if partition else ""
    return {
        "kind": "run_failed",
        "alert_id": f"run_failed:{run_id}",
        "at_utc": failed_at_utc.isoformat(),
        "text": f"{job}{about} failed, and is not tried again: {why}",
        "run_id": run_id,
        "job": job,
        "partition": partition or None,
        "why": why,
    }


def freshness(*, table: str, is_fresh: bool, since_utc: datetime) -> Alert:
    """Say that a table was not metered when it should have been, or is again.

    Examples:
        >>> moment_utc = datetime.fromisoformat("2026-07-01T03:00:20+00:00")
        >>> freshness(table="core_job__interval_energy", is_fresh=False, since_utc=moment_utc)[
        ...     "text"]
        'core_job__interval_energy is not fresh since 2026-07-01 03:00 UTC: nothing was metered'
    """
    kind = "fresh_again" if is_fresh else "not_fresh"
    moment = f"{since_utc:%Y-%m-%d %H:%M} UTC"
    return {
        "kind": kind,
        "alert_id": f"{kind}:{table}:{since_utc.isoformat()}",
        "at_utc": since_utc.isoformat(),
        "text": f"{table} is fresh again since {moment}"
        if is_fresh
        else f"{table} is not fresh since {moment}: nothing was metered",
        "table": table,
    }


def needs_a_person(
    *,
    clock: str,
    day: date,
    items: Sequence[Mapping[str, object]],
    silent: Mapping[str, date | None],
    now_utc: datetime,
) -> Alert:
    """Say in the morning what needs a person: exceptions, and sites of which nothing comes.

    Args:
        clock: Name of the programs' clock.
        day: The morning's day there.
        items: What ``negawatt exceptions --json`` lists.
        silent: Newest day with a reading of the settlement meter, by site; None where there is
            none.
        now_utc: The time.
    """
    counts = {str(item["kind"]): 0 for item in items}
    for item in items:
        counts[str(item["kind"])] += 1
    said = [f"{count} {kind}" for kind, count in sorted(counts.items())]
    said += [
        f"no reading of site {site_id} {f'since {newest}' if newest else 'for 60 days'}"
        for site_id, newest in silent.items()
    ]
    return {
        "kind": "needs_a_person",
        "alert_id": f"needs_a_person:{clock}:{day.isoformat()}",
        "at_utc": now_utc.isoformat(),
        "text": f"{day} in {clock}: {'; '.join(said)}",
        "clock": clock,
        "items": list(items),
        "silent_sites": {
            site_id: newest and newest.isoformat() for site_id, newest in silent.items()
        },
    }
