"""The page on the accuracy of fleets says what its scores say, and was run as it says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.console import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fleet_accuracy_build", DOCS / "fleet-accuracy" / "build.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_its_scores_give(build: ModuleType) -> None:
    """Snapshot of our own output: ``python docs/fleet-accuracy/build.py docs`` writes it anew."""
    assert build.page() == (DOCS / "fleet-accuracy.md").read_text(encoding="utf-8")


def test_no_seed_of_development_is_among_the_scores(build: ModuleType) -> None:
    assert min(one.seed for one in build.read_scores(build.SCORES)) > 1000


@pytest.mark.slow
def test_the_chart_is_what_the_scores_give(build: ModuleType, tmp_path: Path) -> None:
    build.main(tmp_path)

    drawn = (tmp_path / "fleet-accuracy" / "errors.svg").read_text(encoding="utf-8")
    assert drawn == (DOCS / "fleet-accuracy" / "errors.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_row_of_the_file_comes_out_again(build: ModuleType) -> None:
    """One small fleet is simulated and scored anew; the file keeps five digits."""
    from negawatt.cli.score_cases import CaseName  # noqa: PLC0415 - the hall is slow to load
    from negawatt.cli.score_run import score_case  # noqa: PLC0415 - as above

    kept = next(one for one in build.read_scores(build.SCORES) if one.nodes == 8)

    name = CaseName(scenario=kept.scenario, seed=kept.seed, nodes=kept.nodes, days=kept.days)
    (found,) = score_case(name, [kept.method])

    assert found.true_kw == pytest.approx(kept.true_kw, rel=1e-4)
    assert found.estimate_kw == pytest.approx(kept.estimate_kw, rel=1e-4)
    assert found.half_width_kw == pytest.approx(kept.half_width_kw, rel=1e-4)
