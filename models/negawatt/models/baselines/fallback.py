"""What a rule does when too few days are eligible.

Here: the steps of ``insufficient_days``, in order, and the refusal. Not here: which days are
eligible (eligibility.py, low_usage.py); switching to another rule (engine.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.eligibility import Candidates
from negawatt.models.baselines.rule_days import DayType
from negawatt.models.baselines.rule_fallback import (
    ExtendLookback,
    Readmit,
    ReadmitEventDays,
    SwitchTo,
    UseAvailable,
)
from negawatt.models.domain.errors import InsufficientHistoryError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screened:
    """The days of a look-back after every screen.

    Attributes:
        looked_at: The days.
        low_usage: Rows that the low-usage screen drops, with reasons.
    """

    looked_at: Candidates
    low_usage: dict[int, str]

    @property
    def eligible(self) -> list[int]:
        """Rows that are still in, nearest first."""
        return [row for row in self.looked_at.eligible if row not in self.low_usage]


class SwitchRuleError(InsufficientHistoryError):
    """Too few days, and the rule names another one to use instead.

    Attributes:
        program_id: The other program.
    """

    program_id = ""


def considered_days(
    case: Case, day_type: DayType, look_back: Callable[[int], Screened]
) -> tuple[Screened, list[int]]:
    """Return the days that are ranked: Y of them, or what the rule allows with fewer.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        look_back: Returns the screened days of a look-back of so many calendar days.

    Returns:
        The days that were looked at, and the rows of those that are ranked, nearest first.

    Raises:
        SwitchRuleError: A step of the rule asks for another rule.
        InsufficientHistoryError: No step of the rule leads to enough days.
    """
    assert case.rule.lookback is not None  # check_rule refuses such a rule  # noqa: S101
    screened = look_back(case.rule.lookback.max_calendar_days)
    wanted = day_type.considered_count
    found = screened.eligible[:wanted]
    for step in case.rule.insufficient_days:
        if len(found) >= wanted or step == "fail":
            break
        if isinstance(step, UseAvailable):
            if len(found) >= _fewest(day_type, step):
                return screened, found
        elif isinstance(step, ExtendLookback):
            screened = look_back(step.extend_lookback_to)
            found = screened.eligible[:wanted]
        elif isinstance(step, ReadmitEventDays):
            target = _target(day_type, step.readmit_event_days)
            back = _in_order(screened.looked_at, step.readmit_event_days)
            found = sorted({*found, *back[: max(target - len(found), 0)]})
            if len(found) >= target:
                return screened, found
        else:
            raise _switched(case, day_type, len(found), step)
    if len(found) >= wanted:
        return screened, found
    raise InsufficientHistoryError(**_refusal(case, day_type, len(found)))


def _fewest(day_type: DayType, step: UseAvailable) -> int:
    stated = step.use_available_if_at_least
    return day_type.min_days if stated == "min_days" else stated


def _target(day_type: DayType, readmit: Readmit) -> int:
    return day_type.min_days if readmit.until == "min_days" else day_type.considered_count


def _in_order(looked_at: Candidates, readmit: Readmit) -> list[int]:
    rows = list(looked_at.readmissible)
    if readmit.with_outage_days:
        rows = sorted({*rows, *looked_at.outages})
    if readmit.order == "most_recent":
        return rows
    return sorted(rows, key=lambda row: -float(looked_at.window_kwh[row].mean()))


def _refusal(case: Case, day_type: DayType, found_count: int) -> dict[str, Any]:
    return {
        "rule_id": case.rule.rule_id,
        "required_count": day_type.min_days,
        "found_count": found_count,
        "unit": f"eligible days of type {day_type.name!r}",
        "remedy": "supply older load, or settle the event as 'not computable' under this program",
    }


def _switched(case: Case, day_type: DayType, found_count: int, step: SwitchTo) -> SwitchRuleError:
    error = SwitchRuleError(**_refusal(case, day_type, found_count))
    error.program_id = step.switch_to
    return error
