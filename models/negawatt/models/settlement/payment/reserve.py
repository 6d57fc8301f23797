"""The response of a synchronized reserve event, from readings of one minute.

The meter before and the meter after: no baseline of other days. Not here: what it is paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.rounding import exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveRule:
    """Which minutes of an event are read; minute 0 is the one in which it starts.

    Attributes:
        start_from_minute: First minute of the start level; negative before the event.
        start_to_minute: Last minute of the start level.
        end_from_minute: First minute of the end level.
        end_to_minute: Last minute of the end level.
        hold_to_minute: The response is to be held to this minute, or to the end if that is sooner.
    """

    start_from_minute: int
    start_to_minute: int
    end_from_minute: int
    end_to_minute: int
    hold_to_minute: int

    def __post_init__(self) -> None:
        order = [
            self.start_from_minute,
            self.start_to_minute,
            self.end_from_minute,
            self.end_to_minute,
            self.hold_to_minute,
        ]
        if order != sorted(order):
            raise ValueError(f"the minutes must follow each other, got {order}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveResponse:
    """What a site did in an event.

    Attributes:
        start_kw: Greatest load around the start [kW].
        end_kw: Lowest load around the end of the ramp [kW].
        response_kw: Start less end [kW]; negative where the load rose.
        held_kw: Least of the response that was held afterwards [kW]; the response where all was.
    """

    start_kw: Decimal
    end_kw: Decimal
    response_kw: Decimal
    held_kw: Decimal


@exactly
def reserve_response(
    metered_kw: Sequence[Decimal | None], event_start: int, event_minutes: int, rule: ReserveRule
) -> ReserveResponse:
    r"""Return the response, and how much of it was held.

    .. math::

        R = \max_{t \in S} L_t - \min_{t \in E} L_t, \qquad
        R_\text{held} = \min\bigl(R,\; \max_{S} L - \max_{t \in H} L_t\bigr)

    H are the minutes after E up to the end of the event or ``hold_to_minute``.

    Args:
        metered_kw: Load, one reading a minute, oldest first [kW]; None where not known.
        event_start: Position of minute 0 in it.
        event_minutes: Length of the event [min].
        rule: Which minutes are read.

    Raises:
        DataRefusedError: The event ends before the ramp does, or a minute that counts is not known.

    Source: PJM Manual 28, tier 2 verification (not read): greatest of minutes -1 to 1, lowest of
    minutes 9 to 11, held to the end or for 30 minutes.

    Examples:
        100 kW, down to 40 by minute 9; in minute 12 it is back at 55: 45 of 60 kW were held.

        >>> rule = ReserveRule(start_from_minute=-1, start_to_minute=1, end_from_minute=9,
        ...     end_to_minute=11, hold_to_minute=30)
        >>> loads_kw = [Decimal(value) for value in [99, 100] + [70] * 8 + [40] * 3 + [55, 40, 90]]
        >>> found = reserve_response(loads_kw, 1, 14, rule)
        >>> found.response_kw, found.held_kw
        (Decimal('60'), Decimal('45'))
    """
    if event_minutes <= rule.end_to_minute:
        raise DataRefusedError(
            thing="the reserve event",
            expected=f"more than {rule.end_to_minute} minutes, in which the response is read",
            found=f"{event_minutes} minutes",
            remedy="settle it as 'not computable': it ended before the response was due",
        )
    held_to = min(event_minutes - 1, rule.hold_to_minute)
    start_kw = _known(metered_kw, event_start, rule.start_from_minute, rule.start_to_minute)
    end_kw = _known(metered_kw, event_start, rule.end_from_minute, rule.end_to_minute)
    after_kw = _known(metered_kw, event_start, rule.end_to_minute + 1, held_to)
    response_kw = max(start_kw) - min(end_kw)
    held_kw = min([response_kw, *(max(start_kw) - value_kw for value_kw in after_kw)])
    return ReserveResponse(
        start_kw=max(start_kw), end_kw=min(end_kw), response_kw=response_kw, held_kw=held_kw
    )


def _known(
    metered_kw: Sequence[Decimal | None], event_start: int, first: int, last: int
) -> list[Decimal]:
    """Return the readings of the minutes first to last, both inside."""
    found = []
    for minute in range(first, last + 1):
        position = event_start + minute
        value_kw = metered_kw[position] if 0 <= position < len(metered_kw) else None
        if value_kw is None:
            raise DataRefusedError(
                thing=f"minute {minute} of the reserve event",
                expected="a reading",
                found="none",
                remedy="import one-minute readings around the event; none is filled in",
            )
        found.append(value_kw)
    return found
