"""Events across a local midnight: each day its own type, one adjustment window for all."""

from datetime import date, datetime

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import DayUse
from tests.models.baselines.conftest import load_of, window

EVENT = window("2026-07-17T22:00", "2026-07-18T02:00")  # a Friday night
PLAIN = load_program("pjm_economic_3day", overrides=("adjustment.type=none",))


def by_weekday_kw(local: datetime) -> float:
    """Return 100 kW and 10 kW more for each day of the week after Monday."""
    return 100.0 + 10.0 * local.weekday()


LOAD = load_of(by_weekday_kw, date(2026, 5, 1), date(2026, 7, 18))


def test_each_part_is_compared_with_its_own_type_of_day() -> None:
    """Friday: 4 highest of 16 (130), 15 (120), 14 (110), 13 (100), 10 July (140): 125 kW.

    Saturday: two of 11 July, 27 and 20 June (4 July is a holiday), all 150 kW.
    """
    result = compute_baseline(PLAIN, LOAD, EVENT)

    assert result.baseline_kwh.tolist() == [125.0, 125.0, 150.0, 150.0]
    assert result.metered_kwh.tolist() == [140.0, 140.0, 150.0, 150.0]
    assert result.day_type == "weekday, saturday"


def test_a_day_is_listed_once_with_its_use_for_each_part() -> None:
    days = {str(d.candidate_date): d for d in compute_baseline(PLAIN, LOAD, EVENT).days}

    assert days["2026-07-16"].use is DayUse.SELECTED
    assert days["2026-07-16"].reason == (
        "for 2026-07-17: averaged; for 2026-07-18: other day type (weekday)"
    )
    assert days["2026-07-17"].reason == "for 2026-07-18: other day type (weekday)"


def test_the_adjustment_window_of_each_part_lies_before_the_whole_event() -> None:
    """18:00 to 21:00 on Friday: 140 kW metered.

    Part of Friday: baseline of the window 125 kW: +15 kW. Part of Saturday: the evenings before
    the Saturdays were Fridays of 140 kW: +0 kW. Had the window been counted from midnight it would
    have held hours of the event.
    """
    result = compute_baseline(load_program("pjm_economic_3day"), LOAD, EVENT)

    assert result.adjusted_baseline_kwh.tolist() == [140.0, 140.0, 150.0, 150.0]
    assert result.adjustment.kind == "additive"
    assert result.adjustment.note == (
        "each day has its own: 2026-07-17: applied 15.0; 2026-07-18: applied 0.0"
    )


def test_an_event_inside_one_day_has_one_part() -> None:
    result = compute_baseline(PLAIN, LOAD, window("2026-07-17T20:00", "2026-07-18T00:00"))

    assert result.day_type == "weekday"
    assert result.adjustment.note == "the rule makes none"
