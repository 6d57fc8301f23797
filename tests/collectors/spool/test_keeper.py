"""The keeper with a machine's clock that is turned by hand: what it does when, without waiting."""

from pathlib import Path

import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES
from negawatt.collectors.spool.keeper import Keeper, KeeperConfig
from negawatt.collectors.spool.shipping import FolderDestination
from negawatt.models.domain.findings import FindingCode
from tests.collectors.spool.spools import (
    LIMITS,
    START_UTC,
    batch,
    files,
    jump,
    place,
    sealed_rows,
    unaccounted,
)

pytestmark = pytest.mark.slow  # each write is synced


def _config(root: Path, **changes: object) -> KeeperConfig:
    settings = {
        "root": root,
        "boot_id": "boot-1",
        "log_interval_s": 2.0,
        "seal_interval_s": 10.0,
        "limits": LIMITS,
    }
    return KeeperConfig(**{**settings, **changes})  # type: ignore[arg-type]  # as each is named


def _run(config: KeeperConfig, clock: VirtualClock, nodes: tuple[str, ...], seconds: int) -> None:
    keeper = Keeper(config, clock)
    logs = [keeper.open(place(node)) for node in nodes]
    for _ in range(seconds):
        for node, log in zip(nodes, logs, strict=True):
            log.record(clock.now_utc(), batch(clock, [f"GPU-{node}"]))
        jump(clock, 1)
        assert keeper.tend() == []
    assert keeper.close() == []


def test_what_is_sealed_is_shipped_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """Two runs of 25 s of two nodes, five seconds apart: 55 ticks, of which five are a gap."""
    hall = FolderDestination(tmp_path / "hall")
    config = _config(tmp_path / "node", destination=hall)
    clock = VirtualClock(START_UTC)
    _run(config, clock, ("n1", "n2"), 25)
    jump(clock, 5)
    _run(config, clock, ("n1", "n2"), 25)

    assert len(sealed_rows(tmp_path / "hall", POWER_SAMPLES)) == 100
    gaps = sealed_rows(tmp_path / "hall", GAPS)
    assert sorted((g["node_id"], g["expected_count"], g["gap_reason"]) for g in gaps) == [
        ("n1", 5, "agent_stopped"),
        ("n2", 5, "agent_stopped"),
    ]
    assert unaccounted(tmp_path / "hall", 55) == {}
    assert list((tmp_path / "node" / "spool").glob("*.log")) == []


def test_how_often_the_log_is_written_changes_no_sealed_byte(tmp_path: Path) -> None:
    for name, log_interval_s in (("a", 1.0), ("b", 7.0)):
        config = _config(tmp_path / name, log_interval_s=log_interval_s)
        _run(config, VirtualClock(START_UTC), ("n1",), 25)

    sealed = [
        {path: data for path, data in files(tmp_path / name).items() if path.endswith(".parquet")}
        for name in ("a", "b")
    ]
    assert sealed[0] == sealed[1]
    assert len(sealed[0]) == 3


def test_what_a_disk_does_not_take_for_long_is_given_up_and_booked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten readings may wait; of 25 the other 15 are a gap."""
    monkeypatch.setattr("negawatt.collectors.spool.target_log._MAX_WAITING_ROWS", 10)
    config = _config(tmp_path, log_interval_s=1000.0, seal_interval_s=1000.0)

    _run(config, VirtualClock(START_UTC), ("n1",), 25)

    assert len(sealed_rows(tmp_path, POWER_SAMPLES)) == 10
    gaps = sealed_rows(tmp_path, GAPS)
    assert [(g["expected_count"], g["gap_reason"]) for g in gaps] == [(15, "log_backlog")]
    assert unaccounted(tmp_path, 25) == {}


class _Nowhere:
    def put(self, path: str, data: bytes) -> None:
        raise OSError(f"{path} with {len(data)} bytes has nowhere to go")


def test_a_store_that_is_away_is_said_and_stops_nothing(tmp_path: Path) -> None:
    clock = VirtualClock(START_UTC)
    keeper = Keeper(_config(tmp_path, destination=_Nowhere()), clock)
    log = keeper.open(place())
    log.record(clock.now_utc(), batch(clock, ["GPU-a"]))

    found = keeper.close()

    assert [finding.code for finding in found] == [FindingCode.SPOOL_NOT_SHIPPED]
    assert len(sealed_rows(tmp_path, POWER_SAMPLES)) == 1
