"""Single records of a NEM12 file: what a 200 and a 400 record say, and what a quality means.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF), sections on the records
200, 300 and 400 and the appendix on quality methods. Not here: whole files (nem12),
registers (nem12_registers).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from negawatt.warehouse.formats.reading_words import NO_READING, OK, quality_text

SOURCE: Final = "nem12"
MAX_VALUE_LENGTH: Final = 40
INTERVAL_MINUTES: Final = (5, 15, 30)
_WORDS: Final = {
    "A": OK,
    "E": "estimated",
    "F": "final_substituted",
    "N": NO_READING,
    "S": "substituted",
}
_KWH_EXPONENTS: Final = {"MWH": 3, "KWH": 0, "WH": -3}
_OTHER_UNITS: Final = {
    f"{prefix}{unit}"
    for prefix in ("", "K", "M")
    for unit in ("VARH", "VAR", "VAH", "VA", "W", "V", "A")
} | {"PF"}
UNIT_PLACE: Final = 7
STREAM_FIELDS: Final = {
    "nmi_configuration": 2,
    "register_id": 3,
    "data_stream_id": 5,
    "meter_serial": 6,
    "unit_name": UNIT_PLACE,
    "next_read_date": 9,
}
"""What a 200 record says of its data stream beside its name, by the place in the record."""
_FIELD_COUNT: Final = 10
FIRST_YEAR: Final = "1900"
_METHOD = re.compile(r"[0-9]{2}")
_REASON = re.compile(r"[0-9]{1,3}")
_NMI = re.compile(r"[A-Za-z0-9]{1,10}")
_SUFFIX = re.compile(r"[A-Za-z0-9]{2}")


class RecordError(Exception):
    """A record breaks the format; the text says what is expected of it and what it says."""


class LeftOutError(Exception):
    """A record is as it should be and is no energy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A 200 record.

    Attributes:
        meter_id: ``<NMI>.<suffix>``.
        kwh_exponent: Power of ten that a value is multiplied with to be kWh.
        minutes: Length of each interval [min].
        told: The fields of STREAM_FIELDS as they stand, in that order.
    """

    meter_id: str
    kwh_exponent: int
    minutes: int
    told: tuple[str, ...] = ("",) * len(STREAM_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A 400 record: the quality of some intervals of a day.

    Attributes:
        first: First interval, from 1.
        last: Last interval, included.
        quality: ``reading_quality`` of each.
    """

    first: int
    last: int
    quality: str


def is_mark(text: str, kind: str) -> bool:
    """Say whether a line is a record without any content.

    Examples:
        >>> is_mark("900,,,", "900"), is_mark("9001", "900")
        (True, False)
    """
    return text.rstrip(",") == kind


def channel_of(text: str) -> Channel:
    """Return what a 200 record says.

    Raises:
        RecordError: NMI, suffix, unit, interval length or date of the next reading is none.
        LeftOutError: The unit is no unit of energy.

    Examples:
        >>> channel_of("200,NMI1234567,E1Q1,1,E1,N1,METER01,Wh,30,").kwh_exponent
        -3
    """
    fields = [*text.split(","), *[""] * _FIELD_COUNT]
    nmi, suffix, unit, length = fields[1], fields[4], fields[7].upper(), fields[8]
    if not _NMI.fullmatch(nmi) or not _SUFFIX.fullmatch(suffix):
        raise RecordError(
            f"an NMI and a suffix of two characters are expected, found {nmi!r} and {suffix!r}"
        )
    if unit in _OTHER_UNITS:
        raise LeftOutError(f"unit {fields[7]!r} is no energy")
    if unit not in _KWH_EXPONENTS:
        raise RecordError(f"a unit of MDFF is expected, found {fields[7]!r}")
    if length not in map(str, INTERVAL_MINUTES):
        raise RecordError(f"an interval of 5, 15 or 30 minutes is expected, found {length!r}")
    if any(fields[_FIELD_COUNT:]):
        raise RecordError(f"record 200: {_FIELD_COUNT} fields are expected, found {text!r}")
    told = tuple(fields[place] for place in STREAM_FIELDS.values())
    if not "".join(told).isprintable():
        raise RecordError(f"record 200: printable characters are expected, found {text!r}")
    if told[-1]:
        market_time(f"{told[-1]}000000")
    return Channel(
        meter_id=f"{nmi}.{suffix}",
        kwh_exponent=kwh_exponent(unit),
        minutes=int(length),
        told=told,
    )


def kwh_exponent(unit: str) -> int:
    """Return the power of ten that a value in a unit of energy is multiplied with to be kWh.

    Examples:
        >>> kwh_exponent("MWh"), kwh_exponent("Wh")
        (3, -3)
    """
    return _KWH_EXPONENTS[unit.upper()]


@lru_cache(maxsize=1024)
def market_time(text: str) -> datetime:
    """Return a time YYYYMMDDhhmmss, of market time; without seconds it is that of a full minute.

    Raises:
        RecordError: It is none, or of a year before 1900.

    Examples:
        >>> market_time("20240202120025").isoformat(), market_time("202402021200").isoformat()
        ('2024-02-02T12:00:25', '2024-02-02T12:00:00')
    """
    if re.fullmatch(r"[0-9]{12}([0-9]{2})?", text) and text >= FIRST_YEAR:
        try:
            return datetime.strptime(f"{text:0<14}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - market time has no zone of its own
        except ValueError:
            pass
    raise RecordError(f"a time YYYYMMDDhhmmss from 1900 on is expected, found {text!r}")


def quality_of(method: str, reason: str, description: str) -> str:
    """Return the ``reading_quality`` of a quality, its method, reason and text.

    Raises:
        RecordError: The quality, method, reason code or text is none.

    Examples:
        >>> quality_of("A", "", ""), quality_of("S14", "76", "")
        ('ok', 'substituted nem12 S14,76')
    """
    word, flag = _WORDS.get(method[:1]), method[1:]
    if word is None:
        raise RecordError(f"a quality A, E, F, N or S is expected, found {method!r}")
    if flag and not _METHOD.fullmatch(flag):
        raise RecordError(f"a method of two digits is expected behind it, found {method!r}")
    if reason and not _REASON.fullmatch(reason):
        raise RecordError(f"a reason code of digits is expected, found {reason!r}")
    if not description.isprintable():
        raise RecordError(f"a reason in printable characters is expected, found {description!r}")
    code = f"{method},{reason},{description}".rstrip(",")
    if code in {"A", "N"}:
        return word
    return quality_text(word, SOURCE, code)


def event_of(text: str) -> Event:
    """Return what a 400 record says.

    Raises:
        RecordError: Its intervals or its quality are none.

    Examples:
        >>> event_of("400,1,20,F14,76,")
        Event(first=1, last=20, quality='final_substituted nem12 F14,76')
    """
    fields = [*text.split(","), *[""] * 5]
    first, last = fields[1], fields[2]
    numbers = [number for number in (first, last) if re.fullmatch(r"[0-9]{1,3}", number)]
    if len(numbers) < 2:  # noqa: PLR2004 - first and last
        raise RecordError(f"record 400: two intervals are expected, found {first!r} and {last!r}")
    if any(fields[6:]):
        raise RecordError(f"record 400: six fields are expected, found {text!r}")
    try:
        quality = quality_of(*fields[3:6])
    except RecordError as error:
        raise RecordError(f"record 400: {error}") from error
    return Event(first=int(first), last=int(last), quality=quality)


def events_cover(events: Sequence[Event], count: int) -> None:
    """Refuse the events of a day that do not say the quality of each interval once, in order.

    Raises:
        RecordError: A gap, an overlap, or an interval that the day does not have.
    """
    expected = 1
    for event in events:
        if event.first != expected or not event.first <= event.last <= count:
            raise RecordError(
                f"records 400 from 1 to {count} without gap are expected, found "
                f"{event.first} to {event.last} where {expected} comes next"
            )
        expected = event.last + 1
    if expected != count + 1:
        raise RecordError(
            f"records 400 for {count} intervals are expected, found them for {expected - 1}"
        )
