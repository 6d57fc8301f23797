"""One event of a plan, as data: its window, its target, and how the operator carries it out.

Here: the event and its checks. Not here: the plan that holds it
(negawatt.models.simulation.plan) and the operator's decisions
(negawatt.models.simulation.control).
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from negawatt.models.domain.identifiers import checked_name
from negawatt.models.domain.interval import Interval
from negawatt.models.simulation.equipment import PlanPart, Ratio

MINUTE = timedelta(minutes=1)


class TargetOf(StrEnum):
    """What an event's target is a share of: the calculated load before the ramp of which part."""

    SITE = "site"
    GPUS = "gpus"


class HallEvent(PlanPart):
    """One event as the operator carries it out.

    Attributes:
        event_id: Stable name.
        start_utc: First instant of the window, a whole minute.
        end_utc: First instant after the window, a whole minute.
        target_reduction_ratio: Share of the calculated load before the ramp to shed.
        target_of: The load that this is a share of; in the Phoenix trial it was the GPUs'.
        notified_utc: When the site was told, if it is said.
        committed_kw: Reduction promised over the window [kW], if one was.
        ramp_down_minutes: The load goes down in this time before the window [min].
        ramp_up_minutes: The load comes back in this time after the window [min].
        hold_starts: No flexible job is started from the ramp to the end of the window.
        carried_out: The operator acts; else the event is announced and nothing is done.
    """

    event_id: str
    start_utc: datetime
    end_utc: datetime
    target_reduction_ratio: Ratio = 0.25
    target_of: TargetOf = TargetOf.SITE
    notified_utc: datetime | None = None
    committed_kw: float | None = Field(default=None, gt=0)
    ramp_down_minutes: int = Field(default=20, ge=1)
    ramp_up_minutes: int = Field(default=15, ge=1)
    hold_starts: bool = False
    carried_out: bool = True

    @field_validator("event_id")
    @classmethod
    def _is_a_name(cls, event_id: str) -> str:
        return checked_name("event", event_id)

    @model_validator(mode="after")
    def _is_in_whole_minutes(self) -> Self:
        for moment_utc in (self.window.start_utc, self.window.end_utc):
            if moment_utc.second or moment_utc.microsecond:
                raise ValueError(f"an event in whole minutes, got {moment_utc.isoformat()}")
        return self

    @property
    def window(self) -> Interval:
        """The event window."""
        return Interval(self.start_utc.astimezone(UTC), self.end_utc.astimezone(UTC))

    @property
    def controlled(self) -> Interval:
        """The window with both ramps: when the operator acts."""
        return Interval(
            self.window.start_utc - self.ramp_down_minutes * MINUTE,
            self.window.end_utc + self.ramp_up_minutes * MINUTE,
        )
