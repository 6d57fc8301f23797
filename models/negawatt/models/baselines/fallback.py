"""What a rule does when too few days are eligible.

Here: the steps of ``insufficient_days``, in order, and the refusal. Not here: which days are
eligible (eligibility.py, low_usage.py).
"""

from collections.abc import Sequence

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.eligibility import Candidate
from negawatt.models.baselines.rule_days import DayType, Readmit, UseAvailable
from negawatt.models.domain.errors import InsufficientHistoryError


def considered_days(
    case: Case,
    day_type: DayType,
    eligible: Sequence[Candidate],
    readmissible: Sequence[Candidate],
) -> tuple[Candidate, ...]:
    """Return the days that are ranked: Y of them, or what the rule allows with fewer.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        eligible: Eligible days, nearest first.
        readmissible: Days dropped only because of another event, nearest first.

    Returns:
        The days, nearest first.

    Raises:
        InsufficientHistoryError: No step of the rule leads to enough days.
    """
    found = tuple(eligible[: day_type.considered_count])
    if len(found) == day_type.considered_count:
        return found
    for step in case.rule.insufficient_days:
        if step == "fail":
            break
        if isinstance(step, UseAvailable):
            stated = step.use_available_if_at_least
            fewest = day_type.min_days if stated == "min_days" else stated
            if len(found) >= fewest:
                return found
            continue
        target = _target(day_type, step.readmit_event_days)
        missing = max(target - len(found), 0)
        back = _in_order(step.readmit_event_days, readmissible)[:missing]
        found = _nearest_first(case, (*found, *back))
        if len(found) >= target:
            return found
    raise InsufficientHistoryError(
        rule_id=case.rule.rule_id,
        required_count=day_type.min_days,
        found_count=len(found),
        unit=f"eligible days of type {day_type.name!r}",
        remedy="supply older load, or settle the event as 'not computable' under this program",
    )


def _target(day_type: DayType, readmit: Readmit) -> int:
    return day_type.min_days if readmit.until == "min_days" else day_type.considered_count


def _in_order(readmit: Readmit, days: Sequence[Candidate]) -> list[Candidate]:
    if readmit.order == "most_recent":
        return list(days)
    return sorted(days, key=lambda candidate: -float(candidate.window_kwh.mean()))


def _nearest_first(case: Case, days: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(days, key=lambda candidate: abs((case.event_day - candidate.day).days)))
