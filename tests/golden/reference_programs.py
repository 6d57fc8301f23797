"""Expected figures of programs/expected.json, one small computation for each program.

Standard library only; nothing of negawatt is imported. Every program settles the same event, 16:00
to 19:00 on Wednesday 15 July 2026 on its own clock, with another event at the same hours of Monday
13 July, on a load that is a formula of whole numbers. Holidays were read from calendars by hand.

    python tests/golden/reference_programs.py      writes the file again
"""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

FILE = Path(__file__).parent / "programs" / "expected.json"
DAY, OTHER = date(2026, 7, 15), date(2026, 7, 13)
FIRST, END = 16, 19  # hours of both events
NOTIFIED = 14  # o'clock on the day
MEMORIAL = date(2026, 5, 25)  # the only NERC holiday on a weekday from 16 January to 31 August
CANADA = date(2026, 7, 1)
WEEKDAYS = range(5)
EASTERN, CENTRAL, PACIFIC = map(
    ZoneInfo, ("America/New_York", "America/Chicago", "America/Los_Angeles")
)
EST, KST, JST, AEST = (timezone(timedelta(hours=h)) for h in (-5, 9, 9, 10))
PEAK_HOURS = [datetime(2025, 7, 1, 20, tzinfo=UTC) + timedelta(hours=17 * n) for n in range(40)]

Values = list[Fraction]


def load_kwh(start: datetime, minutes: int, seed: int = 0) -> int:
    """Return the energy of one interval [kWh]: 500 to 830, as if by chance."""
    n = int(start.timestamp()) // 60 // minutes + 1000 * seed
    return 500 + (31 * n * n + 17 * n) % 331


def temperature_c(start: datetime) -> int:
    """Return the temperature of an hour [degree Celsius]: 15 to 36, as if by chance."""
    n = int(start.timestamp()) // 3600
    return 15 + (13 * n * n + 5 * n) % 211 // 10


def smooth_kwh(start: datetime, zone: tzinfo) -> Fraction:
    """Return the energy of a quarter hour that a line of temperature explains [kWh]."""
    local = start.astimezone(zone)
    return Fraction(100 + 10 * local.weekday() + local.hour + 2 * temperature_c(start))


class Program:
    """Clock and interval of one program."""

    def __init__(self, zone: tzinfo, minutes: int) -> None:
        self.zone, self.minutes = zone, minutes

    def at(self, day: date, first: float, end: float, seed: int = 0) -> Values:
        """Return the energies from one clock hour to another."""
        step = timedelta(minutes=self.minutes)
        start = datetime.combine(day, time(), self.zone) + timedelta(hours=first)
        count = round((end - first) * 60 / self.minutes)
        return [
            Fraction(load_kwh((start + n * step).astimezone(UTC), self.minutes, seed))
            for n in range(count)
        ]

    def event(self, day: date) -> Values:
        """Return the energies of the event's hours."""
        return self.at(day, FIRST, END)

    def highest_c(self, day: date) -> int:
        """Return the highest temperature of a day."""
        midnight = datetime.combine(day, time(), self.zone).astimezone(UTC)
        return max(temperature_c(midnight + timedelta(hours=h)) for h in range(24))


def mean(values: Iterable[Fraction]) -> Fraction:
    """Return the mean."""
    listed = list(values)
    return sum(listed, Fraction(0)) / len(listed)


def columns(rows: list[Values]) -> Values:
    """Return the mean of each column."""
    return [mean(column) for column in zip(*rows, strict=True)]


def back(count: int, skip: tuple[date, ...] = ()) -> list[date]:
    """Return the last weekdays, newest first, without the other event's."""
    found: list[date] = []
    day = DAY - timedelta(1)
    while len(found) < count:
        if day.weekday() in WEEKDAYS and day not in (OTHER, *skip):
            found.append(day)
        day -= timedelta(1)
    return found


def within(calendar_days: int, skip: tuple[date, ...] = ()) -> list[date]:
    """Return the weekdays of so many calendar days, newest first, without the other event's."""
    days = [DAY - timedelta(n) for n in range(1, calendar_days + 1)]
    return [d for d in days if d.weekday() in WEEKDAYS and d not in (OTHER, *skip)]


def highest(program: Program, days: list[date], count: int) -> list[date]:
    """Return the days of highest load in the event's hours, newest first."""
    ranked = sorted(days, key=lambda day: mean(program.event(day)), reverse=True)
    return [day for day in days if day in ranked[:count]]


def entry(
    days: list[date], baseline: Values, adjusted: Values, applied: Fraction | None
) -> dict[str, object]:
    """Return what is compared with the engine's result."""
    return {
        "selected_days": [str(day) for day in sorted(days, reverse=True)],
        "baseline_kwh": [str(value) for value in baseline],
        "adjusted_baseline_kwh": [str(value) for value in adjusted],
        "applied": None if applied is None else str(applied),
    }


def plain(days: list[date], baseline: Values) -> dict[str, object]:
    """Return a baseline without adjustment."""
    return entry(days, baseline, baseline, None)


def flat(program: Program, level: Fraction) -> dict[str, object]:
    """Return one value for the whole event."""
    return plain([], [level] * len(program.event(DAY)))


def shifted(program: Program, days: list[date], first: float, end: float) -> dict[str, object]:
    """Return the mean of days plus the difference in a window of the day."""
    baseline = columns([program.event(day) for day in days])
    window = mean(columns([program.at(day, first, end) for day in days]))
    shift = mean(program.at(DAY, first, end)) - window
    per_h = Fraction(60, program.minutes)
    return entry(days, baseline, [value + shift for value in baseline], shift * per_h)


def scaled(
    program: Program,
    days: list[date],
    windows: list[tuple[float, float]],
    lower: Fraction,
    upper: Fraction,
) -> dict[str, object]:
    """Return the mean of days times the ratio in windows of the day, within limits."""
    baseline = columns([program.event(day) for day in days])
    own = [v for first, end in windows for v in program.at(DAY, first, end)]
    rows = [[v for first, end in windows for v in program.at(day, first, end)] for day in days]
    ratio = min(max(mean(own) / mean(columns(rows)), lower), upper)
    return entry(days, baseline, [value * ratio for value in baseline], ratio)


FIFTH, UNBOUND = (Fraction(4, 5), Fraction(6, 5)), (Fraction(0), Fraction(1000))
HOURLY, QUARTERLY = Program(EASTERN, 60), Program(CENTRAL, 15)


def pjm_weather() -> dict[str, object]:
    """Five weekdays, four highest, times the ratio that a line on temperature expects."""
    five = back(5)
    four = highest(HOURLY, five, 4)
    baseline = columns([HOURLY.event(day) for day in four])
    x = [Fraction(HOURLY.highest_c(day)) for day in five]
    y = [mean(HOURLY.event(day)) for day in five]
    covariance = mean((a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True))
    slope = covariance / mean((a - mean(x)) ** 2 for a in x)
    level = mean(y) - slope * mean(x)
    expected = level + slope * HOURLY.highest_c(DAY)
    averaged = mean(level + slope * HOURLY.highest_c(day) for day in four)
    ratio = expected / averaged
    return entry(four, baseline, [value * ratio for value in baseline], ratio)


def pjm_match() -> dict[str, object]:
    """Three days of least squared difference in hours 0 to 15 and 20 to 24."""

    def distance(day: date) -> Fraction:
        own = HOURLY.at(DAY, 0, 15) + HOURLY.at(DAY, 20, 24)
        other = HOURLY.at(day, 0, 15) + HOURLY.at(day, 20, 24)
        return sum(((a - b) ** 2 for a, b in zip(own, other, strict=True)), Fraction(0))

    three = sorted(within(45), key=distance)[:3]
    return plain(three, columns([HOURLY.event(day) for day in three]))


def pjm_three_day() -> dict[str, object]:
    """Four highest of five, shifted by 12:00 to 15:00."""
    return shifted(HOURLY, highest(HOURLY, back(5), 4), 12, 15)


def pjm_guaranteed() -> dict[str, object]:
    """The three-day baseline, nowhere above 735 / 1.05 = 700 kW."""
    comparison = pjm_three_day()
    adjusted = comparison["adjusted_baseline_kwh"]
    assert isinstance(adjusted, list)
    lesser = [str(min(Fraction(value), Fraction(700))) for value in adjusted]
    return comparison | {"adjusted_baseline_kwh": lesser}


def caiso_weather() -> dict[str, object]:
    """Four weekdays of 90 calendar days whose highest temperature is nearest, the newer first."""
    program = Program(PACIFIC, 60)
    own = program.highest_c(DAY)
    days = within(90, skip=(MEMORIAL,))
    four = sorted(days, key=lambda day: abs(program.highest_c(day) - own))[:4]
    return scaled(program, four, [(12, 14), (21, 23)], Fraction(71, 100), Fraction(14, 10))


def caiso_generator() -> dict[str, object]:
    """Output as negative load: minus the mean of ten days, nowhere above the site's load."""
    program, ten = Program(PACIFIC, 60), back(10)
    typical = columns([program.at(day, FIRST, END, seed=1) for day in ten])
    site = program.event(DAY)
    limited = [min(-value, limit) for value, limit in zip(typical, site, strict=True)]
    return entry(ten, [-value for value in typical], limited, None)


def nyiso_coincident() -> dict[str, object]:
    """The mean of the 20 highest loads in 40 hours of the summer before."""
    loads = sorted((Fraction(load_kwh(start, 60)) for start in PEAK_HOURS), reverse=True)
    return flat(HOURLY, mean(loads[:20]))


def isone_rolling() -> dict[str, object]:
    """The five oldest weekdays of 60 calendar days, then nine tenths and one tenth."""
    program = Program(EASTERN, 5)
    days = within(60, skip=(MEMORIAL,))

    def rolled(first: float, end: float) -> Values:
        rows = [program.at(day, first, end) for day in reversed(days)]
        value = columns(rows[:5])
        for row in rows[5:]:
            value = [(9 * a + b) / 10 for a, b in zip(value, row, strict=True)]
        return value

    baseline = rolled(FIRST, END)
    shift = mean(program.at(DAY, 14, 16)) - mean(rolled(14, 16))
    return entry(days, baseline, [value + shift for value in baseline], shift * 12)


def ercot_middle() -> dict[str, object]:
    """Ten weekdays without the ones of highest and lowest daily energy."""
    ranked = sorted(back(10), key=lambda day: sum(QUARTERLY.at(day, 0, 24)))
    return scaled(QUARTERLY, ranked[1:-1], [(13, 15)], *UNBOUND)


def ercot_nearest() -> dict[str, object]:
    """Ten weekdays ahead, and ten back: 14, 10, 9, 8, 7 ... as the 13th had an event."""
    days = [DAY + timedelta(sign * n) for n in range(1, 31) for sign in (1, -1)]
    near = [d for d in days if d.weekday() in WEEKDAYS and d != OTHER][:20]
    return scaled(QUARTERLY, near, [(13, 15)], *UNBOUND)


def ercot_pair() -> dict[str, object]:
    """Ten pairs nearest to 14 July and 15 July until 15:00.

    14 July has the day of the other event before it.
    """

    def pair(day: date) -> Values:
        return QUARTERLY.at(day - timedelta(1), 0, 24) + QUARTERLY.at(day, 0, 15)

    own = pair(DAY)
    days = within(120, skip=(MEMORIAL, date(2026, 7, 14)))
    ten = sorted(
        days, key=lambda day: sum((a - b) ** 2 for a, b in zip(own, pair(day), strict=True))
    )[:10]
    return scaled(QUARTERLY, ten, [(13, 15)], *UNBOUND)


def ercot_regression() -> dict[str, object]:
    """A load that a level per hour of the week and a line of temperature explain: itself."""
    start = datetime.combine(DAY, time(FIRST), CENTRAL).astimezone(UTC)
    quarters = [start + timedelta(minutes=15 * n) for n in range(12)]
    return plain([], [smooth_kwh(quarter, CENTRAL) for quarter in quarters])


def ieso() -> dict[str, object]:
    """Fifteen highest of twenty business days in each hour; 1 July is a holiday."""
    program, twenty = Program(EST, 60), back(20, skip=(CANADA,))

    def by_hour(first: float, end: float) -> Values:
        hours = zip(*(program.at(day, first, end) for day in twenty), strict=True)
        return [mean(sorted(hour)[5:]) for hour in hours]

    ratio = min(max(mean(program.at(DAY, 12, 15)) / mean(by_hour(12, 15)), FIFTH[0]), FIFTH[1])
    baseline = by_hour(FIRST, END)
    return entry(twenty, baseline, [value * ratio for value in baseline], ratio)


def coned() -> dict[str, object]:
    """From 13 July back, which had the other event: five highest of ten weekdays."""
    ten = [day for day in within(30) if day < date(2026, 7, 14)][:10]
    return scaled(HOURLY, highest(HOURLY, ten, 5), [(12, 14)], *FIFTH)


def centerpoint() -> dict[str, object]:
    """14:00 to 15:00 of the day and of 14, 13 (event or not), 10 and 9 July."""
    four = [date(2026, 7, n) for n in (14, 13, 10, 9)]
    level = mean(v for day in (DAY, *four) for v in QUARTERLY.at(day, 14, 15))
    return plain([DAY, *four], [level] * 12)


def korea(considered: int, reference: int, high: int, low: int) -> dict[str, object]:
    """Days within 75 to 125 % of a reference mean, then without highest and lowest."""
    program = Program(KST, 60)
    days = within(60, skip=(date(2026, 5, 25), date(2026, 6, 3)))
    level = {day: mean(program.event(day)) for day in days}
    of_span = mean(level[day] for day in days[:reference])
    days = [day for day in days if level[day] >= of_span * Fraction(3, 4)]
    of_span = mean(level[day] for day in days[:reference])
    days = [day for day in days if level[day] <= of_span * Fraction(5, 4)][:considered]
    ranked = sorted(days, key=lambda day: level[day])
    return shifted(program, ranked[low : len(ranked) - high], 12, 15)


def rectangle() -> dict[str, object]:
    """The smaller of the means of 13:00 to 16:00 and of 19:00 to 22:00."""
    program = Program(ZoneInfo("Europe/Paris"), 30)
    return flat(program, min(mean(program.at(DAY, 13, 16)), mean(program.at(DAY, 19, 22))))


def sync_reserve() -> dict[str, object]:
    """The greater of the minutes before and after 16:00."""
    program = Program(EASTERN, 1)
    return flat(program, max(program.at(DAY, 16 - 1 / 60, 16 + 1 / 60)))


def all_programs() -> dict[str, dict[str, object]]:
    """Return every program's figures."""
    pacific, london, boise, tokyo = (
        Program(PACIFIC, 60),
        Program(ZoneInfo("Europe/London"), 30),
        Program(ZoneInfo("America/Boise"), 60),
        Program(JST, 30),
    )
    five_minutes, est, aest = Program(EASTERN, 5), Program(EST, 60), Program(AEST, 5)
    tampa, brussels = Program(EASTERN, 15), Program(ZoneInfo("Europe/Brussels"), 15)
    wednesdays = [date(2026, 7, 8), date(2026, 7, 1), date(2026, 6, 24)]
    three = highest(tampa, back(10), 3)
    control = [40 * v / 200 for v in pacific.at(DAY, FIRST, END, seed=2)]
    chicago = Program(CENTRAL, 60)
    return {
        "aemo_wdr_10_of_10": scaled(aest, back(10), [(12, 15)], *FIFTH),
        "belgium_high_4_of_5": shifted(brussels, highest(brussels, back(5), 4), 12, 15),
        "caiso_5_in_10_residential": scaled(
            pacific,
            highest(pacific, back(10), 5),
            [(12, 14), (21, 23)],
            Fraction(71, 100),
            Fraction(14, 10),
        ),
        "caiso_control_group": plain([], control),
        "caiso_generator_output": caiso_generator(),
        "caiso_weather_match": caiso_weather(),
        "centerpoint_load_management": centerpoint(),
        "coned_csrp": coned(),
        "ercot_ers_before_after": flat(QUARTERLY, QUARTERLY.at(DAY, 15.75, 16)[0]),
        "ercot_ers_declared_maximum": flat(QUARTERLY, Fraction(650, 4)),
        "ercot_ers_matching_pair": ercot_pair(),
        "ercot_ers_middle_8_of_10": ercot_middle(),
        "ercot_ers_nearest_20": ercot_nearest(),
        "ercot_ers_regression": ercot_regression(),
        "france_nebef_rectangle": rectangle(),
        "gb_dfs_bl01": shifted(london, back(10), 13, 16),
        "gb_dfs_nominated": plain([], london.at(DAY, FIRST, END, seed=3)),
        "idaho_flex_peak": scaled(boise, highest(boise, back(10), 3), [(12, 14)], *FIFTH),
        "ieso_15_of_20": ieso(),
        "isone_10_of_10": shifted(five_minutes, back(10), 13.75, 14),
        "isone_90_10": isone_rolling(),
        "japan_high_4_of_5": shifted(tokyo, highest(tokyo, back(5), 4), 11, 14),
        "korea_max_4_of_5": korea(5, 10, high=0, low=1),
        "korea_mid_6_of_10": korea(10, 20, high=2, low=2),
        "miso_10_of_10": scaled(est, back(10), [(12, 15)], *FIFTH),
        "nyiso_scr_acl": nyiso_coincident(),
        "pge_bip_fsl": flat(Program(PACIFIC, 15), Fraction(700, 4)),
        "pge_cbp_10_in_10": scaled(
            Program(PACIFIC, 15), back(10), [(12, 15)], Fraction(6, 10), Fraction(14, 10)
        ),
        "pjm_capacity_fsl": flat(HOURLY, Fraction(700)),
        "pjm_capacity_fsl_winter": flat(HOURLY, Fraction(600)),
        "pjm_capacity_gld": pjm_guaranteed(),
        "pjm_economic_7day": shifted(HOURLY, wednesdays, 12, 15),
        "pjm_economic_weather": pjm_weather(),
        "pjm_emergency_hour_before": flat(HOURLY, HOURLY.at(DAY, 15, 16)[0]),
        "pjm_match_day": pjm_match(),
        "pjm_max_base_load": plain(
            back(5), [min(v for day in back(5) for v in HOURLY.event(day))] * 3
        ),
        "pjm_synchronized_reserve": sync_reserve(),
        "spp_forecast": plain([], chicago.at(DAY, FIRST, END, seed=3)),
        "teco_3_of_10": plain(three, columns([tampa.event(day) for day in three])),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(all_programs(), indent=1) + "\n")
