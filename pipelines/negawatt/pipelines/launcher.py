"""Launching runs as Dagster does, and finding those whose process is gone.

Dagster's own launcher knows nothing of a run once it is launched: where the whole machine goes
down, its runs stay STARTED for ever. Not here: what becomes of such a run (``run_monitoring`` and
``run_retries`` in instance.yaml).
"""

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from negawatt.pipelines.liveness import KILLED, process_is_gone

PATIENCE_S: Final = 120
"""How long nobody may listen at a code server's address before its runs count as gone [s]."""
_TIMEOUT_S: Final = 10
_ALIVE: Final = CheckRunHealthResult(WorkerStatus.RUNNING)
_GONE: Final = CheckRunHealthResult(WorkerStatus.NOT_FOUND, KILLED)


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher of runs in processes of the code server, which is asked after them."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Take what Dagster gives."""
        super().__init__(inst_data)
        self._away_since_s: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Runs can be asked after."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Say whether the process of a run is there; where nothing is known, it is."""
        if GRPC_INFO_TAG not in run.tags:
            home = Path(self._instance.root_directory)
            return _GONE if process_is_gone(home, run.run_id) else _ALIVE
        server = json.loads(run.tags[GRPC_INFO_TAG])
        has = _has(server, run.run_id)
        if has is not None:
            self._away_since_s.pop(run.run_id, None)
            return _ALIVE if has else _GONE
        # A server that starts again says in a moment that it knows nothing of the run, and can
        # run it again; failed before that, the run would be tried again where nobody listens.
        since_s = self._away_since_s.setdefault(run.run_id, time.monotonic())
        return _GONE if time.monotonic() - since_s >= PATIENCE_S else _ALIVE


def _has(server: Mapping[str, str | int], run_id: str) -> bool | None:
    """Say whether a code server runs a run; None where nobody listens at its address.

    A server that is gone took its runs with it: both end with their unit or container. One that
    does not answer might run it.
    """
    client = DagsterGrpcClient(
        host=str(server["host"]),
        port=int(server["port"]) if "port" in server else None,
        socket=str(server["socket"]) if "socket" in server else None,
    )
    request = CanCancelExecutionRequest(run_id=run_id)
    try:
        answer = client.can_cancel_execution(request, timeout=_TIMEOUT_S)
    except DagsterUserCodeUnreachableError:
        return True if _somebody_listens(server) else None
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel


def _somebody_listens(server: Mapping[str, str | int]) -> bool:
    """Say whether an address takes connections, or does not say."""
    is_local = "socket" in server
    address = str(server["socket"]) if is_local else (str(server["host"]), int(server["port"]))
    with socket.socket(socket.AF_UNIX if is_local else socket.AF_INET) as probe:
        probe.settimeout(_TIMEOUT_S)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True
