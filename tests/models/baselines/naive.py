"""Five programs a second time, as a clerk with a calendar and a ledger would do them.

Nothing of negawatt is imported. A ledger maps (day, clock hour) to whole kWh, None where nothing
was read; arithmetic is in fractions. Days are crossed out one after the other; there are no arrays.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

Ledger = dict[tuple[date, int], int | None]
US_HOLIDAYS = {
    date(2026, 1, 1): "New Year's Day",
    date(2026, 5, 25): "Memorial Day",
    date(2026, 7, 4): "Independence Day",
    date(2026, 9, 7): "Labor Day",
}
# The Civic Holiday of 3 August is no public holiday of Ontario.
ONTARIO = {date(2026, 5, 18), date(2026, 7, 1), date(2026, 9, 7)}
KOREA = {
    date(2026, 5, 1),
    date(2026, 5, 5),
    date(2026, 5, 24),
    date(2026, 5, 25),
    date(2026, 6, 3),
    date(2026, 6, 6),
    date(2026, 7, 17),
    date(2026, 8, 15),
    date(2026, 8, 17),
}


@dataclass
class Page:
    """What the clerk was handed: the ledger, the event, and days of other events."""

    ledger: Ledger
    day: date
    hours: range
    others: set[date]

    def read(self, day: date, hours: range) -> list[Fraction] | None:
        """Return a day's hours, or nothing where one is missing."""
        found = [self.ledger.get((day, hour)) for hour in hours]
        return None if None in found else [Fraction(value or 0) for value in found]

    def level(self, day: date) -> Fraction:
        """Return a day's mean in the event's hours."""
        values = self.read(day, self.hours)
        assert values is not None
        return sum(values, Fraction(0)) / len(values)

    def window(self, before_h: int, until_h: int) -> range:
        """Return the hours of the adjustment window."""
        return range(self.hours.start - before_h, self.hours.start - until_h)

    def is_read(self, day: date, window: range) -> bool:
        """Say whether the event's hours and the window of a day were read."""
        return self.read(day, self.hours) is not None and self.read(day, window) is not None


def average(rows: list[list[Fraction]]) -> list[Fraction]:
    """Return the mean of each hour."""
    sums = [Fraction(0)] * len(rows[0])
    for row in rows:
        sums = [total + value for total, value in zip(sums, row, strict=True)]
    return [total / len(rows) for total in sums]


def rows_of(page: Page, days: list[date], hours: range) -> list[list[Fraction]]:
    """Return the hours of some days, all of which were read."""
    return [row for day in days if (row := page.read(day, hours)) is not None]


def top(page: Page, days: list[date], count: int) -> list[date]:
    """Strike the lowest day, of equal ones the oldest, until few enough are left."""
    left = list(days)
    while len(left) > count:
        lowest = min(page.level(day) for day in left)
        left.remove(min(day for day in left if page.level(day) == lowest))
    return left


def moved(
    page: Page, days: list[date], window: range, limits: tuple[Fraction, Fraction] | None
) -> list[Fraction] | None:
    """Return the mean of days, shifted (no limits) or scaled (limits of the ratio)."""
    baseline = average(rows_of(page, days, page.hours))
    own, expected = page.read(page.day, window), average(rows_of(page, days, window))
    if own is None:
        return None
    metered = sum(own, Fraction(0)) / len(own)
    base = sum(expected, Fraction(0)) / len(expected)
    if limits is None:
        return [value + metered - base for value in baseline]
    if base <= 0:
        return baseline
    ratio = max(limits[0], min(limits[1], metered / base))
    return [value * ratio for value in baseline]


def us_type(day: date) -> str:
    """Return weekday, saturday or sunday; a holiday is a sunday."""
    if day in US_HOLIDAYS or day.weekday() == 6:
        return "sunday"
    return "saturday" if day.weekday() == 5 else "weekday"


def pjm(page: Page) -> list[Fraction] | None:
    """Four highest of five, two of three; idle days replaced; event days back if too few."""
    kind = us_type(page.day)
    wanted, kept, least = (5, 4, 4) if kind == "weekday" else (3, 2, 2)
    window = page.window(4, 1)
    pool: list[date] = []
    struck: list[date] = []
    for back in range(1, 46):
        day = page.day - timedelta(back)
        if us_type(day) == kind and page.is_read(day, window):
            (struck if day in page.others else pool).append(day)
    while True:
        chosen = pool[:wanted]
        if not chosen:
            break
        quarter = sum((page.level(day) for day in chosen), Fraction(0)) / len(chosen) / 4
        idle = [day for day in chosen if page.level(day) < quarter]
        if not idle:
            break
        pool = [day for day in pool if day not in idle]
    if len(chosen) < least:
        while struck and len(chosen) < least:
            best = max(page.level(day) for day in struck)
            back_in = max(day for day in struck if page.level(day) == best)
            struck.remove(back_in)
            chosen = sorted([*chosen, back_in], reverse=True)
        if len(chosen) < least:
            return None
    return moved(page, top(page, chosen, kept), window, None)


def caiso(page: Page) -> list[Fraction] | None:
    """Ten business days, four others; five (four) suffice; event days back if fewer."""
    business = us_type(page.day) == "weekday"
    wanted, least = (10, 5) if business else (4, 4)
    window = page.window(4, 1)
    chosen: list[date] = []
    struck: list[date] = []
    for back in range(1, 46):
        day = page.day - timedelta(back)
        if (us_type(day) == "weekday") == business and page.is_read(day, window):
            if day in page.others:
                struck.append(day)
            elif len(chosen) < wanted:
                chosen.append(day)
    while len(chosen) < least and struck:
        best = max(page.level(day) for day in struck)
        back_in = max(day for day in struck if page.level(day) == best)
        struck.remove(back_in)
        chosen.append(back_in)
    if len(chosen) < least:
        return None
    return moved(page, chosen, window, (Fraction(4, 5), Fraction(6, 5)))


def nyiso(page: Page) -> list[Fraction] | None:
    """Five highest of ten weekdays from the day before yesterday; two of three on weekends."""
    weekday = page.day.weekday() < 5
    if weekday and page.day in US_HOLIDAYS:
        return None
    window = page.window(4, 2)
    seed = max(
        (
            value
            for back in range(1, 31)
            for hour in page.hours
            if (value := page.ledger.get((page.day - timedelta(back), hour))) is not None
        ),
        default=0,
    )
    chosen: list[date] = []
    for back in range(2, 31):
        day = page.day - timedelta(back)
        like = day.weekday() < 5 if weekday else day.weekday() == page.day.weekday()
        if not like or not page.is_read(day, window):
            continue
        if weekday and (day in US_HOLIDAYS or day in page.others):
            continue
        if weekday and page.level(day) < Fraction(seed, 4):
            continue
        chosen.append(day)
    wanted, kept = (10, 5) if weekday else (3, 2)
    chosen = chosen[:wanted]
    if not chosen:
        return None
    return moved(page, top(page, chosen, kept), window, (Fraction(4, 5), Fraction(6, 5)))


def ieso(page: Page) -> list[Fraction] | None:
    """Fifteen highest values of each hour in twenty business days, fifteen days suffice."""
    if page.day.weekday() > 4 or page.day in ONTARIO:
        return None
    window = page.window(4, 1)
    business = [
        day
        for back in range(1, 61)
        if (day := page.day - timedelta(back)).weekday() < 5 and day not in ONTARIO
    ][:35]
    chosen = [d for d in business if d not in page.others and page.is_read(d, window)][:20]
    if len(chosen) < 15:
        return None

    def highest_of(hour: int) -> Fraction:
        values = sorted(rows[0] for d in chosen if (rows := page.read(d, range(hour, hour + 1))))
        while len(values) > 15:
            values.pop(0)
        return sum(values, Fraction(0)) / len(values)

    baseline = [highest_of(hour) for hour in page.hours]
    own, base = page.read(page.day, window), [highest_of(hour) for hour in window]
    if own is None:
        return None
    if sum(base) <= 0:
        return baseline
    ratio = max(Fraction(4, 5), min(Fraction(6, 5), sum(own, Fraction(0)) / sum(base)))
    return [value * ratio for value in baseline]


def korea(page: Page) -> list[Fraction] | None:
    """Ten weekdays within three and five quarters of a span's mean; the middle six."""
    if page.day.weekday() > 4 or page.day in KOREA:
        return None
    window = page.window(4, 1)
    days = [
        day
        for back in range(1, 61)
        if (day := page.day - timedelta(back)).weekday() < 5
        and day not in KOREA
        and day not in page.others
        and page.is_read(day, window)
    ]
    for share, low in ((Fraction(3, 4), True), (Fraction(5, 4), False)):
        span = [page.level(day) for day in days[:20]]
        limit = share * sum(span, Fraction(0)) / max(len(span), 1)
        days = [d for d in days if (page.level(d) >= limit if low else page.level(d) <= limit)]
    if len(days) < 10:
        return None
    left = days[:10]
    for _ in range(2):
        left.remove(max(d for d in left if page.level(d) == max(map(page.level, left))))
    for _ in range(2):
        left.remove(min(d for d in left if page.level(d) == min(map(page.level, left))))
    return moved(page, left, window, None)
