"""Whether a participant may stay: counters of poor performance over events.

Not here: money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """When poor performance can end a participation.

    Attributes:
        below_factor: A settled period with a factor below this is poor.
        consecutive_count: So many poor periods in a row are too many.
        window_count: So many poor periods inside a window are too many.
        window_months: Length of the window [calendar months].
    """

    below_factor: Decimal
    consecutive_count: int
    window_count: int
    window_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the counters say.

    Attributes:
        longest_run_count: Most poor periods in a row.
        window_count_max: Most poor periods inside any window.
        may_be_ended: Either reached its limit.
    """

    longest_run_count: int
    window_count_max: int
    may_be_ended: bool


def standing(factors: Sequence[tuple[datetime, Decimal]], rule: StandingRule) -> Standing:
    """Count poor periods.

    Args:
        factors: Start of each settled period, aware, UTC, with its factor; in any order.
        rule: The limits.

    Source: NESO demand flexibility service terms 4.0: five in a row or ten in three months with K
    below 0.5 can lead to deregistration.
    """
    run = longest = most = 0
    poor_utc: list[datetime] = []
    for start_utc, factor in sorted(factors):
        run = run + 1 if factor < rule.below_factor else 0
        longest = max(longest, run)
        if factor < rule.below_factor:
            poor_utc.append(start_utc)
            since_utc = months_before(start_utc, rule.window_months)
            most = max(most, sum(moment_utc > since_utc for moment_utc in poor_utc))
    return Standing(
        longest_run_count=longest,
        window_count_max=most,
        may_be_ended=longest >= rule.consecutive_count or most >= rule.window_count,
    )


def months_before(moment_utc: datetime, months: int) -> datetime:
    """Return the same clock time some calendar months earlier, on the last day where it is shorter.

    Examples:
        >>> months_before(datetime(2026, 5, 31, 17, tzinfo=UTC), 3).date().isoformat()
        '2026-02-28'
    """
    year, month = divmod(moment_utc.year * 12 + moment_utc.month - 1 - months, 12)
    next_year, next_month = divmod(year * 12 + month + 1, 12)
    length_days = (
        datetime(next_year, next_month + 1, 1, tzinfo=UTC)
        - datetime(year, month + 1, 1, tzinfo=UTC)
    ).days
    return moment_utc.replace(year=year, month=month + 1, day=min(moment_utc.day, length_days))
