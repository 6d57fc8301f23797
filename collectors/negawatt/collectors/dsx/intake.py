"""From messages to rows: each message gets one outcome, and those that are new become rows.

The same messages in the same order on the same memory give the same rows, so that a log can be
taken in again after a crash. Not here: transport (client), disk
(negawatt.collectors.message_store).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from negawatt.collectors.dsx import bms, flex
from negawatt.collectors.dsx.load_targets import Told, revised, without_end
from negawatt.collectors.dsx.memory import VALUES_REMEMBERED, Memory
from negawatt.collectors.dsx.signatures import Signed, Signer, verify
from negawatt.collectors.message import Message, MessageRefusedError, Outcome
from negawatt.collectors.message_store import MessageIntake
from negawatt.collectors.raw_schema import (
    AGENT_STATES,
    GRID_EVENTS,
    GRID_MESSAGES,
    NODE_POWER,
    TOPOLOGY,
)

_AHEAD: Final = timedelta(minutes=5)  # what a sender's clock may be ahead of ours

point_of = lru_cache(maxsize=65_536)(bms.point_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What messages are held against.

    Attributes:
        site_id: The site whose meter stands on the feed.
        feed_tag: The feed.
        program_id: The program that settles its events.
        event_kind: What sort of dispatch they are.
        signers: Keys by their ``kid``.
        max_age: What is older is expired.
        max_message_bytes: What is larger is not read.
    """

    site_id: str
    feed_tag: str
    program_id: str
    event_kind: str
    signers: Mapping[str, Signer]
    max_age: timedelta
    max_message_bytes: int


class Intake(MessageIntake):
    """Takes messages in.

    Args:
        terms: What they are held against.
        memory: What is remembered; it is changed.
    """

    def __init__(self, terms: Terms, memory: Memory) -> None:
        super().__init__()
        self._terms = terms
        self.memory = memory

    def remembered(self, newest_utc: datetime) -> Mapping[str, Any]:
        """Let go of what cannot matter any more, and return the rest as JSON has it."""
        self.memory.forget(newest_utc, self._terms.max_age)
        return self.memory.to_json()

    def take(self, message: Message) -> Outcome:
        """Take one message in, and say what became of it."""
        try:
            outcome = self._taken(message)
        except MessageRefusedError as refusal:
            outcome = refusal.outcome
            self._keep(message, outcome)
        self.counts[outcome] += 1
        return outcome

    def _taken(self, message: Message) -> Outcome:
        if message.byte_count > self._terms.max_message_bytes:
            raise MessageRefusedError(Outcome.OVERSIZED)
        if message.topic.startswith(flex.PREFIX):
            return self._take_flex(message)
        return self._take_bms(message)

    def _take_bms(self, message: Message) -> Outcome:
        point = point_of(message.topic)
        if point.is_metadata:
            return self._take_metadata(point, message)
        value = bms.read_value(message.payload)
        if not point.is_power:
            return Outcome.NOT_TAKEN
        meta = self.memory.points.get(point.key)
        if meta is None or meta.object_id is None:
            raise MessageRefusedError(Outcome.NO_METADATA)
        if meta.publisher != point.publisher:
            raise MessageRefusedError(Outcome.NOT_ITS_POINT)
        if meta.w_per_unit is None:
            raise MessageRefusedError(Outcome.UNIT_UNKNOWN)
        if not self._is_new(message.topic, value.timestamp_ms, message.payload):
            return Outcome.REPEATED
        is_good = value.value is not None
        self._add(
            NODE_POWER,
            meta.object_id,
            point.tag_path,
            value.timestamp_ms,
            value.value * meta.w_per_unit if value.value is not None else None,
            None,
            "ok" if is_good else f"bms_quality_{value.quality}",
        )
        return Outcome.ACCEPTED

    def _take_metadata(self, point: bms.Point, message: Message) -> Outcome:
        meta, served = bms.read_metadata(point, message.payload)
        is_known = self.memory.points.get(point.key) == meta
        self.memory.points[point.key] = meta
        if served is None or self.memory.served.get(served.object_id) == served:
            return Outcome.REPEATED if is_known else Outcome.ACCEPTED
        self.memory.served[served.object_id] = served
        self._add(
            TOPOLOGY,
            served.object_id,
            served.object_type,
            served.object_name,
            served.associate_id,
            json.dumps(served.serves_ids),
            message.received_utc,
        )
        return Outcome.ACCEPTED

    def _is_new(self, topic: str, timestamp_ms: int, payload: bytes) -> bool:
        """Say whether a point's value of an instant is new.

        Raises:
            MessageRefusedError: Another one is stored.
        """
        key = hashlib.blake2b(b"%d %s" % (timestamp_ms, topic.encode()), digest_size=16).digest()
        said = hashlib.blake2b(payload, digest_size=8).digest()
        values = self.memory.values
        known = values.get(key)
        if known is not None:
            if known == said:
                return False
            raise MessageRefusedError(Outcome.CONTRADICTORY)
        values[key] = said
        if len(values) > VALUES_REMEMBERED:
            del values[next(iter(values))]
        return True

    def _take_flex(self, message: Message) -> Outcome:
        envelope = flex.read_envelope(message.topic, message.payload)
        try:
            signed = verify(envelope.data, self._terms.signers, envelope.source)
            self._refuse_replayed(envelope, signed)
            content = flex.read_content(envelope.type, signed.content)
            latest_utc = self._refuse_expired(envelope, signed, content, message.received_utc)
            if isinstance(content, flex.LoadTargets):
                self._add_events(envelope, content, message.received_utc)
            elif isinstance(content, flex.PowerState):
                self._add_state(envelope, content, message.received_utc)
        except MessageRefusedError as refusal:
            self._keep(message, refusal.outcome, envelope)
            return refusal.outcome
        for key in _identities(envelope, signed):
            self.memory.accepted[key] = latest_utc
        self._keep(message, Outcome.ACCEPTED, envelope, signed.key_id)
        return Outcome.ACCEPTED

    def _refuse_replayed(self, envelope: flex.Envelope, signed: Signed) -> None:
        if any(key in self.memory.accepted for key in _identities(envelope, signed)):
            raise MessageRefusedError(Outcome.REPLAYED)

    def _refuse_expired(
        self,
        envelope: flex.Envelope,
        signed: Signed,
        content: flex.Content,
        received_utc: datetime,
    ) -> datetime | None:
        """Refuse what is too old or not yet made; return when its content is of."""
        latest_utc = flex.signed_time(content)
        oldest_utc = received_utc - self._terms.max_age
        if envelope.time > received_utc + _AHEAD:
            raise MessageRefusedError(Outcome.FROM_THE_FUTURE)
        if (
            envelope.time < oldest_utc
            or (latest_utc is not None and latest_utc < oldest_utc)
            or (signed.expires_s is not None and signed.expires_s < received_utc.timestamp())
        ):
            raise MessageRefusedError(Outcome.EXPIRED)
        return latest_utc

    def _add_events(
        self, envelope: flex.Envelope, content: flex.LoadTargets, received_utc: datetime
    ) -> None:
        told = Told(
            content=content,
            correlation=str(envelope.correlationid or envelope.id),
            time_utc=envelope.time,
            source=f"{envelope.type} jws sha256 {_sha256(envelope.data)}",
        )
        for event in revised(self.memory.events.values(), told, self._terms.feed_tag):
            before = self.memory.events.get(event.event_id)
            self.memory.events[event.event_id] = event
            row = without_end(event, before).row(
                self._terms.site_id, self._terms.program_id, self._terms.event_kind, received_utc
            )
            if row is not None:
                self._add(GRID_EVENTS, *row)

    def _add_state(
        self, envelope: flex.Envelope, content: flex.PowerState, received_utc: datetime
    ) -> None:
        feed = content.feeds.get(self._terms.feed_tag)
        if feed is None:
            return
        limits_w = [target.load_constraint.power_w for target in feed.targets if target.active]
        self._add(
            AGENT_STATES,
            self._terms.feed_tag,
            content.snapshot_time,
            feed.compliant,
            feed.calculated_load.power_w,
            min(limits_w, default=None),
            feed.in_flight,
            feed.event,
            _sha256(envelope.data),
            received_utc,
        )

    def _keep(
        self,
        message: Message,
        outcome: Outcome,
        envelope: flex.Envelope | None = None,
        key_id: str | None = None,
    ) -> None:
        """Keep a message as it came, with what became of it."""
        self._add(
            GRID_MESSAGES,
            message.sha256,
            message.topic,
            envelope and str(envelope.id),
            envelope and envelope.type,
            envelope and envelope.source,
            outcome.value,
            key_id,
            envelope and envelope.data,
            envelope and _sha256(envelope.data),
            message.payload.decode("utf-8", errors="backslashreplace"),
            message.byte_count,
            message.received_utc,
        )


def _identities(envelope: flex.Envelope, signed: Signed) -> tuple[str, str]:
    """Return what no second message may have."""
    return f"{envelope.source} {envelope.id}", signed.content_sha256


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
