"""Fixtures that every room's tests share."""

import gc
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
    """Do not import what has nothing to run: helpers without an example, left out slow tests.

    Dagster alone, which some of them import, takes a second.
    """
    if collection_path.suffix != ".py" or collection_path.name == "__init__.py":
        return None
    text = collection_path.read_text("utf-8")
    has_nothing = not collection_path.name.startswith("test_") and ">>> " not in text
    left_out = "not slow" in config.option.markexpr and _ALL_SLOW.search(text)
    return True if has_nothing or left_out else None


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make only: among all modules, it is a tenth of the time."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets, or skip: the project builds and passes without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEGAWATT_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}")
    return folder
