"""DSX Flex 1.7: the envelope of a message, and what its signed content says.

Source: DSX Flex 1.7.0 (AsyncAPI document), ``BaseCloudEvent`` and "Event Data Payloads";
CloudEvents 1.0.2, structured mode. Unknown fields are left alone; a known one must be of its type.

Not here: signatures (signatures), and what follows from a load target (load_targets).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from negawatt.collectors.message import MessageRefusedError, Outcome, whole_milliseconds
from negawatt.models.domain.units import KW_PER_MW, W_PER_KW

PREFIX: Final = "grid/v1/"
LOAD_TARGET: Final = "grid.loadtarget.set.v1"

_TOPIC: Final = re.compile(r"grid/v1/(isv|dsx-flex-agent|infra)/([^/]+)/(.+)")
_TYPE_OF: Final = {
    ("isv", "loadtarget/set"): LOAD_TARGET,
    ("dsx-flex-agent", "powerstate/status"): "grid.powerstate.status.v1",
    ("dsx-flex-agent", "powerbreach"): "grid.powerbreach.alert.v1",
    ("infra", "powerbreach/enforcement"): "grid.powerbreach.enforcement.v1",
}
_W_PER_UNIT: Final = {"watt": 1, "kilowatt": W_PER_KW, "megawatt": KW_PER_MW * W_PER_KW}


def _to_utc_milliseconds(moment: datetime) -> datetime:
    if not 1970 < moment.year < 9999:  # noqa: PLR2004 - the edges of what can be computed with
        raise ValueError("an instant of the years 1971 to 9998")
    return whole_milliseconds(moment.astimezone(UTC))


_Instant = Annotated[AwareDatetime, AfterValidator(_to_utc_milliseconds)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Power(_Part):
    """Power with its unit."""

    value: Annotated[float, Field(strict=True, ge=0, le=1e12, allow_inf_nan=False)]
    unit: Literal["watt", "kilowatt", "megawatt"]

    @property
    def power_w(self) -> float:
        """The same in watt.

        Examples:
            >>> Power(value=1.5, unit="megawatt").power_w
            1500000.0
        """
        return self.value * _W_PER_UNIT[self.unit]


class Window(_Part):
    """When a target holds; a start left out is now, an end left out is until it is replaced."""

    start_time: _Instant | None = None
    end_time: _Instant | None = None


class Target(_Part):
    """A limit on feeds, on all where none is named; null removes what is there."""

    interval: Window
    feed_tags: tuple[str, ...] = ()
    load_constraint: Power | None


class LoadTargets(_Part):
    """``grid.loadtarget.set.v1``: what the grid's side asks for."""

    targets: Annotated[tuple[Target, ...], Field(min_length=1)]


class FeedTarget(_Part):
    """A target as the agent sees it."""

    active: bool
    load_constraint: Power
    correlation_id: UUID


class FeedState(_Part):
    """One feed as its agent states it."""

    targets: tuple[FeedTarget, ...]
    calculated_load: Power
    in_flight: bool
    event: str
    compliant: bool


class PowerState(_Part):
    """``grid.powerstate.status.v1``: what the agent says of itself."""

    snapshot_time: _Instant
    feeds: Mapping[str, FeedState]


class BreachTimes(_Part):
    """Which breach, and when it was seen."""

    breach_id: UUID
    detected_at: _Instant
    resolved_at: _Instant | None = None


class Breach(_Part):
    """``grid.powerbreach.alert.v1``: load above its target."""

    feed_tag: str
    status: Literal["active", "escalated", "resolved"]
    severity: Literal["warning", "critical"]
    breach: BreachTimes
    measured_load: Power


class Enforcement(_Part):
    """``grid.powerbreach.enforcement.v1``: what was done about a breach."""

    breach_id: UUID
    feed_tag: str
    action: Literal["applied", "reverted"]
    code: Literal["success", "partial", "error"]
    timestamp: _Instant


Content = LoadTargets | PowerState | Breach | Enforcement

_CONTENT_OF: Final[Mapping[str, type[Content]]] = {
    LOAD_TARGET: LoadTargets,
    "grid.powerstate.status.v1": PowerState,
    "grid.powerbreach.alert.v1": Breach,
    "grid.powerbreach.enforcement.v1": Enforcement,
}


class Envelope(BaseModel):
    """The CloudEvent around signed content. Nothing of it is signed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0.2"]
    id: UUID
    source: Annotated[str, Field(pattern=r"^//grid/v1/(isv|dsx-flex-agent|infra)/[^/]+$")]
    type: str
    time: _Instant
    datacontenttype: Literal["application/json"]
    subject: str
    traceparent: Annotated[
        str, Field(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
    ]
    correlationid: UUID | None = None
    data: str


def read_envelope(topic: str, payload: bytes) -> Envelope:
    """Return the envelope of a message whose topic, source and type agree.

    Raises:
        MessageRefusedError: They do not, or a required attribute is missing or of another form.
            Content that is not signed is no string, and so refused.
    """
    found = _TOPIC.fullmatch(topic)
    if not found or found.group(1, 3) not in _TYPE_OF:
        raise MessageRefusedError(Outcome.TOPIC_UNKNOWN)
    role, identifier, rest = found.groups()
    try:
        envelope = Envelope.model_validate_json(payload)
    except ValidationError as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    said = (envelope.source, envelope.type)
    if said != (f"//grid/v1/{role}/{identifier}", _TYPE_OF[role, rest]):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    return envelope


def read_content(event_type: str, content: Mapping[str, Any]) -> Content:
    """Return what signed content says.

    Raises:
        MessageRefusedError: It is not of the type's schema.
    """
    try:
        return _CONTENT_OF[event_type].model_validate(content)
    except ValidationError as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error


def signed_time(content: Content) -> datetime | None:
    """Return the instant after which content says nothing; None where it names none.

    The time of the envelope is not signed, so that whoever sends a message again can renew it.
    """
    if isinstance(content, PowerState):
        return content.snapshot_time
    if isinstance(content, Enforcement):
        return content.timestamp
    if isinstance(content, LoadTargets):
        ends = [target.interval.end_time for target in content.targets]
        told = [end for end in ends if end is not None]
        return max(told) if len(told) == len(ends) else None
    return content.breach.resolved_at
