"""Figures, instants and names as a person reads them: units beside, digits that mean something.

Rendering only. A value that is not known reads ``not known``, never 0. Not here: what a figure is,
and the page (page.py).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.counterfactual.job_aware import METHOD_ID

NOT_KNOWN = "not known"
MINUS = "\N{MINUS SIGN}"
MOST_JOBS = 20
"""More jobs than this stand in jobs.csv only."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UTC_INSTANT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")
_UTC_WINDOW: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d) to (\d\d:\d\d) UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How one report writes its figures and instants.

    Attributes:
        zone: The site's clock.
        reference_utc: Start of the event: its offset from UTC is stated once.
        estimate_decimals: Decimals of powers, and of energies that are not settled.
    """

    zone: ZoneInfo
    reference_utc: datetime
    estimate_decimals: int

    @property
    def offset(self) -> str:
        """Offset of the site's clock from UTC when the event starts."""
        return self._offset(self.reference_utc)

    def estimate(self, value: float | Decimal | None) -> str:
        """Return a power, or an energy that corroborates."""
        return number(value, self.estimate_decimals)

    def change(self, value: float | None) -> str:
        """Return the same with its sign."""
        return NOT_KNOWN if value is None else signed(value, self.estimate_decimals)

    def day(self, moment_utc: datetime) -> str:
        """Return the local date."""
        return day(moment_utc.astimezone(self.zone).date())

    def clock(self, moment_utc: datetime) -> str:
        """Return the local time, with its offset where that is not the event's."""
        local = moment_utc.astimezone(self.zone)
        seconds = ":%S" if local.second else ""
        same = self._offset(moment_utc) == self.offset
        return local.strftime(f"%H:%M{seconds}") + (
            "" if same else f" ({self._offset(moment_utc)})"
        )

    def moment(self, moment_utc: datetime | None) -> str:
        """Return the local date and time."""
        if moment_utc is None:
            return NOT_KNOWN
        return f"{self.day(moment_utc)}, {self.clock(moment_utc)}"

    def local_times(self, text: str) -> str:
        """Return a text from a statement with its instants in UTC told in local time."""

        def window(found: re.Match[str]) -> str:
            start_utc = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
            end_utc = datetime.combine(start_utc.date(), time.fromisoformat(found[2]), UTC)
            end_utc += timedelta(days=end_utc < start_utc)
            return f"{self.moment(start_utc)} to {self.clock(end_utc)}"

        told = _UTC_WINDOW.sub(window, text)
        return _UTC_INSTANT.sub(
            lambda found: self.moment(datetime.fromisoformat(found[0]).astimezone(UTC)), told
        )

    def _offset(self, moment_utc: datetime) -> str:
        offset = moment_utc.astimezone(self.zone).utcoffset() or timedelta(0)
        sign = MINUS if offset < timedelta(0) else "+"
        whole_h, rest = divmod(abs(offset), timedelta(hours=1))
        return f"UTC{sign}{whole_h:02}:{rest // timedelta(minutes=1):02}"


def number(value: float | Decimal | None, decimals: int) -> str:
    """Return a number with grouped thousands and a true minus sign.

    Examples:
        >>> number(1234.56, 1), number(None, 1), number(-0.01, 1)
        ('1,234.6', 'not known', '0.0')
    """
    if value is None:
        return NOT_KNOWN
    text = f"{value:,.{decimals}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", MINUS)


def settled(value: Decimal | None) -> str:
    """Return a settled energy to the watt-hour [kWh]; lines.csv has every decimal.

    Examples:
        >>> settled(Decimal("86.970360"))
        '86.970'
    """
    return number(value, 3)


def money(value: Decimal) -> str:
    """Return an amount with the decimals it was rounded to.

    Examples:
        >>> money(Decimal("1234.50")), money(Decimal("-0.5")) == MINUS + "0.5"
        ('1,234.50', True)
    """
    return f"{value:,f}".replace("-", MINUS)


def signed(value: float, decimals: int) -> str:
    """Return a change with its sign.

    Examples:
        >>> signed(10.52, 1), signed(-3.0, 1) == MINUS + "3.0", signed(0.0, 1)
        ('+10.5', True, '0.0')
    """
    text = number(value, decimals)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def percent(ratio: float | None, decimals: int = 1) -> str:
    """Return a share; one that is not quite whole is not rounded up to whole.

    Examples:
        >>> percent(0.104074), percent(1.0), percent(0.9999), percent(None)
        ('10.4%', '100%', '99.9%', 'not known')
    """
    if ratio is None:
        return NOT_KNOWN
    text = number(ratio * 100, decimals)
    if ratio < 1 and text == number(100, decimals):
        text = number(100 - 10**-decimals, decimals)
    return text.removesuffix("." + "0" * decimals) + "%"


def minutes(value: float | None) -> str:
    """Return minutes.

    Examples:
        >>> minutes(12.0), minutes(1.0), minutes(None)
        ('12 minutes', '1 minute', 'not known')
    """
    if value is None:
        return NOT_KNOWN
    return f"{value:g} minute" + ("" if value == 1 else "s")


def duration(length: timedelta) -> str:
    """Return a length of time.

    Examples:
        >>> duration(timedelta(hours=4)), duration(timedelta(minutes=91))
        ('4 h', '1 h 31 min')
    """
    whole_h, rest = divmod(length, timedelta(hours=1))
    rest_minutes = rest / timedelta(minutes=1)
    parts = [f"{whole_h} h"] if whole_h else []
    if rest or not parts:
        parts.append(f"{rest_minutes:g} min")
    return " ".join(parts)


def day(value: date) -> str:
    """Return a date with its weekday.

    Examples:
        >>> day(date(2025, 5, 3))
        'Sat, May 3, 2025'
    """
    return f"{value:%a, %b} {value.day}, {value.year}"


def count(value: int, thing: str) -> str:
    """Return a count of things.

    Examples:
        >>> count(1, "warning"), count(0, "warning")
        ('1 warning', '0 warnings')
    """
    return f"{value:,} {thing}" + ("" if value == 1 else "s")


def method_name(rule_id: str) -> str:
    """Return the name of a rule in words, its identifier where the rule is not built in.

    Examples:
        >>> method_name("pre_event_hour@1"), method_name("somebody_elses@3")
        ('Mean of the hour before the event', 'somebody_elses@3')
    """
    if rule_id == METHOD_ID:
        return "The job-aware counterfactual"
    program_id = rule_id.partition("@")[0]
    return load_program(program_id).name if program_id in list_programs() else rule_id


def sentence(text: str) -> str:
    """Return a text with a mark at its end.

    Examples:
        >>> sentence("the feeder of hall 1"), sentence("Is it?")
        ('the feeder of hall 1.', 'Is it?')
    """
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def visible(text: str) -> str:
    r"""Return a text from data in which characters that are not seen are written out.

    Control characters, marks of writing direction and other formats could make a page read
    otherwise than it is stored.

    Examples:
        >>> visible("a\x00b\u202ec"), visible("Straße, 東京\n")
        ('a[U+0000]b[U+202E]c', 'Straße, 東京\n')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"[U+{ord(mark):04X}]"
        if unicodedata.category(mark) in _UNSEEN and mark not in "\n\t"
        else mark
        for mark in text
    )
