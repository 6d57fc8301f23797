"""Estimates recorded beside an event: the newest counts, the same one twice is one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.warehouse.estimate_tables import basis_digest, record_estimate, recorded_estimate
from negawatt.warehouse.layout import Layout

START_UTC = datetime(2026, 6, 30, 18, tzinfo=UTC)
NOW_UTC = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = Event(
    event_id="e1",
    revision=1,
    site_id="s1",
    program_id="p",
    interval=Interval(START_UTC, START_UTC + HOUR),
    notified_at_utc=None,
    committed_kw=None,
    target_reduction_ratio=None,
    limit_kw=None,
)


def estimate(*expected_kw: float, start_utc: datetime = START_UTC) -> pl.DataFrame:
    length = HOUR / len(expected_kw)
    starts = [start_utc + number * length for number in range(len(expected_kw))]
    return pl.DataFrame(
        {
            "ts": pl.Series(starts, dtype=pl.Datetime("ms", "UTC")),
            "cf_kw": expected_kw,
            "lo_kw": [kw - 5 for kw in expected_kw],
            "hi_kw": [kw + 5 for kw in expected_kw],
        }
    )


def record(layout: Layout, frame: pl.DataFrame, basis: str, *, after: timedelta) -> int:
    sealed = record_estimate(
        layout,
        EVENT,
        frame,
        method_id="job_aware@1",
        basis_sha256=basis,
        available_at_utc=NOW_UTC + after,
    )
    return sealed.row_count


def test_the_newest_estimate_counts_whole_whatever_its_intervals(tmp_path: Path) -> None:
    """Quarters first, then one hour from other files: nothing of the quarters is left."""
    layout = Layout(tmp_path)
    assert recorded_estimate(layout, EVENT).is_empty()

    assert record(layout, estimate(60.0, 60, 60, 60), "a", after=HOUR) == 4
    assert record(layout, estimate(60.0, 60, 60, 60), "a", after=2 * HOUR) == 0
    assert record(layout, estimate(61.0), "b", after=3 * HOUR) == 1

    assert recorded_estimate(layout, EVENT)["expected_kw"].to_list() == [61.0]


@pytest.mark.parametrize(
    "frame",
    [estimate(60.0, start_utc=START_UTC - HOUR), estimate(60.0, 60).tail(1), estimate(60.0)[:0]],
)
def test_another_window_than_the_events_is_refused(tmp_path: Path, frame: pl.DataFrame) -> None:
    with pytest.raises(DataRefusedError, match="from 2026-06-30 18:00 to 19:00 UTC"):
        record(Layout(tmp_path), frame, "a", after=HOUR)


def test_the_basis_changes_with_names_bytes_and_what_was_asked(tmp_path: Path) -> None:
    def digest_of(name: str, text: str, asked: str) -> str:
        folder = tmp_path / f"{name}{text}{asked}"
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        return basis_digest(folder, asked)

    found = [digest_of(*parts) for parts in (("a", "1", "q"), ("b", "1", "q"), ("a", "2", "q"))] + [
        digest_of("a", "1", "r")
    ]

    assert len(set(found)) == 4
