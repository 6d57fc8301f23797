"""The objects of OpenADR 3.1, as far as they are read or sent.

Source: OpenADR 3.1.1 (OpenAPI document), ``components.schemas``; field names are the document's.
Unknown members are left alone; a known one must be of its type.

Not here: what an event asks of a site (translate).
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from negawatt.collectors.message import MessageRefusedError, Outcome, whole_milliseconds

NOW: Final = datetime.min.replace(tzinfo=UTC)
"""A start of 0001-01-01 says now ("intervalPeriod")."""
ENDLESS: Final = timedelta.max
"""A duration of P9999Y says without an end ("intervalPeriod")."""

_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION: Final = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<number>\d+)(?P<kind>[DW]))?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_ENDLESS_YEARS: Final = 9999
_DAYS_PER_WEEK: Final = 7
_YEARS: Final = range(1971, 9999)  # what can be computed with


def read_instant(text: object) -> datetime:
    """Return an instant of RFC 3339 in UTC, to the millisecond; ``NOW`` for the year 1.

    Raises:
        ValueError: It is none, or names no offset from UTC.

    Examples:
        >>> read_instant("2026-07-01T21:00:00+02:00").isoformat()
        '2026-07-01T19:00:00+00:00'
        >>> read_instant("0001-01-01") == NOW
        True
    """
    if not isinstance(text, str):
        raise ValueError("an instant is text")  # noqa: TRY004 - as pydantic wants it
    if text in {"0001-01-01", "0001-01-01T00:00:00"}:
        return NOW
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"an instant of RFC 3339, such as 2026-07-01T21:00:00Z, got {text!r}")
    local = datetime.fromisoformat(text.upper())
    if local.year == 1:
        return NOW
    if local.year not in _YEARS:
        raise ValueError(f"an instant of the years {_YEARS.start} to {_YEARS[-1]}, got {text!r}")
    return whole_milliseconds(local.astimezone(UTC))


def read_duration(text: object) -> timedelta:
    """Return a duration of ISO 8601; ``ENDLESS`` for P9999Y.

    Raises:
        ValueError: It is none, is negative, or has years or months, whose length is not known.

    Examples:
        >>> read_duration("PT1H30M")
        datetime.timedelta(seconds=5400)
        >>> read_duration("P1M")
        Traceback (most recent call last):
            ...
        ValueError: a duration without years and months, got 'P1M'
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"a duration of ISO 8601, such as PT1H, got {text!r}")
    if int(found["years"] or 0) == _ENDLESS_YEARS:
        return ENDLESS
    if int(found["years"] or 0) or int(found["months"] or 0):
        raise ValueError(f"a duration without years and months, got {text!r}")
    days = int(found["number"] or 0) * (_DAYS_PER_WEEK if found["kind"] == "W" else 1)
    try:
        return timedelta(
            days=days,
            hours=int(found["hours"] or 0),
            minutes=int(found["minutes"] or 0),
            seconds=float(found["seconds"] or 0),
        )
    except OverflowError as error:
        raise ValueError(f"a duration that can be computed with, got {text!r}") from error


Instant = Annotated[datetime, BeforeValidator(read_instant)]
Duration = Annotated[timedelta, BeforeValidator(read_duration)]
_Text = Annotated[str, Field(strict=True)]
_Name = Annotated[str, Field(strict=True, min_length=1, max_length=128)]
ObjectId = Annotated[str, Field(strict=True, max_length=128, pattern="^[a-zA-Z0-9_-]+$")]
_Whole = Annotated[int, Field(strict=True)]
_Number = _Whole | Annotated[Decimal, Field(strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Point(_Part):
    """A point of a curve."""

    x: _Number
    y: _Number


Value = Annotated[bool, Field(strict=True)] | _Number | _Text | Point


class Payload(_Part):
    """``valuesMap``: values of one type."""

    type: _Name
    values: tuple[Value, ...]


class IntervalPeriod(_Part):
    """When an interval, or each of several in sequence, is."""

    start: Instant | None = None
    duration: Duration | None = None
    randomizeStart: Duration | None = None


class Interval(_Part):
    """What holds in one span of time."""

    id: _Whole
    intervalPeriod: IntervalPeriod | None = None
    payloads: tuple[Payload, ...]


class EventPayloadDescriptor(_Part):
    """The units of payloads of one type."""

    objectType: Literal["EVENT_PAYLOAD_DESCRIPTOR"] = "EVENT_PAYLOAD_DESCRIPTOR"
    payloadType: _Name
    units: _Name | None = None
    currency: _Text | None = None


class ReportPayloadDescriptor(_Part):
    """The units and quality of a report's payloads of one type."""

    objectType: Literal["REPORT_PAYLOAD_DESCRIPTOR"] = "REPORT_PAYLOAD_DESCRIPTOR"
    payloadType: _Name
    readingType: _Name | None = None
    units: _Name | None = None
    accuracy: _Number | None = None
    confidence: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None


class ReportDescriptor(_Part):
    """A report that an event asks for."""

    payloadType: _Name
    readingType: _Name | None = None
    units: _Name | None = None


class EventRequest(_Part):
    """An event as its maker writes it."""

    programID: ObjectId
    eventName: _Text | None = None
    duration: Duration | None = None
    priority: Annotated[int, Field(strict=True, ge=0)] | None = None
    targets: tuple[_Name, ...] | None = None
    reportDescriptors: tuple[ReportDescriptor, ...] | None = None
    payloadDescriptors: tuple[EventPayloadDescriptor, ...] | None = None
    intervalPeriod: IntervalPeriod | None = None
    intervals: tuple[Interval, ...] = ()


class Event(EventRequest):
    """An event as a VTN gives it."""

    id: ObjectId
    createdDateTime: Instant
    modificationDateTime: Instant
    objectType: Literal["EVENT"]


class ProgramRequest(_Part):
    """A program as its maker writes it."""

    programName: _Name
    intervalPeriod: IntervalPeriod | None = None
    payloadDescriptors: tuple[EventPayloadDescriptor | ReportPayloadDescriptor, ...] | None = None
    targets: tuple[_Name, ...] | None = None


class ReportResource(_Part):
    """A report's intervals of one resource."""

    resourceName: _Name
    intervalPeriod: IntervalPeriod | None = None
    intervals: tuple[Interval, ...]


class ReportRequest(_Part):
    """A report as its maker writes it."""

    eventID: ObjectId
    clientName: _Name
    reportName: _Text | None = None
    payloadDescriptors: tuple[ReportPayloadDescriptor, ...] | None = None
    resources: tuple[ReportResource, ...]


class VenRequest(_Part):
    """A VEN as the utility's side writes it."""

    objectType: Literal["BL_VEN_REQUEST"]
    clientID: _Name
    venName: _Name
    targets: tuple[_Name, ...] | None = None


class ResourceRequest(_Part):
    """A resource of a VEN as the utility's side writes it."""

    objectType: Literal["BL_RESOURCE_REQUEST"]
    clientID: _Name
    resourceName: _Name
    venID: ObjectId
    targets: tuple[_Name, ...] | None = None


class Notification(_Part):
    """What a VTN sends to a subscriber; the object itself is asked for again."""

    objectType: Literal["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]
    operation: Literal["CREATE", "READ", "UPDATE", "DELETE"]
    object: dict[str, Any]


_Model = TypeVar("_Model", bound=BaseModel)


def read_object(kind: type[_Model], text: str | bytes) -> _Model:
    """Return one object; numbers with a fraction keep every digit.

    Raises:
        MessageRefusedError: It is no JSON, or not of the schema.
    """
    try:
        values = json.loads(text, parse_float=_decimal, parse_constant=_refuse_constant)
        return kind.model_validate(values)
    except (ValueError, RecursionError, ValidationError) as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error


def items_of(text: str) -> Iterator[str]:
    """Yield the text of each element of a JSON array, as it came.

    Raises:
        ValueError: It is no array.

    Examples:
        >>> list(items_of('[{"a": 1.50}, 2 ]'))
        ['{"a": 1.50}', '2']
    """
    decoder = json.JSONDecoder()
    space = re.compile(r"\s*")

    def after_space(start: int) -> int:
        found = space.match(text, start)
        return found.end() if found else start

    at = after_space(0)
    if text[at : at + 1] != "[":
        raise ValueError("an array was expected")
    at = after_space(at + 1)
    is_first = True
    while is_first or text[at : at + 1] == ",":
        if is_first and text[at : at + 1] == "]":
            break
        start = at if is_first else after_space(at + 1)
        is_first = False
        _, end = decoder.raw_decode(text, start)
        yield text[start:end]
        at = after_space(end)
    if text[at : at + 1] != "]" or after_space(at + 1) != len(text):
        raise ValueError("the array does not end where its text does")


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:  # an exponent of twenty digits; no ValueError
        raise ValueError(f"a number that can be computed with, got {text}") from error
    if not value.is_finite() or abs(value.adjusted()) > 300:  # noqa: PLR2004 - what a float holds
        raise ValueError(f"a number that can be computed with, got {text}")
    return value


def _refuse_constant(text: str) -> None:
    raise ValueError(f"JSON has no {text}")
