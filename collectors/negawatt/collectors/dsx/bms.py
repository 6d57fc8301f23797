"""The BMS bus 1.0: what a point is (metadata), and what it reads (value).

A value has no unit: that is told once, by the point's metadata. Source: DSX BMS Event Bus 1.0.0
(AsyncAPI document), "Topic structure", "Metadata types and concepts", ``ValueMessage``.

Not here: what was read before (intake), and signed messages (flex).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.models.domain.units import KW_PER_MW, W_PER_KW

PREFIX: Final = "BMS/v1/"
GOOD_QUALITY: Final = 1

_SEGMENTS: Final = 6  # BMS, v1, publisher, topic type, object type, point type, then the tag path
_POWER_POINTS: Final = {("PowerMeter", "ActivePower"), ("Rack", "RackPower")}
_W_PER_UNIT: Final = {"W": 1, "kW": W_PER_KW, "MW": KW_PER_MW * W_PER_KW}
_LARGEST: Final = 1e12  # in any unit of power; larger is no reading, and could overflow
_LAST_TIMESTAMP_MS: Final = 253_402_300_800_000  # the year 10000
_ELECTRICAL: Final = {
    "ATS", "BESS", "Breaker", "Generator", "PowerMeter", "Rack", "Shunt", "UPS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """Where a message belongs, from its topic.

    Attributes:
        is_metadata: It says what the point is; otherwise it is a value.
        object_type: ``PowerMeter``, ``Rack``, ...
        point_type: ``ActivePower``, ``RackPower``, ...
        tag_path: Name of the point, unique on the bus.
        publisher: ``PUB`` for the BMS itself, otherwise an integration.
    """

    is_metadata: bool
    object_type: str
    point_type: str
    tag_path: str
    publisher: str

    @property
    def key(self) -> str:
        """What metadata and value of one point have in common."""
        return f"{self.object_type}/{self.point_type}/{self.tag_path}"

    @property
    def is_power(self) -> bool:
        """Whether its values are active power."""
        return (self.object_type, self.point_type) in _POWER_POINTS


def point_of(topic: str) -> Point:
    """Take a topic apart.

    Raises:
        MessageRefusedError: It is no topic of the bus; only the BMS publishes metadata.

    Examples:
        >>> point_of("BMS/v1/PUB/Value/Rack/RackPower/site1/row3/rack05").key
        'Rack/RackPower/site1/row3/rack05'
    """
    parts = topic.split("/", _SEGMENTS)
    if len(parts) <= _SEGMENTS or not topic.startswith(PREFIX) or not all(parts):
        raise MessageRefusedError(Outcome.TOPIC_UNKNOWN)
    _, _, publisher, kind, object_type, point_type, tag_path = parts
    if kind not in {"Value", "Metadata"} or (kind == "Metadata" and publisher != "PUB"):
        raise MessageRefusedError(Outcome.TOPIC_UNKNOWN)
    return Point(kind == "Metadata", object_type, point_type, tag_path, publisher)


@dataclass(frozen=True, slots=True)
class Meta:
    """What is told of a point.

    Attributes:
        object_id: The meter or rack; None where an object has no identity of its own.
        w_per_unit: How many watt its unit is; None where its unit is none of power.
        publisher: Who gives its values: ``PUB``, or the integration that owns the point.
    """

    object_id: str | None
    w_per_unit: float | None
    publisher: str


@dataclass(frozen=True, slots=True)
class Served:
    """What an object of the electrical path feeds.

    Attributes:
        object_id: The object.
        object_type: What it is.
        object_name: Its name for people.
        associate_id: The object it is part of.
        serves_ids: The objects it feeds, sorted.
    """

    object_id: str
    object_type: str
    object_name: str | None
    associate_id: str | None
    serves_ids: tuple[str, ...]


def read_metadata(point: Point, payload: bytes) -> tuple[Meta, Served | None]:
    """Return what a metadata message says of its point, and of the electrical path.

    Raises:
        MessageRefusedError: It is no JSON object, contradicts its topic, or a field is not of its
            type.

    Examples:
        >>> point = point_of("BMS/v1/PUB/Metadata/PowerMeter/ActivePower/hall/bus-1")
        >>> meta, served = read_metadata(point, b'{"objectType": "PowerMeter", "pointType": '
        ...     b'"ActivePower", "engUnit": "kW", "objectId": "BUS-1", "servesId": ["TAP-1"]}')
        >>> meta.w_per_unit, served.serves_ids
        (1000, ('TAP-1',))
    """
    values = _object(payload)
    said = (values.get("objectType"), values.get("pointType"))
    if said != (point.object_type, point.point_type):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    object_id = _text(values, "objectId") or _text(values, "rackLocationId")
    meta = Meta(
        object_id=object_id,
        w_per_unit=_W_PER_UNIT.get(_text(values, "engUnit") or ""),
        publisher=_text(values, "integration") or "PUB",
    )
    if object_id is None or point.object_type not in _ELECTRICAL:
        return meta, None
    serves_ids = values.get("servesId", [])
    if not isinstance(serves_ids, list) or not all(
        isinstance(one, str) and _is_text(one) for one in serves_ids
    ):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    served = Served(
        object_id=object_id,
        object_type=point.object_type,
        object_name=_text(values, "objectName") or _text(values, "rackLocationName"),
        associate_id=_text(values, "associateId"),
        serves_ids=tuple(sorted(set(serves_ids))),
    )
    return meta, served


@dataclass(frozen=True, slots=True)
class Value:
    """A reading of a point, in the point's own unit.

    Attributes:
        timestamp_ms: The source's time of it [ms since 1970, UTC].
        value: The reading; None where its quality is not good, whatever number came with it.
        quality: 1 is good.
    """

    timestamp_ms: int
    value: float | None
    quality: int


def read_value(payload: bytes) -> Value:
    """Return what a value message says.

    Raises:
        MessageRefusedError: It is not of the schema, or of good quality and no finite number.

    Examples:
        >>> read_value(b'{"value": 118.5, "timestamp": 1743620423000, "quality": 1}').value
        118.5
        >>> read_value(b'{"value": 118.5, "timestamp": 1743620423000, "quality": 0}').value is None
        True
    """
    values = _object(payload)
    try:
        value, timestamp, quality = values["value"], values["timestamp"], values["quality"]
    except KeyError as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    if len(values) > 3 or type(timestamp) is not int or type(quality) is not int:  # noqa: PLR2004 - value, timestamp, quality
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    if not 0 <= timestamp < _LAST_TIMESTAMP_MS:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    if quality != GOOD_QUALITY:
        return Value(timestamp, None, quality)
    if type(value) not in {int, float} or not abs(value) <= _LARGEST:
        raise MessageRefusedError(Outcome.NO_NUMBER)
    return Value(timestamp, float(value), quality)


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    if not isinstance(values, dict):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    return values


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    if value is not None and (not isinstance(value, str) or not value or not _is_text(value)):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    return value


def _is_text(value: str) -> bool:
    """Say whether a string can be written: JSON may spell half a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
