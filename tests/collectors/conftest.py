"""The driver library without a GPU, where NVIDIA's binding looks for the one that it loaded."""

from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from tests.collectors.driver.stub import Driver, build_library


@pytest.fixture(scope="session")
def driver_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled library, or skip where there is no compiler."""
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(
    driver_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Driver]:
    """Give the library; a test loads its scenario."""
    stub = Driver(driver_library, tmp_path / "scenario.txt")
    monkeypatch.setattr(pynvml, "nvmlLib", stub.library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    yield stub
    stub.load()  # whatever hangs comes back
