"""What is under deploy/ fits what the agent and its neighbors read; nothing is deployed here."""

import csv
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster_postgres.storage import DagsterPostgresStorage

from negawatt.collectors.config import CollectConfig
from negawatt.collectors.sources.dcgm_fields import FIELD_OF_NAME
from negawatt.pipelines.run import default_settings

pytestmark = pytest.mark.slow  # systemd's own checker runs

_DEPLOY = Path(__file__).parents[2] / "deploy"
_UNITS = {
    "negawatt-collect.service": "collect run",
    "negawatt-listen.service": "listen dsx",
    "negawatt-code.service": "api grpc",
    "negawatt-daemon.service": "dagster-daemon run",
    "negawatt-webserver.service": "--host 127.0.0.1",
}


@pytest.mark.parametrize("unit", _UNITS)
def test_systemd_accepts_the_unit(unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")

    done = subprocess.run(  # noqa: S603 - a checker, on our own file
        [program, "verify", str(_DEPLOY / "systemd" / unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", _UNITS)
def test_the_unit_starts_again_whatever_ends_the_agent(unit: str) -> None:
    lines = (_DEPLOY / "systemd" / unit).read_text("utf-8").splitlines()

    assert "Restart=always" in lines
    assert any(line.startswith("ExecStart=") and _UNITS[unit] in line for line in lines)


def _yaml(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_DEPLOY / path).read_text("utf-8"))
    return found


def test_an_instance_with_postgres_differs_from_a_new_one_by_its_storage_only() -> None:
    settings = _yaml("dagster/dagster.yaml")

    storage = settings.pop("storage")

    assert settings == yaml.safe_load(default_settings())
    (named,) = storage.values()
    assert issubclass(
        getattr(import_module(named["module"]), named["class"]), DagsterPostgresStorage
    )
    assert settings["telemetry"] == {"enabled": False}


@pytest.mark.parametrize("service", ["code", "daemon", "webserver"])
def test_a_container_runs_what_the_unit_runs(service: str) -> None:
    """But for the address of the UI: a container's own is published on the machine only."""
    described = _yaml("container/compose.yaml")["services"][service]
    unit = (_DEPLOY / "systemd" / f"negawatt-{service}.service").read_text("utf-8")
    (line,) = (one for one in unit.splitlines() if one.startswith("ExecStart="))

    command = line.removeprefix("ExecStart=/usr/bin/env ").replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - as its ports say

    socket = described["environment"]["NEGAWATT_CODE_SOCKET"]
    assert described["command"] == command.replace("${NEGAWATT_CODE_SOCKET}", socket)
    assert all(port.startswith("127.0.0.1:") for port in described.get("ports", ()))
    assert {"DAGSTER_HOME", "NEGAWATT_POSTGRES_URL"} <= set(described["environment"])


def test_the_image_is_made_of_what_is_there() -> None:
    lines = (_DEPLOY / "container" / "Dockerfile").read_text("utf-8").splitlines()

    sources = [name for one in lines if one.startswith("COPY ") for name in one.split()[1:-1]]

    assert {"pipelines", "requirements.lock"} <= set(sources)
    assert not [name for name in sources if not (_DEPLOY.parent / name).exists()]
    # The lock is complete, as uv takes it; pip refuses it where it looks for more by itself.
    (installing,) = (one for one in lines if "requirements.lock \\" in one)
    assert "--no-deps --require-hashes" in installing


def _documents() -> list[dict[str, Any]]:
    text = (_DEPLOY / "kubernetes" / "daemonset.yaml").read_text("utf-8")
    return list(yaml.safe_load_all(text))


def test_the_configuration_in_the_manifest_is_one_that_the_agent_takes() -> None:
    config_map, daemon_set = _documents()
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]

    text = config_map["data"]["collect.toml"].replace("NODE", "gpu-node-01")
    config = CollectConfig.model_validate(tomllib.loads(text))

    assert config.nvml.node_id == "gpu-node-01"
    assert container["ports"] == [{"name": "metrics", "containerPort": config.metrics.port}]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert config.spool_directory.is_relative_to(mounts["spool"])
    volumes = {volume["name"] for volume in daemon_set["spec"]["template"]["spec"]["volumes"]}
    assert set(mounts) == volumes
    (environment,) = (one["value"] for one in container["env"] if one["name"] == "TMPDIR")
    written = container["args"][0].partition(" > ")[2].split()[0]
    assert mounts["rendered"] == environment == str(Path(written).parent)
    assert f"exec negawatt collect run {written}" in container["args"][0]


def test_the_manifest_selects_its_own_pods() -> None:
    _, daemon_set = _documents()
    spec = daemon_set["spec"]

    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_every_counter_has_a_field_a_type_and_a_meaning_and_energy_is_among_them() -> None:
    """dcgm-exporter skips lines that begin with # and refuses a file with any other shape."""
    lines = (_DEPLOY / "dcgm" / "counters.csv").read_text("utf-8").splitlines()
    rows = list(
        csv.reader([line for line in lines if not line.startswith("#")], skipinitialspace=True)
    )

    assert {len(row) for row in rows} == {3}
    assert {row[1] for row in rows} <= {"gauge", "counter", "label"}
    fields = [row[0] for row in rows]
    assert len(set(fields)) == len(fields)
    of_devices = [field for field in fields if field.startswith("DCGM_FI_DEV_")]
    assert set(fields) - set(of_devices) == {"DCGM_FI_DRIVER_VERSION"}
    assert {field for field in fields if field in FIELD_OF_NAME} >= {
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
    }
