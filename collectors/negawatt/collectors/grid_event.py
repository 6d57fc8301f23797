"""One revision of an event, as a listener remembers it and as a row of raw_grid__events.

Not here: how revisions follow from messages (the listeners' own modules).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridEvent:
    """One revision of an event, as the grid's side states it.

    Attributes:
        event_id: Its name: of a load target, correlation of the message and feed, with a number
            where the message has more than one target for the feed.
        revision: 1 for the first.
        event_start_utc: First instant.
        event_end_utc: First instant after it; None while the target holds until it is replaced:
            then it is no event yet.
        notified_at_utc: When the message says that it was made.
        limit_kw: The cap [kW], if one was set.
        committed_kw: The reduction [kW], if one was asked for.
        target_reduction_ratio: The share of the load, 0 to 1, if one was asked for.
        cancelled: It was removed before it began.
        event_source: The type of the message and the SHA-256 of its JWS, or of itself.
        holds_until_next: It was given no end, so that it ends where the next target starts.
    """

    event_id: str
    revision: int
    event_start_utc: datetime
    event_end_utc: datetime | None
    notified_at_utc: datetime
    limit_kw: float | None
    committed_kw: float | None = None
    target_reduction_ratio: float | None = None
    cancelled: bool
    event_source: str
    holds_until_next: bool = False

    def values(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in asdict(self).items()
        }

    def row(self, site_id: str, program_id: str, kind: str, received_utc: datetime) -> Row | None:
        """Return it in the order of the columns of raw_grid__events; None while it has no end."""
        if self.event_end_utc is None:
            return None
        return (
            self.event_id,
            self.revision,
            site_id,
            program_id,
            self.event_start_utc,
            self.event_end_utc,
            self.notified_at_utc,
            self.committed_kw,
            self.target_reduction_ratio,
            self.limit_kw,
            0.0,
            kind,
            self.cancelled,
            self.event_source,
            received_utc,
        )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read back what ``values`` gave."""
        return cls(**{key: _read(key, value) for key, value in values.items()})


def _read(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    return datetime.fromisoformat(value) if key.endswith("_utc") and value else value
