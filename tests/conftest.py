"""Fixtures that every room's tests share."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is the machine's doing, which others share.
settings.register_profile("negawatt", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)

_ALL_SLOW = re.compile(r"^pytestmark = (\[[^\]]*)?pytest\.mark\.slow", re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer examples where slow tests are left out; CI runs all of both."""
    settings.load_profile("quick" if "not slow" in config.option.markexpr else "negawatt")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import files of slow tests where those are left out: Dagster alone takes seconds."""
    left_out = "not slow" in config.option.markexpr and collection_path.suffix == ".py"
    return True if left_out and _ALL_SLOW.search(collection_path.read_text("utf-8")) else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets, or skip: the project builds and passes without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEGAWATT_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}")
    return folder
