import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.sources.meter_file import MeterFiles
from negawatt.collectors.sources.meter_profile import MeterProfile
from negawatt.collectors.sources.protocol import Batch
from negawatt.models.domain.findings import FindingCode

pytestmark = pytest.mark.slow

_START_UTC = datetime(2026, 7, 1, tzinfo=UTC)
_HEADER = "t,kwh\n"
_PROFILE = MeterProfile(
    start_column="t", interval_minutes=15, value_column="kwh", value_unit="kWh", meter_id="m1"
)


def _row(number: int) -> str:
    return f"{(_START_UTC + number * timedelta(minutes=15)).isoformat()},{number}\n"


class _Follower:
    """An agent's use of the source; ``again`` is a new process on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.again()

    def again(self) -> None:
        pattern = self._folder / "meter-*"
        state = self._folder / "state" / "files.json"
        self._source = MeterFiles(pattern, _PROFILE, state_path=state, subject="meters")

    def read(self, *, is_stored: bool = True, at_s: int = 0) -> Batch:
        async def run() -> Batch:
            batch = await self._source.read(VirtualClock(_START_UTC + timedelta(seconds=at_s)))
            if is_stored:
                await self._source.stored()
            return batch

        return asyncio.run(run())

    def values(self, *, is_stored: bool = True) -> list[float | None]:
        return [reading.energy_kwh for reading in self.read(is_stored=is_stored).meter_readings]


def test_rows_that_are_appended_come_once_and_a_half_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "meter-1.csv"
    follower = _Follower(tmp_path)
    path.write_text(_HEADER + _row(0) + _row(1)[:-4], "utf-8")

    first = follower.values()
    path.write_text(_HEADER + _row(0) + _row(1) + _row(2), "utf-8")

    assert first == [0.0]
    assert follower.values() == [1.0, 2.0]
    assert follower.values() == []


def test_a_new_file_is_found_and_a_renamed_one_is_not_read_again(tmp_path: Path) -> None:
    follower = _Follower(tmp_path)
    (tmp_path / "meter-1.csv").write_text(_HEADER + _row(0), "utf-8")
    first = follower.values()

    (tmp_path / "meter-1.csv").rename(tmp_path / "meter-1.csv.old")
    (tmp_path / "meter-2.csv").write_text(_HEADER + _row(1), "utf-8")

    assert (first, follower.values()) == ([0.0], [1.0])


def test_a_restart_goes_on_behind_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "meter-1.csv"
    path.write_text(_HEADER + _row(0), "utf-8")
    follower = _Follower(tmp_path)
    follower.values()

    follower.again()
    with path.open("a", encoding="utf-8") as file:
        file.write(_row(1))

    assert follower.values() == [1.0]


def test_what_a_crash_kept_from_being_stored_comes_again_and_is_the_same(tmp_path: Path) -> None:
    """Rows have the time of the first read, so that they seal to the same file."""
    path = tmp_path / "meter-1.csv"
    path.write_text(_HEADER + _row(0), "utf-8")
    follower = _Follower(tmp_path)
    lost = follower.read(is_stored=False, at_s=0)

    follower.again()
    with path.open("a", encoding="utf-8") as file:
        file.write(_row(1))
    again = follower.read(at_s=100)

    assert again.meter_readings == lost.meter_readings
    assert again.meter_readings[0].available_at_utc == _START_UTC
    assert follower.values() == [1.0]


def test_a_file_that_becomes_shorter_is_not_read_on_and_is_found(tmp_path: Path) -> None:
    path = tmp_path / "meter-1.csv"
    path.write_text(_HEADER + _row(0) + _row(1) + _row(2), "utf-8")
    follower = _Follower(tmp_path)
    follower.values()
    path.write_text(_HEADER + _row(0), "utf-8")  # the same inode and beginning

    batch = follower.read()

    assert batch.meter_readings == ()
    assert [finding.code for finding in batch.findings] == [FindingCode.METER_FILE_REWRITTEN]


def test_a_bad_row_costs_that_row_and_says_where_it_is(tmp_path: Path) -> None:
    text = _HEADER + _row(0) + '2026-07-01,"1\n' + "a,b,c\n" + "\n" + _row(1)
    (tmp_path / "meter-1.csv").write_text(text, "utf-8")

    batch = _Follower(tmp_path).read()

    assert [reading.energy_kwh for reading in batch.meter_readings] == [0.0, 1.0]
    assert [finding.code for finding in batch.findings] == [FindingCode.METER_ROW_REJECTED]
    assert batch.findings[0].evidence["count"] == 2


def test_a_parquet_file_is_read_once_it_is_whole(tmp_path: Path) -> None:
    table = pa.table({"t": [_START_UTC], "kwh": [7.5]})
    pq.write_table(table, tmp_path / "whole.parquet")
    data = (tmp_path / "whole.parquet").read_bytes()
    path = tmp_path / "meter-1.parquet"
    follower = _Follower(tmp_path)

    path.write_bytes(data[:-5])
    early = follower.values()
    path.write_bytes(data)

    assert (early, follower.values(), follower.values()) == ([], [7.5], [])


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_however_it_is_cut_interrupted_and_restarted_every_row_is_stored_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], cut: int
) -> None:
    """Steps: 0 appends, 1 reads and stores, 2 reads and crashes, 3 restarts."""
    folder = tmp_path_factory.mktemp("meters")
    path, written, stored = folder / "meter-1.csv", 0, []
    path.write_text(_HEADER, "utf-8")
    follower = _Follower(folder)

    for step in [*steps, 0, 3, 1, 1]:
        if step == 0:
            text = _row(written) + _row(written + 1)
            written += 2
            for part in (text[:cut], text[cut:]):
                with path.open("a", encoding="utf-8") as file:
                    file.write(part)
        elif step == 1:
            stored += follower.values()
        elif step == 2:
            follower.read(is_stored=False)
            follower.again()
        else:
            follower.again()

    assert stored == [float(n) for n in range(written)]
