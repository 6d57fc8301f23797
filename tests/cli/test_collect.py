import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pynvml
import pytest
from typer.testing import CliRunner

from negawatt.cli.collect import app
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.spool.segment import verify_sealed
from negawatt.models.domain.errors import (
    ConfigurationError,
    DataRefusedError,
    DeviceMissingError,
)

pytestmark = pytest.mark.slow  # agents run

_PAGE = render_page(
    [EmulatedGpu(gpu_uuid="GPU-a", power_milliwatt=68_244, energy_total_millijoule=7)]
)


@pytest.fixture
def exporter() -> Iterator[str]:
    """Serve one page from a thread, and give its address."""
    addresses: list[str] = []
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with Emulator(lambda _name: _PAGE) as emulator:
            addresses.append(emulator.url("n1"))
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(5)
    yield addresses[0]
    done.set()
    thread.join()


def _config(folder: Path, url: str) -> Path:
    path = folder / "collect.toml"
    path.write_text(
        'site_id = "s1"\nspool_directory = "spool"\nscrape_interval_s = 0.05\n'
        f'request_timeout_s = 0.04\n[[dcgm]]\nurl = "{url}"\nnode_id = "n1"\n',
        "utf-8",
    )
    return path


def _invoke(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False).stdout


def test_run_collects_for_the_duration_and_ends_with_a_summary(
    tmp_path: Path, exporter: str
) -> None:
    """0.2 s at 0.05 s are four ticks; what is not read on a busy machine is missing, not gone."""
    config = _config(tmp_path, exporter)

    summary = json.loads(_invoke("run", config, "--duration-s", "0.2", "--json"))

    assert summary["tick_count"] == summary["expected_count"] == 4
    assert summary["received_count"] == summary["sample_count"] >= 1
    assert all(Path(path).is_relative_to(tmp_path / "spool") for path in summary["files"])
    for path in summary["files"]:
        verify_sealed(Path(path))


def test_run_says_in_words_what_it_did(tmp_path: Path) -> None:
    config = _config(tmp_path, "http://127.0.0.1:9/metrics")

    words = _invoke("run", config, "--duration-s", "0.05")

    assert words.startswith("1 targets, 1 ticks (0 missed), 0 readings, 1 missing, 1 files\n")
    assert "1 x warning: sample_gap: exporter of node 'n1'" in words


def test_run_tells_findings_as_lines_of_json_as_they_come(tmp_path: Path) -> None:
    """Three ticks without a connection: the first is told, the others only counted."""
    config = _config(tmp_path, "http://127.0.0.1:9/metrics")

    result = CliRunner().invoke(
        app, ["run", str(config), "--duration-s", "0.15", "--log-format", "json"]
    )

    told = [json.loads(line) for line in result.stderr.splitlines()]
    lines = [line for line in told if line["event"] != "clock_not_synchronized"]
    assert [line["event"] for line in lines] == ["started", "sample_gap", "ended"]
    assert all(line["time_utc"].endswith("+00:00") for line in told)
    gap = lines[1]
    assert (gap["level"], gap["count"]) == ("warning", 1)
    assert gap["subject"] == "exporter of node 'n1'"
    assert lines[2]["expected_count"] == 3


@pytest.mark.slow
def test_a_terminated_agent_seals_what_came_and_exits_with_0(tmp_path: Path, exporter: str) -> None:
    config = _config(tmp_path, exporter)
    program = "from negawatt.cli.collect import app; app()"
    process = subprocess.Popen(  # noqa: S603 - this Python, no shell
        [sys.executable, "-c", program, "run", str(config), "--json"], stdout=subprocess.PIPE
    )
    while not any(path.stat().st_size for path in (tmp_path / "spool" / "spool").glob("0*.log")):
        assert process.poll() is None
        time.sleep(0.02)

    process.terminate()
    output, _ = process.communicate(timeout=30)

    summary = json.loads(output)
    assert process.returncode == 0
    assert summary["sample_count"] >= 1
    assert summary["sample_count"] == sum(
        pq.read_metadata(path).num_rows
        for path in (tmp_path / "spool" / "raw_gpu__power_samples").rglob("*.parquet")
    )


def test_check_says_what_would_be_collected_and_writes_nothing(tmp_path: Path) -> None:
    config = _config(tmp_path, "http://n1:9400/metrics")

    words = _invoke("check", config)
    values = json.loads(_invoke("check", config, "--json"))

    assert "node n1: http://n1:9400/metrics" in words
    assert [(target["url"], target["node_id"]) for target in values["dcgm"]] == [
        ("http://n1:9400/metrics", "n1")
    ]
    assert list(tmp_path.iterdir()) == [config]


def test_the_printed_sample_is_accepted_by_check(tmp_path: Path) -> None:
    path = tmp_path / "collect.toml"
    path.write_text(_invoke("sample"), "utf-8")

    assert "node gpu-node-02" in _invoke("check", path)


def test_inspect_shows_readings_of_an_exporter(exporter: str) -> None:
    words = _invoke("inspect", exporter)

    assert words == (
        "GPU-a (NVIDIA H100 80GB HBM3, driver 580.105.08), scope gpu: power 68.244 W, "
        "instant unknown, limit unknown, energy 7 mJ\n"
    )


def test_inspect_shows_every_rejected_line_and_why(tmp_path: Path) -> None:
    path = tmp_path / "page.prom"
    path.write_bytes(_PAGE + b'p{pod="a"b"} 1\nq NaN\n')

    words = _invoke("inspect", path)
    values = json.loads(_invoke("inspect", path, "--json"))

    assert 'line 7 rejected: malformed_labels: p{pod="a"b"} 1' in words
    assert "line 8 rejected: not_finite: q NaN" in words
    assert [line["reason"] for line in values["rejected_lines"]] == [
        "malformed_labels",
        "not_finite",
    ]
    assert values["readings"][0]["power_milliwatt"] == 68_244
    assert values["findings"][0]["code"] == "exporter_line_rejected"


@pytest.mark.shared
def test_inspect_names_the_gpu_of_a_real_page_without_power(shared_data: Path) -> None:
    words = _invoke("inspect", shared_data / "formats" / "dcgm" / "cncf_v1.35_vks_0.prom")

    assert "exporter_page_without_power" in words
    assert "GRID A100-40C" in words


def test_inspect_refuses_a_page_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "page.prom"
    path.write_bytes(_PAGE[:-2])

    with pytest.raises(DataRefusedError, match="newline at its end"):
        _invoke("inspect", path)


def test_inspect_of_nothing_is_an_error_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "CDLL", no_library)

    with pytest.raises(ConfigurationError, match="No such file"):
        _invoke("inspect", tmp_path / "none")
    with pytest.raises(DeviceMissingError, match="connection_failed"):
        _invoke("inspect", "http://127.0.0.1:9/metrics")
    with pytest.raises(DeviceMissingError, match="NVML"):
        _invoke("inspect", "nvml")


@pytest.mark.parametrize("command", ["run", "check", "inspect", "sample"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert f"Example: negawatt collect {command}" in _invoke(command, "--help")
