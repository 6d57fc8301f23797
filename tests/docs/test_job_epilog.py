"""The epilog and the profile of docs/methods/formats.md, run as they stand there."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from negawatt.warehouse.catalog import checked
from negawatt.warehouse.import_files import read_incoming
from tests.docs.console import ROOT

NOW_UTC = datetime(2126, 7, 2, tzinfo=UTC)


def shown(language: str, beginning: str) -> str:
    """Return the one block of a language that begins so."""
    text = (ROOT / "docs" / "methods" / "formats.md").read_text("utf-8")
    blocks = re.findall(rf"```{language}\n(.+?)```", text, re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(beginning))
    return str(found)


def test_a_log_of_the_epilog_says_which_gpus_a_job_held_and_when(tmp_path: Path) -> None:
    """In place of the driver's tool stands one of two GPUs, the numbers 2 and 5."""
    driver = tmp_path / "nvidia-smi"
    driver.write_text('#!/bin/sh\ntest "$1" = --id=2,5 && printf "GPU-a\\nGPU-b\\n"\n', "utf-8")
    driver.chmod(0o755)
    log, profile = tmp_path / "gpus.log", tmp_path / "gpus.toml"
    profile.write_text(shown("toml", 'table = "raw_job__allocations"'), "utf-8")
    told = {
        "PATH": f"{os.environ['PATH']}:{tmp_path}",
        "GPU_LOG": str(log),
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_GPUS": "2,5",
        "SLURM_JOB_START_TIME": "1782936000",
        "SLURMD_NODENAME": "node-7",
    }

    subprocess.run(["/bin/sh", "-c", shown("sh", "#!/bin/sh")], env=told, check=True)  # noqa: S603 - as it is shown
    incoming = read_incoming(log, ("raw_job__allocations",), profile, NOW_UTC)

    rows = checked(incoming.table, incoming.rows)
    assert rows.select("job_id", "node_id", "gpu_uuid").rows() == [
        ("4711", "node-7", "GPU-a"),
        ("4711", "node-7", "GPU-b"),
    ]
    assert set(rows["allocation_start_utc"]) == {datetime(2026, 7, 1, 20, tzinfo=UTC)}
    assert rows["allocation_end_utc"].null_count() == 0
