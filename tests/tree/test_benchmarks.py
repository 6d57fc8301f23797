"""Benchmarks are not run with the tests, but they can be."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow  # all of them are imported


def test_every_benchmark_can_be_begun() -> None:
    """A module that cannot be imported, one of another Python say, would stop all the others."""
    command = (sys.executable, "-m", "pytest", "benchmarks", "--collect-only", "--quiet")

    done = subprocess.run(  # noqa: S603 - our own
        (*command, "-p", "no:cacheprovider"), cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    assert "benchmarks/soak/test_spool.py" in done.stdout
