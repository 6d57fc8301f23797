"""Expected figures of the golden baselines, in exact fractions.

Standard library only; nothing of negawatt is imported. Which days are eligible was read from a
calendar by hand and stands below as lists; each folder's README says why. Running this file writes
expected.json of every folder; test_golden_baselines.py compares.
"""

import csv
import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
EASTERN_SUMMER, PACIFIC_SUMMER = -4, -7  # hours from UTC in July 2026
Load = dict[datetime, Fraction]


def read_load(program_id: str) -> Load:
    """Return energy [kWh] by start of interval."""
    with (HERE / program_id / "load.csv").open(newline="") as file:
        return {
            datetime.fromisoformat(row["interval_start_utc"]): Fraction(row["energy_kwh"])
            for row in csv.DictReader(file)
        }


def hours(load: Load, day: str, first: int, end: int, offset: int) -> list[Fraction]:
    """Return the energies of clock hours ``first`` to ``end`` of a day."""
    zone = timezone(timedelta(hours=offset))
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
    return [load[(midnight + timedelta(hours=h)).astimezone(UTC)] for h in range(first, end)]


def mean(values: list[Fraction]) -> Fraction:
    """Return the mean."""
    return sum(values, Fraction(0)) / len(values)


def per_hour(load: Load, days: list[str], first: int, end: int, offset: int) -> list[Fraction]:
    """Return the mean over days of each clock hour."""
    by_day = [hours(load, day, first, end, offset) for day in days]
    return [mean(list(values)) for values in zip(*by_day, strict=True)]


def highest(load: Load, days: list[str], count: int, event: tuple[int, int]) -> list[str]:
    """Return the days of highest mean energy in the event hours, newest first."""
    ranked = sorted(days, key=lambda day: mean(hours(load, day, *event, EASTERN_SUMMER)))
    return [day for day in days if day in ranked[-count:]]


def pjm_economic_3day() -> dict[str, object]:
    """Tuesday 7 July 2026, 16:00 to 20:00 in New York."""
    load, event, zone = read_load("pjm_economic_3day"), (16, 20), EASTERN_SUMMER
    first_five = ["2026-07-06", "2026-07-03", "2026-07-02", "2026-06-30", "2026-06-29"]
    of_five = mean([mean(hours(load, day, *event, zone)) for day in first_five])
    idle = mean(hours(load, "2026-06-30", *event, zone))
    assert idle < of_five / 4
    five = ["2026-07-06", "2026-07-03", "2026-07-02", "2026-06-29", "2026-06-26"]
    four = highest(load, five, 4, event)
    metered = mean(hours(load, "2026-07-07", 12, 15, zone))
    shift = metered - mean(per_hour(load, four, 12, 15, zone))
    adjusted = [value + shift for value in per_hour(load, four, *event, zone)]
    return expected(four, adjusted, shift)


def caiso_10_in_10() -> dict[str, object]:
    """Wednesday 15 July 2026, 17:00 to 21:00 in Los Angeles."""
    load, event, zone = read_load("caiso_10_in_10"), (17, 21), PACIFIC_SUMMER
    july = [f"2026-07-{day:02}" for day in (14, 13, 10, 9, 7, 6, 3, 2, 1)]
    ten = [*july, "2026-06-30"]
    metered = mean(hours(load, "2026-07-15", 13, 16, zone))
    ratio = metered / mean(per_hour(load, ten, 13, 16, zone))
    assert ratio > Fraction(12, 10)
    capped = Fraction(12, 10)
    adjusted = [value * capped for value in per_hour(load, ten, *event, zone)]
    return expected(ten, adjusted, capped)


def nyiso_average_day() -> dict[str, object]:
    """Thursday 16 July 2026, 14:00 to 18:00 in New York."""
    load, event, zone = read_load("nyiso_average_day"), (14, 18), EASTERN_SUMMER
    month = [f"2026-06-{day}" for day in range(16, 31)]
    month += [f"2026-07-{day:02}" for day in range(1, 16)]
    seed = max(max(hours(load, day, *event, zone)) for day in month)
    idle = mean(hours(load, "2026-07-09", *event, zone))
    assert idle < seed / 4
    july = [f"2026-07-{day:02}" for day in (14, 13, 10, 8, 7, 6, 3, 1)]
    ten = [*july, "2026-06-30", "2026-06-29"]
    assert all(mean(hours(load, day, *event, zone)) >= seed / 4 for day in ten)
    five = highest(load, ten, 5, event)
    metered = mean(hours(load, "2026-07-16", 10, 12, zone))
    ratio = metered / mean(per_hour(load, five, 10, 12, zone))
    assert Fraction(8, 10) < ratio < Fraction(12, 10)
    adjusted = [value * ratio for value in per_hour(load, five, *event, zone)]
    return expected(five, adjusted, ratio)


def pjm_same_day_3_plus_2() -> dict[str, object]:
    """Hours ending 13 to 17, from hours ending 9 to 11 and 19 to 20."""
    load, zone = read_load("pjm_same_day_3_plus_2"), EASTERN_SUMMER
    before = hours(load, "2026-07-15", 8, 11, zone)
    after = hours(load, "2026-07-15", 18, 20, zone)
    return expected([], [mean(before + after)], None)


def minutes(program_id: str, first: str, count: int) -> Fraction:
    """Return the mean energy of some minutes of the day."""
    load = read_load(program_id)
    start = datetime.fromisoformat(f"2026-07-15T{first}:00+00:00")
    return mean([load[start + timedelta(minutes=m)] for m in range(count)])


def pre_event_hour() -> dict[str, object]:
    """The hour before 18:00."""
    return expected([], [minutes("pre_event_hour", "17:00", 60)], None)


def post_event_hour() -> dict[str, object]:
    """The hour that begins twenty minutes after 19:31."""
    return expected([], [minutes("post_event_hour", "19:51", 60)], None)


def before_and_after() -> dict[str, object]:
    """The hour that ends twenty minutes before 18:00, and the one twenty minutes after 19:31."""
    before = minutes("before_and_after", "16:40", 60)
    after = minutes("before_and_after", "19:51", 60)
    return expected([], [(before + after) / 2], None)


def expected(
    days: list[str], adjusted: list[Fraction], applied: Fraction | None
) -> dict[str, object]:
    """Return the content of expected.json; one adjusted value stands for every interval."""
    return {
        "selected_days": days,
        "adjustment_applied": None if applied is None else str(applied),
        "adjusted_baseline_kwh": [str(value) for value in adjusted],
    }


EVENTS = (
    before_and_after,
    caiso_10_in_10,
    nyiso_average_day,
    pjm_economic_3day,
    pjm_same_day_3_plus_2,
    post_event_hour,
    pre_event_hour,
)

if __name__ == "__main__":
    for event in EVENTS:
        text = json.dumps(event(), indent=2)
        (HERE / event.__name__ / "expected.json").write_text(text + "\n")
