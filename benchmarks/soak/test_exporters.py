"""500 exporters at 1 Hz on loopback for ten minutes, beside Debian's Prometheus on the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.soak.exporters import FAILURES, GPUS
from negawatt.collectors.spool.gaps import EVERY_GPU

EXPORTERS = 500
DURATION_S = 600


@contextmanager
def _program(*command: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own programs and Debian's, no shell
            command, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def _cpu_s(process: subprocess.Popen[str]) -> float:
    """Wait for the end of a program, and return its processor time [s]."""
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def _negawatt(folder: Path, port: str, duration_s: float) -> tuple[str, ...]:
    names = [f"node-{n:03d}" for n in range(EXPORTERS)]
    targets = "".join(
        f'[[dcgm]]\nurl = "http://127.0.0.1:{port}/{name}/metrics"\nnode_id = "{name}"\n'
        for name in names
    )
    config = folder / "collect.toml"
    config.write_text(
        'site_id = "s1"\nspool_directory = "spool"\nrequest_timeout_s = 0.4\n' + targets, "utf-8"
    )
    program = Path(sys.executable).with_name("negawatt")
    return (str(program), "collect", "run", str(config), f"--duration-s={duration_s}", "--json")


def _prometheus(folder: Path, port: str) -> tuple[str, ...] | None:
    program = shutil.which("prometheus")
    targets = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"__metrics_path__": f"/node-{n:03d}/metrics", "node": f"node-{n:03d}"},
        }
        for n in range(EXPORTERS)
    ]
    jobs = [{"job_name": "dcgm", "scrape_interval": "1s", "static_configs": targets}]
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": jobs}), "utf-8")  # JSON is YAML
    return program and (
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
        "--log.level=warn",
    )  # type: ignore[return-value]  # an empty path is no program


def _unaccounted(spool: Path, tick_count: int) -> tuple[int, int, set[str], dict[str, int]]:
    """Return readings, missing ones, nodes that never answered, and GPUs with a tick unexplained.

    A gap of every GPU is one of each GPU of its node: those of the time before it was named.
    """
    counts: Counter[tuple[str, str]] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    for path in spool.rglob("raw_gpu__power_samples/**/*.parquet"):
        rows = pq.read_table(path, columns=["node_id", "gpu_uuid"], partitioning=None)
        counts.update(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    for path in spool.rglob("raw_gpu__gaps/**/*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            key = (row["node_id"], row["gpu_uuid"])
            missing[key] += row["expected_count"] - row["received_count"]
    every_gpu = {node: count for (node, gpu), count in missing.items() if gpu == EVERY_GPU}
    gpus = [key for key in counts | missing if key[1] != EVERY_GPU]
    accounts = {
        (node, gpu): (counts[node, gpu], missing[node, gpu] + every_gpu.get(node, 0))
        for node, gpu in gpus
    }
    left = {
        gpu: tick_count - received - gap_count
        for (_, gpu), (received, gap_count) in accounts.items()
        if received + gap_count != tick_count
    }
    silent = set(every_gpu) - {node for node, _ in gpus}
    return counts.total(), sum(gap_count for _, gap_count in accounts.values()), silent, left


def test_no_scrape_is_missed_without_a_record(tmp_path: Path, soak_share: float) -> None:
    duration_s = max(10.0, DURATION_S * soak_share)
    exporters = (sys.executable, "-m", "benchmarks.soak.exporters", str(EXPORTERS))
    with _program(*exporters, log=tmp_path / "exporters.log") as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        prometheus = _prometheus(tmp_path, port)
        if prometheus is None:
            pytest.skip("Debian's prometheus is not installed: there is nothing to compare with")
        with (
            _program(*prometheus, log=tmp_path / "prometheus.log") as theirs,
            _program(*_negawatt(tmp_path, port, duration_s), log=tmp_path / "ours.log") as ours,
        ):
            start_s = time.monotonic()
            summary: dict[str, Any] = json.loads(ours.stdout.read() if ours.stdout else "")
            ours_s = _cpu_s(ours)
            theirs.send_signal(signal.SIGTERM)
            theirs_elapsed_s = time.monotonic() - start_s
            theirs_s = _cpu_s(theirs)

    readings, missing, silent, left = _unaccounted(tmp_path / "spool", summary["tick_count"])
    print(
        f"\n{EXPORTERS} exporters x {GPUS} GPUs, {summary['tick_count']} ticks of 1 s, "
        f"{len(FAILURES)} of them failing in part of each minute: {readings} readings, "
        f"{missing} missing with a record, {len(left)} GPUs unaccounted for, {len(silent)} "
        "exporters that never answered; "
        f"{summary['missed_tick_count']} ticks missed, states {summary['count_by_state']}, "
        f"{summary['transition_count']} transitions; "
        f"CPU {ours_s / duration_s:.1%} of a core, Debian's Prometheus "
        f"{theirs_s / theirs_elapsed_s:.1%}",
        end="",
    )
    assert left == {}
    assert readings + missing == (EXPORTERS - len(silent)) * GPUS * summary["tick_count"]
    assert readings > 0
