"""The page on a real GPU says what its recording gives, and the stub's sensor is that GPU's."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.console import ROOT

pytestmark = pytest.mark.slow  # the sensor is fitted anew

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("h100_build", DOCS / "h100" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_and_charts_are_what_the_recording_gives(build: ModuleType, tmp_path: Path) -> None:
    """Snapshot of our own output: ``python docs/h100/build.py docs`` writes it anew."""
    build.main(tmp_path)

    for name in ("h100.md", "h100/steps.svg", "h100/pulses.svg"):
        assert (tmp_path / name).read_text("utf-8") == (DOCS / name).read_text("utf-8")


def test_the_stubs_sensor_is_that_of_the_gpu(build: ModuleType) -> None:
    """libnvidia_ml.c: a new value each 100 ms, of 25 ms and of 1 s, without a lag."""
    said = build.facts()

    assert [one["ms"][1] for one in said["changes"]] == pytest.approx([100] * 3, abs=3)
    assert said["sensors"]["average"] | {"miss_w": 0, "spread_w": 0} == pytest.approx(
        {"window_ms": 1000, "lag_ms": 0, "miss_w": 0, "spread_w": 0}, abs=51
    )
    assert said["sensors"]["instant"]["window_ms"] == pytest.approx(25, abs=10)
    assert said["sensors"]["instant"]["lag_ms"] <= 15


def test_minutes_need_few_energies(build: ModuleType) -> None:
    """As the bar for the stub: half a percent of a minute."""
    minutes = build.facts()["minutes"]

    assert minutes["count"] >= 3
    assert minutes["read_ratio"] < 0.05
    assert minutes["worst_ratio"] < 0.005
