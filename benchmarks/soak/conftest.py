"""How long the long runs are: `make soak` takes a share of their full length."""

import os

import pytest

from tests.conftest import shared_data  # noqa: F401 - a fixture of theirs is one here


@pytest.fixture(scope="session")
def soak_share() -> float:
    """Return the share of the full length to run, 0 to 1: SHARE=1 for all of it."""
    return float(os.environ.get("NEGAWATT_SOAK_SHARE", "0.02"))
