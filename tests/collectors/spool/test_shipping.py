"""Shipping to a folder, and to a real S3 server on loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from negawatt.collectors.spool.audit import verify_files
from negawatt.collectors.spool.recovery import recover
from negawatt.collectors.spool.shipping import (
    FolderDestination,
    S3Destination,
    ship,
)
from negawatt.models.domain.findings import FindingCode
from tests.collectors.spool.spools import files, write_log

pytestmark = pytest.mark.slow  # each write is synced; a server is started

_TICKS = [("A", "B"), ("A",), ("A", "B")]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    root = tmp_path / "node"
    write_log(root, _TICKS)
    recover(root)
    return root


def _sealed(root: Path) -> dict[str, bytes]:
    return {path: data for path, data in files(root).items() if path.endswith(".parquet")}


def test_every_sealed_file_arrives_once(tmp_path: Path, spool: Path) -> None:
    first = ship(spool, FolderDestination(tmp_path / "hall"))
    second = ship(spool, FolderDestination(tmp_path / "hall"))

    assert files(tmp_path / "hall") == _sealed(spool)
    assert (len(first.shipped), second.shipped) == (2, ())


def test_a_crash_before_the_note_ships_again_under_the_same_name(
    tmp_path: Path, spool: Path
) -> None:
    ship(spool, FolderDestination(tmp_path / "hall"))
    notes = spool / "spool" / "shipped"
    notes.write_bytes(notes.read_bytes()[:-5])

    again = ship(spool, FolderDestination(tmp_path / "hall"))

    assert len(again.shipped) == 1
    assert files(tmp_path / "hall") == _sealed(spool)
    assert ship(spool, FolderDestination(tmp_path / "hall")).shipped == ()


class _Broken:
    def put(self, path: str, data: bytes) -> None:
        raise OSError(f"no route for {len(data)} bytes of {path}")


def test_what_does_not_get_through_waits_and_is_said(tmp_path: Path, spool: Path) -> None:
    broken = ship(spool, _Broken())

    assert [finding.code for finding in broken.findings] == [FindingCode.SPOOL_NOT_SHIPPED]
    assert broken.findings[0].evidence == {"waiting_count": 2}
    assert len(ship(spool, FolderDestination(tmp_path / "hall")).shipped) == 2


def test_a_damaged_file_is_not_shipped(tmp_path: Path, spool: Path) -> None:
    path = next(spool.rglob("raw_gpu__power_samples/*/*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])

    shipment = ship(spool, FolderDestination(tmp_path / "hall"))

    assert [finding.code for finding in shipment.findings] == [FindingCode.SEALED_FILE_DAMAGED]
    assert len(shipment.shipped) == 1


def test_shipped_files_of_earlier_days_are_removed_and_not_missed(
    tmp_path: Path, spool: Path
) -> None:
    """The readings are of 1 July 2026."""
    kept = ship(spool, FolderDestination(tmp_path / "hall"), keep_from=date(2026, 7, 1))
    gone = ship(spool, FolderDestination(tmp_path / "hall"), keep_from=date(2026, 7, 2))

    assert (kept.removed, len(gone.removed)) == ((), 2)
    assert _sealed(spool) == {}
    assert len(files(tmp_path / "hall")) == 2
    assert verify_files(spool) == ([], [])


@pytest.fixture
def s3_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start an S3 server on loopback, with a bucket, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = subprocess.Popen(  # noqa: S603 - this Python, no shell
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(port)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline_s, "the S3 server did not start"
        time.sleep(0.1)


def test_files_arrive_in_an_s3_store_with_their_bytes(spool: Path, s3_url: str) -> None:
    """Another library, which the server brings along, reads them back."""
    client = import_module("boto3").client("s3", endpoint_url=s3_url, region_name="us-east-1")
    client.create_bucket(Bucket="hall")

    destination = S3Destination("s3://hall/raw", endpoint_url=s3_url, region="us-east-1")
    shipment = ship(spool, destination)
    again = ship(spool, destination)

    assert (len(shipment.shipped), shipment.findings, again.shipped) == (2, (), ())
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="hall")["Contents"]]
    bodies = [client.get_object(Bucket="hall", Key=key)["Body"].read() for key in keys]
    stored = {key.removeprefix("raw/"): body for key, body in zip(keys, bodies, strict=True)}
    assert stored == _sealed(spool)


def test_a_store_without_the_bucket_is_said(spool: Path, s3_url: str) -> None:
    shipment = ship(spool, S3Destination("s3://no", endpoint_url=s3_url, region="us-east-1"))

    assert shipment.shipped == ()
    assert [finding.code for finding in shipment.findings] == [FindingCode.SPOOL_NOT_SHIPPED]
