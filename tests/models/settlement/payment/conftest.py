"""Events and periods that a test states in a few figures."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from negawatt.models.settlement.payment.inputs import EventInputs

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)


def decimals(values: Sequence[Any]) -> tuple[Decimal | None, ...]:
    """Return figures as decimals, by their text; None stays None."""
    return tuple(None if value is None else Decimal(str(value)) for value in values)


@pytest.fixture
def event_of() -> Callable[..., EventInputs]:
    """Return a function that makes an event from 16:00 UTC with the given reductions [kWh]."""

    def make(
        reduction_kwh: Sequence[Any],
        *,
        interval_minutes: int = 60,
        **others: Any,  # noqa: ANN401 - as EventInputs takes them
    ) -> EventInputs:
        length = timedelta(minutes=interval_minutes)
        return EventInputs(
            subject="event 'e1'",
            interval_minutes=interval_minutes,
            interval_start_utc=tuple(START_UTC + n * length for n in range(len(reduction_kwh))),
            reduction_kwh=decimals(reduction_kwh),
            **others,
        )

    return make
