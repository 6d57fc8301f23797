import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.job_facts import JobFacts
from negawatt.collectors.sources.protocol import Batch
from negawatt.models.domain.errors import DataRefusedError

_START_UTC = datetime(2026, 7, 1, tzinfo=UTC)
_Rows = list[dict[str, Any]]


def _run(folder: Path, reads: Sequence[dict[str, set[str]] | None], first_s: int = 0) -> _Rows:
    """Let one agent read once a second; None is a read that failed. Return what it sealed."""
    sealed: _Rows = []

    def seal(rows: pa.Table) -> None:
        sealed.extend(rows.to_pylist())

    async def run() -> None:
        clock = VirtualClock(_START_UTC + timedelta(seconds=first_s))
        facts = JobFacts(folder / "jobs.json", 10.0, clock, seal)
        for n, read in enumerate(reads):
            jobs = {uuid: frozenset(held) for uuid, held in (read or {}).items()}
            facts.observe("n1", Batch(jobs=jobs), _at(first_s + n))
        await facts.close()

    asyncio.run(run())
    return sealed


def _at(second: int) -> datetime:
    return _START_UTC + timedelta(seconds=second)


def _spans(rows: _Rows) -> list[tuple[str, str, datetime, datetime | None]]:
    return sorted(
        (r["job_id"], r["gpu_uuid"], r["allocation_start_utc"], r["allocation_end_utc"])
        for r in rows
        if r["allocation_end_utc"] is not None
    )


def test_a_job_is_there_from_the_read_that_shows_it_to_the_read_that_does_not(
    tmp_path: Path,
) -> None:
    """Job 17 on two GPUs from second 1; it leaves G1 at 3, G2 at 4. Second 2 says nothing."""
    reads = [
        {"G1": set[str](), "G2": set[str]()},
        {"G1": {"17"}, "G2": {"17"}},
        None,
        {"G1": set[str](), "G2": {"17"}},
        {"G1": {"18"}, "G2": set[str]()},
    ]

    rows = _run(tmp_path, reads)

    assert _spans(rows) == [("17", "G1", _at(1), _at(3)), ("17", "G2", _at(1), _at(4))]
    still_open = {
        (r["job_id"], r["allocation_start_utc"]) for r in rows if not r["allocation_end_utc"]
    }
    assert ("18", _at(4)) in still_open


def test_a_restarted_agent_neither_ends_a_job_nor_begins_it_again(tmp_path: Path) -> None:
    _run(tmp_path, [{"G1": {"17"}}])

    rows = _run(tmp_path, [{"G1": {"17"}}, {"G1": set()}], first_s=60)

    assert _spans(rows) == [("17", "G1", _at(0), _at(61))]


def test_what_a_crash_kept_from_being_sealed_is_sealed_by_the_next_run_and_is_the_same(
    tmp_path: Path,
) -> None:
    first = _run(tmp_path, [{"G1": {"17"}}])

    again = _run(tmp_path, [None], first_s=60)

    assert again == first


def test_a_vanished_gpu_says_nothing_of_its_job(tmp_path: Path) -> None:
    rows = _run(tmp_path, [{"G1": {"17"}, "G2": set()}, {"G2": set()}])

    assert _spans(rows) == []


def test_a_memory_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text("[1]", "utf-8")

    with pytest.raises(DataRefusedError, match="what an earlier run saved"):
        _run(tmp_path, [])
