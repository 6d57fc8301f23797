from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from negawatt.models.settlement.statement import StatementLine

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)
LINE = StatementLine(
    interval_start_utc=START_UTC,
    interval_end_utc=START_UTC + timedelta(hours=1),
    adjusted_baseline_kwh=Decimal("100.001"),
    metered_kwh=Decimal("70.002"),
    reduction_kwh=Decimal("29.999"),
)


def test_a_reduction_that_is_not_the_difference_is_refused() -> None:
    """100.001 - 70.002 is 29.999."""
    with pytest.raises(ValueError, match=r"must be 29\.999, got 30\.000"):
        replace(LINE, reduction_kwh=Decimal("30.000"))
