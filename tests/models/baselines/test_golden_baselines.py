"""Each program against figures that were computed without our code; see tests/golden/*/README."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from negawatt.cli.load_file import read_load
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import BaselineResult, DayUse
from negawatt.models.domain.interval import Interval, parse_utc
from tests.golden import reference_programs as reference
from tests.models.baselines.sites import load_for, notified_at_utc, site_for, window_of

GOLDEN = Path(__file__).parents[2] / "golden"
BY_FORMULA = json.loads((GOLDEN / "programs" / "expected.json").read_text())
FROM_FILES = sorted(path.parent.name for path in GOLDEN.glob("*/event.json"))


def window(texts: dict[str, str]) -> Interval:
    return Interval(parse_utc(texts["start_utc"]), parse_utc(texts["end_utc"]))


def values(texts: list[str], count: int) -> list[float]:
    """Return fractions as floats; one stands for every interval."""
    return [float(Fraction(text)) for text in texts] * (count if len(texts) == 1 else 1)


def selected(result: BaselineResult) -> list[str]:
    return [str(d.candidate_date) for d in result.days if d.use is DayUse.SELECTED]


def test_every_program_has_golden_figures() -> None:
    assert sorted([*FROM_FILES, *BY_FORMULA]) == list(list_programs())


@pytest.mark.parametrize("program_id", FROM_FILES)
def test_the_baseline_is_what_was_computed_independently(program_id: str) -> None:
    event = json.loads((GOLDEN / program_id / "event.json").read_text())
    expected = json.loads((GOLDEN / program_id / "expected.json").read_text())
    load = read_load(GOLDEN / program_id / "load.csv")

    result = compute_baseline(
        load_program(program_id),
        load,
        window(event),
        other_event_windows=[window(other) for other in event["other_events"]],
    )

    adjusted_kwh = values(expected["adjusted_baseline_kwh"], len(result.interval_start_utc))
    assert selected(result) == expected["selected_days"]
    assert result.adjusted_baseline_kwh == pytest.approx(adjusted_kwh, rel=1e-12, abs=0)
    if expected["adjustment_applied"] is not None:
        applied = float(Fraction(expected["adjustment_applied"]))
        assert result.adjustment.applied_value == pytest.approx(applied, rel=1e-12, abs=0)


SLOW = "ercot_ers_regression"  # fits a model


@pytest.mark.parametrize(
    "program_id",
    [pytest.param(p, marks=pytest.mark.slow) if p == SLOW else p for p in sorted(BY_FORMULA)],
)
def test_the_baseline_is_what_the_reference_computes(program_id: str) -> None:
    """By tests/golden/reference_programs.py; the regression solves equations: nine digits."""
    rule, expected = load_program(program_id), BY_FORMULA[program_id]
    regression = rule.algorithm == "regression"
    close: dict[str, Any] = {"rel": 1e-9 if regression else 1e-12, "abs": 0}

    result = compute_baseline(
        rule,
        load_for(rule),
        window_of(rule),
        other_event_windows=[window_of(rule, reference.OTHER)],
        notified_at_utc=notified_at_utc(rule),
        site=site_for(rule),
    )

    if not regression:
        assert selected(result) == expected["selected_days"]
    assert result.baseline_kwh == pytest.approx(values(expected["baseline_kwh"], 1), **close)
    adjusted_kwh = values(expected["adjusted_baseline_kwh"], 1)
    assert result.adjusted_baseline_kwh == pytest.approx(adjusted_kwh, **close)
    if expected["applied"] is not None:
        applied = float(Fraction(expected["applied"]))
        assert result.adjustment.applied_value == pytest.approx(applied, **close)


@pytest.mark.parametrize("folder", [*FROM_FILES, "programs"])
def test_every_golden_event_says_who_computed_its_figures(folder: str) -> None:
    text = (GOLDEN / folder / "README.md").read_text()

    assert "computed" in text
