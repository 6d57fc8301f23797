"""Five programs against a second reference, written differently (naive.py), on random loads."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines import naive

REFERENCES = {
    "pjm_economic_3day": naive.pjm,
    "caiso_10_in_10": naive.caiso,
    "nyiso_average_day": naive.nyiso,
    "ieso_15_of_20": naive.ieso,
    "korea_mid_6_of_10": naive.korea,
}
DAYS = 62  # before the event day
FIRST_HOUR, LAST_HOUR = 11, 19  # what the ledger holds of each day


def page_of(random: Random) -> naive.Page:
    """Return a random ledger: gaps, idle days, equal days, other events, a short memory.

    Load is uneven, flat within days, or between zero and a few kWh, where days often tie.
    """
    day = date(2026, 6, 20) + timedelta(random.randrange(80))
    start = random.randrange(15, 18)
    hours = range(start, start + random.randrange(1, 4))
    highest = random.choice([1_000_000, 1_000_000, 1_000, 12])
    gap, idle, tie = (random.choice([0.0, 0.02, 0.2]) for _ in range(3))
    known = random.choice([DAYS, DAYS, 25, 12, 5])
    ledger: naive.Ledger = {}
    for back in range(min(known, DAYS) + 1):
        scale = 10 if random.random() < idle else 1
        copied = random.random() < tie and back > 0
        read: list[int | None] = [
            value // scale
            for value in random.choices(range(highest // 3, highest), k=LAST_HOUR + 1 - FIRST_HOUR)
        ]
        if gap and random.random() < gap:
            read[random.randrange(len(read))] = None
        for hour, value in enumerate(read, start=FIRST_HOUR):
            earlier = ledger.get((day - timedelta(back - 1), hour))
            ledger[day - timedelta(back), hour] = earlier if copied else value
    others = {day - timedelta(back) for back in range(1, 60) if random.random() < gap}
    return naive.Page(ledger=ledger, day=day, hours=hours, others=others)


def at_utc(zone: tzinfo, day: date, hour: int) -> datetime:
    return datetime.combine(day, time(), zone).replace(hour=hour).astimezone(UTC)


def load_of(page: naive.Page, zone: tzinfo) -> LoadSeries:
    """Return the ledger as a load; no clock changes between April and September."""
    first = min(day for day, _ in page.ledger)
    energy_kwh = np.full(((page.day - first).days + 1) * 24, np.nan)
    for (day, hour), value in page.ledger.items():
        energy_kwh[(day - first).days * 24 + hour] = np.nan if value is None else value
    return LoadSeries(
        meter_id="m1",
        start_utc=at_utc(zone, first, 0),
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, 1.0),
    )


def engine(program_id: str, page: naive.Page) -> list[float] | None:
    """Return the engine's adjusted baseline; None where it refuses."""
    rule = load_program(program_id)
    zone = program_clock(rule.settlement_clock).zone
    windows = [
        Interval(at_utc(zone, day, page.hours.start), at_utc(zone, day, page.hours.stop))
        for day in (page.day, *page.others)
    ]
    try:
        result = compute_baseline(
            rule, load_of(page, zone), windows[0], other_event_windows=windows[1:]
        )
    except DataRefusedError:
        return None
    return [float(value) for value in result.adjusted_baseline_kwh]


def agree(program_id: str, seed: int) -> None:
    page = page_of(Random(seed))  # noqa: S311 - a load, no secret

    expected, found = REFERENCES[program_id](page), engine(program_id, page)

    assert (expected is None) == (found is None)
    if expected is not None:
        assert found == pytest.approx([float(value) for value in expected], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("program_id", sorted(REFERENCES))
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**62))
def test_a_second_reference_agrees(program_id: str, seed: int) -> None:
    agree(program_id, seed)


@pytest.mark.slow
@pytest.mark.parametrize("program_id", sorted(REFERENCES))
@settings(max_examples=10_000, deadline=None)
@given(seed=st.integers(0, 2**62))
def test_a_second_reference_agrees_on_ten_thousand_loads(program_id: str, seed: int) -> None:
    agree(program_id, seed)


def test_random_pages_are_computed_more_often_than_refused() -> None:
    """A reference that always refuses would agree with an engine that does."""
    pages = [page_of(Random(seed)) for seed in range(100)]  # noqa: S311 - a load, no secret

    computed = sum(naive.pjm(page) is not None for page in pages)

    assert 40 < computed < 95
    assert {page.day.weekday() for page in pages} == set(range(7))
