"""Each program against figures that were computed without our code; see tests/golden/*/README."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from negawatt.cli.load_file import read_load
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.interval import Interval, parse_utc

GOLDEN = Path(__file__).parents[2] / "golden"


def window(texts: dict[str, str]) -> Interval:
    return Interval(parse_utc(texts["start_utc"]), parse_utc(texts["end_utc"]))


@pytest.mark.parametrize("program_id", list_programs())
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

    selected = [str(d.candidate_date) for d in result.days if d.use is DayUse.SELECTED]
    adjusted_kwh = [float(Fraction(text)) for text in expected["adjusted_baseline_kwh"]]
    if len(adjusted_kwh) == 1:  # one flat value
        adjusted_kwh *= len(result.interval_start_utc)
    assert selected == expected["selected_days"]
    assert result.adjusted_baseline_kwh == pytest.approx(adjusted_kwh, rel=1e-12, abs=0)
    if expected["adjustment_applied"] is not None:
        applied = float(Fraction(expected["adjustment_applied"]))
        assert result.adjustment.applied_value == pytest.approx(applied, rel=1e-12, abs=0)


@pytest.mark.parametrize("program_id", list_programs())
def test_every_golden_event_says_who_computed_its_figures(program_id: str) -> None:
    text = (GOLDEN / program_id / "README.md").read_text()

    assert "computed" in text
