"""A statement's settled figures as what a payment is computed from.

A payment follows the rounded lines of the statement, so that a reader can check it with a pencil.
Not here: prices and the facts of a program, which are supplied besides.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from negawatt.models.domain.event import Event
from negawatt.models.domain.units import exact_decimal
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.statement import StatementBody, StatementLine


def inputs_of_statement(body: StatementBody) -> EventInputs:
    """Return the event of a statement; add prices and facts with ``dataclasses.replace``.

    Args:
        body: A statement whose intervals divide an hour.
    """
    return inputs_of_lines(f"statement {body.statement_id!r}", body.event, body.lines)


def inputs_of_lines(subject: str, event: Event, lines: Sequence[StatementLine]) -> EventInputs:
    """Return an event from its settled lines, as ``inputs_of_statement`` does.

    Args:
        subject: The event, as messages name it.
        event: What was asked.
        lines: Its settled lines; they divide an hour.
    """
    first = lines[0]
    length = first.interval_end_utc - first.interval_start_utc
    return EventInputs(
        subject=subject,
        interval_minutes=length // timedelta(minutes=1),
        interval_start_utc=tuple(line.interval_start_utc for line in lines),
        reduction_kwh=tuple(line.reduction_kwh for line in lines),
        metered_kwh=tuple(line.metered_kwh for line in lines),
        comparison_kwh=tuple(line.adjusted_baseline_kwh for line in lines),
        committed_kw=_exact(event.committed_kw),
        limit_kw=_exact(event.limit_kw),
        is_test=event.kind == "test",
    )


def _exact(power_kw: float | None) -> Decimal | None:
    return None if power_kw is None else exact_decimal(power_kw)
