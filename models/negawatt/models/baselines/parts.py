"""Events across a local midnight: divided into days, and put together again.

Here: the parts of a case, and one outcome of many. Not here: what a part's baseline is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.result import Adjustment, CandidateDay, DayUse, Outcome
from negawatt.models.domain.interval import Interval

_BETTER_FIRST = (DayUse.SELECTED, DayUse.CONSIDERED, DayUse.DROPPED)


def parts_of(case: Case) -> tuple[Case, ...]:
    """Return one case for each local day that the event touches, oldest first."""
    days = tuple(case.clock.days_of(case.event))
    if len(days) == 1:
        return (case,)
    return tuple(_part(case, case.clock.day(day)) for day in days)


def _part(case: Case, hours: Interval) -> Case:
    part = Interval(
        max(case.event.start_utc, hours.start_utc), min(case.event.end_utc, hours.end_utc)
    )
    first = (part.start_utc - case.event.start_utc) // case.history.interval
    last = (part.end_utc - case.event.start_utc) // case.history.interval
    return replace(case, part=part, metered_kwh=case.metered_kwh[first:last])


def joined(outcomes: Sequence[tuple[Case, Outcome]]) -> Outcome:
    """Return the outcome of the whole event from those of its parts, oldest first."""
    if len(outcomes) == 1:
        return outcomes[0][1]
    parts = [outcome for _, outcome in outcomes]
    return Outcome(
        baseline_kwh=np.concatenate([part.baseline_kwh for part in parts]),
        adjusted_kwh=np.concatenate([part.adjusted_kwh for part in parts]),
        adjustment=_adjustments(outcomes),
        days=_days(outcomes),
        day_type=", ".join(part.day_type for part in parts),
        steps=tuple(step for part in parts for step in part.steps),
        tables=tuple(table for part in parts for table in part.tables),
    )


def _adjustments(outcomes: Sequence[tuple[Case, Outcome]]) -> Adjustment:
    """Return the kind of adjustment, and in words what each part's was."""
    words = []
    for case, outcome in outcomes:
        made = outcome.adjustment
        applied = made.note if made.applied_value is None else f"applied {made.applied_value!r}"
        words.append(f"{case.event_day}: {applied}")
    kinds = {outcome.adjustment.kind for _, outcome in outcomes}
    kind = kinds.pop() if len(kinds) == 1 else "several"
    return Adjustment(kind=kind, note=f"each day has its own: {'; '.join(words)}")


def _days(outcomes: Sequence[tuple[Case, Outcome]]) -> tuple[CandidateDay, ...]:
    """Return every candidate once, with its use for each part in words; most recent first."""
    uses = [(case.event_day, row) for case, outcome in outcomes for row in outcome.days]
    days = sorted({row.candidate_date for _, row in uses}, reverse=True)
    return tuple(_day(day, [use for use in uses if use[1].candidate_date == day]) for day in days)


def _day(day: date, uses: Sequence[tuple[date, CandidateDay]]) -> CandidateDay:
    return CandidateDay(
        candidate_date=day,
        use=min((row.use for _, row in uses), key=_BETTER_FIRST.index),
        reason="; ".join(f"for {part_day}: {row.reason}" for part_day, row in uses),
        window_power_kw_mean=uses[0][1].window_power_kw_mean if len(uses) == 1 else None,
    )
