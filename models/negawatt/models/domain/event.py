"""What was asked of a site: one revision of one demand-response event.

Not here: how an event arrives (files, protocols) and how it is settled.
"""

from dataclasses import dataclass
from datetime import datetime

from negawatt.models.domain.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One revision of an event, as the site was notified of it.

    Attributes:
        event_id: Stable name of the event.
        revision: 1 for the first notification, higher for each update.
        site_id: The site that was asked.
        program_id: The program whose rule settles it, for example ``pjm_economic_3day``.
        interval: The event window.
        notified_at_utc: When the site was told, if known.
        committed_kw: Reduction that was promised over the window [kW], if one was.
        target_reduction_ratio: Promised share of the load before the event, 0 to 1, if one was.
        limit_kw: Power not to exceed in the window (cap or firm service level) [kW], if one was
            set.
        ramp_minutes: How long before the start the site was asked to lower its load already [min].
        kind: What sort of dispatch: ``economic``, ``emergency``, ``test``, ``trial``.
        cancelled: The event was withdrawn; its day is an ordinary day.

    Raises:
        ValueError: A revision below 1, a negative power or ramp, or a ratio outside 0 to 1.
    """

    event_id: str
    revision: int
    site_id: str
    program_id: str
    interval: Interval
    notified_at_utc: datetime | None = None
    committed_kw: float | None = None
    target_reduction_ratio: float | None = None
    limit_kw: float | None = None
    ramp_minutes: float = 0.0
    kind: str = "economic"
    cancelled: bool = False

    @property
    def statement_id(self) -> str:
        """The name of its statement."""
        return f"{self.site_id}.{self.event_id}"

    def __post_init__(self) -> None:
        if self.revision < 1:
            raise ValueError(f"revision must be 1 or more, got {self.revision}")
        for name in ("committed_kw", "limit_kw", "ramp_minutes"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        ratio = self.target_reduction_ratio
        if ratio is not None and not 0 <= ratio <= 1:
            raise ValueError(f"target_reduction_ratio must be between 0 and 1, got {ratio}")
