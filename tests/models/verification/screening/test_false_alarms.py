"""How often the tests ask about days on which nothing happened.

Random ordinary days are claimed as events: made-up load with weather-like drift, and university
buildings. Nobody reduced, raised or moved anything, so each finding is a false alarm.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.uncertainty.placebo import placebo_errors
from negawatt.models.verification.reduction import event_reduction
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.outcome import ScreenOutcome
from negawatt.models.verification.screening.thresholds import default_thresholds
from negawatt.models.verification.screening.window import window_inflation
from negawatt.models.verification.sensitivity import method_sensitivity

pytestmark = pytest.mark.slow

RULE = load_program("pjm_economic_3day", overrides=("settlement_clock.tz=Europe/London",))
OTHERS = {name: load_program(name) for name in ("caiso_10_in_10", "nyiso_average_day")}
LONDON = ZoneInfo("Europe/London")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def is_weekday(day: date) -> bool:
    return day.weekday() < 5


def load_of(energy_kwh: NDArray[np.float64], start_utc: datetime, meter_id: str) -> LoadSeries:
    return LoadSeries(
        meter_id=meter_id,
        start_utc=start_utc,
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.ones(len(energy_kwh)),
    )


def ordinary_load(rng: np.random.Generator, meter_id: str) -> LoadSeries:
    """Return 200 days of load: a daily and weekly shape, drift from day to day, hourly noise."""
    hours = np.arange(200 * 24)
    shape_kw = 1000 + 250 * np.sin((hours % 24 - 9) * np.pi / 12)
    weekend = np.where((hours // 24) % 7 >= 5, 0.7, 1.0)
    drift = np.zeros(200)
    for n in range(1, 200):
        drift[n] = 0.7 * drift[n - 1] + rng.normal(0, 0.03)
    noise = rng.normal(0, 0.02, len(hours))
    energy_kwh = shape_kw * weekend * (1 + np.repeat(drift, 24) + noise)
    return load_of(energy_kwh, datetime(2026, 3, 2, tzinfo=UTC), meter_id)


def ordinary_event(
    load: LoadSeries,
    sibling: LoadSeries,
    day: date,
    zone: tzinfo,
    rng: np.random.Generator,
    *,
    placebo_count: int = 20,
) -> ScreenInputs:
    """Return an ordinary weekday as an event from 16:00 to 19:00, told of at noon."""
    start_utc = datetime(day.year, day.month, day.day, 16, tzinfo=zone).astimezone(UTC)
    window = Interval(start_utc, start_utc + 3 * HOUR)
    notified_utc = start_utc - 4 * HOUR
    event = Event(
        event_id="e",
        revision=1,
        site_id="s",
        program_id=RULE.program_id,
        interval=window,
        notified_at_utc=notified_utc,
    )
    result = compute_baseline(RULE, load, window)
    methods = {name: partial(compute_baseline, rule, load, window) for name, rule in OTHERS.items()}
    return ScreenInputs(
        event=event,
        result=result,
        load=load,
        time_zone=zone,
        is_like_day=is_weekday,
        adjustment_window=Interval(start_utc - 4 * HOUR, start_utc - HOUR),
        notified_dates=frozenset(day - n * DAY for n in range(1, 46) if rng.uniform() < 0.2),
        generation={},
        siblings={"sibling": sibling},
        idle_spans=(),
        placebo=placebo_errors(
            partial(compute_baseline, RULE),
            load,
            window,
            time_zone=zone,
            is_like_day=is_weekday,
            count_max=placebo_count,
        ),
        sensitivity=method_sensitivity(event_reduction(result), methods),
    )


def rates(events: Iterator[ScreenInputs]) -> tuple[int, dict[str, tuple[int, int]]]:
    """Return how many events there were, and of each test how often it was made and found."""
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    count = 0
    for inputs in events:
        count += 1
        for result in screen_event(inputs):
            made[result.screen_id] += result.outcome is not ScreenOutcome.NOT_SCREENED
            found[result.screen_id] += result.outcome is ScreenOutcome.FOUND
    return count, {name: (made[name], found[name]) for name in made}


def test_on_made_up_ordinary_days_each_test_is_wrong_on_one_day_of_fifty_at_most() -> None:
    """222 weekdays: window inflation asks about 2 of them, no other test about any."""
    rng = np.random.default_rng(20260916)

    def events() -> Iterator[ScreenInputs]:
        for _ in range(40):
            load, sibling = ordinary_load(rng, "m"), ordinary_load(rng, "sibling")
            for offset in rng.choice(np.arange(100, 190), 8, replace=False):
                day = date(2026, 3, 2) + int(offset) * DAY
                if is_weekday(day):
                    yield ordinary_event(load, sibling, day, UTC, rng)

    count, rate = rates(events())

    assert count > 200
    assert min(made for made, _ in rate.values()) > 200
    assert {name: found for name, (_, found) in rate.items() if found > 0.02 * count} == {}


@pytest.fixture(scope="module")
def buildings(shared_data: Path) -> dict[int, LoadSeries]:
    """Return the buildings of which more than 99 % of the hours of 2018 and 2019 are not zero."""
    table = pl.read_parquet(shared_data / "buildings" / "cambridge_hourly.parquet")
    found = {}
    for meter_id, rows in (
        table.sort("interval_start_utc").partition_by("meter_id", as_dict=True).items()
    ):
        energy_kwh = rows["energy_kwh"].to_numpy().astype(np.float64)
        if (energy_kwh > 0).mean() > 0.99 and energy_kwh.mean() > 5:
            first_utc = rows["interval_start_utc"][0].replace(tzinfo=UTC)
            known_kwh = np.where(energy_kwh > 0, energy_kwh, np.nan)
            found[int(meter_id[0])] = load_of(known_kwh, first_utc, str(meter_id[0]))
    return dict(sorted(found.items()))


def weekdays_of_2019(rng: np.random.Generator) -> list[date]:
    days = [date(2019, 1, 15) + int(n) * DAY for n in rng.choice(320, 8, replace=False)]
    return [day for day in days if is_weekday(day)]


@pytest.mark.shared
def test_on_real_buildings_each_test_is_wrong_on_one_day_of_twenty_at_most(
    buildings: dict[int, LoadSeries],
) -> None:
    """About 290 weekdays of 53 buildings.

    On 1178 other ones (seeds 1 and 2, twice as many days) it was 1.8 % for window inflation, 1.6 %
    for day-set exploitation, 0.7 % for rebound, 2.8 % for method shopping, 0.2 % for displacement
    and for no action, and none for the other three.
    """
    rng = np.random.default_rng(20260916)
    names = list(buildings)

    def events() -> Iterator[ScreenInputs]:
        for n, name in enumerate(names):
            for day in weekdays_of_2019(rng):
                # Days that the baseline itself refuses make no event.
                with suppress(DataRefusedError):
                    yield ordinary_event(buildings[name], buildings[names[n - 1]], day, LONDON, rng)

    count, rate = rates(events())

    assert count > 250
    assert min(made for made, _ in rate.values()) > 0.95 * count
    assert {name: found for name, (_, found) in rate.items() if found > 0.05 * count} == {}


@pytest.mark.shared
def test_half_as_much_load_again_before_the_event_is_noticed_on_three_days_of_four(
    buildings: dict[int, LoadSeries],
) -> None:
    """77 % of 295 days: in some buildings the load of these hours varies by as much by itself."""
    rng = np.random.default_rng(20260916)
    noticed = []

    for load in buildings.values():
        for day in weekdays_of_2019(rng):
            with suppress(DataRefusedError):
                inputs = ordinary_event(load, load, day, LONDON, rng, placebo_count=0)
                assert inputs.adjustment_window is not None
                first = load.index_of(inputs.adjustment_window.start_utc)
                raised_kwh = load.energy_kwh.copy()
                raised_kwh[first : first + 3] *= 1.5
                raised = replace(inputs, load=replace(load, energy_kwh=raised_kwh))
                result = window_inflation(raised, default_thresholds())
                noticed.append(result.outcome is ScreenOutcome.FOUND)

    assert len(noticed) > 250
    assert np.mean(noticed) > 0.75
