"""A statement's settled figures as what a payment is computed from.

A payment follows the rounded lines of the statement, so that a reader can check it with a pencil.
Not here: prices and the facts of a program, which are supplied besides.
"""

from datetime import timedelta
from decimal import Decimal

from negawatt.models.domain.units import exact_decimal
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.statement import StatementBody


def inputs_of_statement(body: StatementBody) -> EventInputs:
    """Return the event of a statement; add prices and facts with ``dataclasses.replace``.

    Args:
        body: A statement whose intervals divide an hour.
    """
    first = body.lines[0]
    length = first.interval_end_utc - first.interval_start_utc
    return EventInputs(
        subject=f"statement {body.statement_id!r}",
        interval_minutes=length // timedelta(minutes=1),
        interval_start_utc=tuple(line.interval_start_utc for line in body.lines),
        reduction_kwh=tuple(line.reduction_kwh for line in body.lines),
        metered_kwh=tuple(line.metered_kwh for line in body.lines),
        comparison_kwh=tuple(line.adjusted_baseline_kwh for line in body.lines),
        committed_kw=_exact(body.event.committed_kw),
        limit_kw=_exact(body.event.limit_kw),
        is_test=body.event.kind == "test",
    )


def _exact(power_kw: float | None) -> Decimal | None:
    return None if power_kw is None else exact_decimal(power_kw)
