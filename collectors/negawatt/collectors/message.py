"""A message as it came, and what became of it.

Not here: what messages say (the listeners' intakes).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from negawatt.models.domain.units import US_PER_MS


class Outcome(StrEnum):
    """What became of a message. Every message has exactly one."""

    ACCEPTED = "accepted"  # it said something new
    NOT_TAKEN = "not_taken"  # well understood, and no power: a temperature, a valve
    REPEATED = "repeated"  # delivered again, or said again: nothing is new in it

    # Refused, and kept in raw_grid__messages.
    ALGORITHM_REFUSED = "algorithm_refused"  # neither ES256 nor RS256
    CONTRADICTORY = "contradictory"  # another value of the same point and instant is stored
    EXPIRED = "expired"
    FORGED = "forged"  # the signature is not of this key and these bytes
    FROM_THE_FUTURE = "from_the_future"
    LEVEL_UNKNOWN = "level_unknown"  # the configuration does not say what a level asks for
    MANY_VALUES = "many_values"  # more than one value where one was expected
    NOT_ITS_POINT = "not_its_point"  # a value from somebody who does not own the point
    NO_METADATA = "no_metadata"  # a value whose unit nobody told yet
    NOT_UNDERSTOOD = "not_understood"  # no JSON, or not the schema
    NO_LOAD = "no_load"  # a power below zero: to give, and not to take
    NO_NUMBER = "no_number"  # a good value that is none
    OUTDATED = "outdated"  # older than what is known
    OVERSIZED = "oversized"
    PAYLOAD_UNKNOWN = "payload_unknown"  # it asks for nothing that a meter can be held against
    REPLAYED = "replayed"  # an id or a signed content that was accepted before
    TIME_UNKNOWN = "time_unknown"  # no start or duration, one at random, or intervals that loop
    TOPIC_UNKNOWN = "topic_unknown"
    UNIT_UNKNOWN = "unit_unknown"
    UNKNOWN_KEY = "unknown_key"
    WRONG_KEY = "wrong_key"  # a key of ours that speaks for somebody else

    @property
    def is_refusal(self) -> bool:
        """Whether the message is kept as refused."""
        return self not in {Outcome.ACCEPTED, Outcome.NOT_TAKEN, Outcome.REPEATED}


class MessageRefusedError(Exception):
    """Why a message is not taken; caught where messages are taken in, and written down there.

    Attributes:
        outcome: The reason.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.value)


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        topic: Its topic.
        payload: Its bytes; the first of them where it was too large.
        received_utc: When it came.
        byte_count: How large it was [bytes].
    """

    topic: str
    payload: bytes
    received_utc: datetime
    byte_count: int

    @property
    def sha256(self) -> str:
        """SHA-256 of topic, a zero byte and payload, in hex digits."""
        return hashlib.sha256(b"\0".join((self.topic.encode(), self.payload))).hexdigest()


def whole_milliseconds(moment: datetime) -> datetime:
    """Return an instant without what the tables do not keep.

    Examples:
        >>> whole_milliseconds(datetime(2026, 7, 1, 20, 0, 0, 123_987)).microsecond
        123000
    """
    return moment.replace(microsecond=moment.microsecond // US_PER_MS * US_PER_MS)
