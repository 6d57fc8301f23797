"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets, or skip: the project builds and passes without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEGAWATT_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}")
    return folder
