"""What became of each day that a rule looked at, in words an auditor can check.

Not here: the decisions themselves (eligibility.py, low_usage.py, fallback.py, x_of_y.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.eligibility import Candidate
from negawatt.models.baselines.result import CandidateDay, DayUse


def derivation(
    case: Case,
    looked_at: Sequence[Candidate],
    low_usage: Mapping[date, str],
    considered: Sequence[Candidate],
    selected: Sequence[Candidate],
) -> tuple[CandidateDay, ...]:
    """Return the days, most recent first; days beyond the last one ranked are left out.

    Args:
        case: What is computed.
        looked_at: Every day of the look-back, nearest first.
        low_usage: Reasons of the low-usage screen, by day.
        considered: The days that were ranked.
        selected: The days that were averaged.
    """
    eligible_count = sum(_eligible(candidate, low_usage) for candidate in looked_at)
    older_left = len(considered) < eligible_count
    last = max(looked_at.index(candidate) for candidate in considered)
    listed = looked_at[: last + 1] if older_left else looked_at
    rows = [_row(case, candidate, low_usage, considered, selected) for candidate in listed]
    return tuple(sorted(rows, key=lambda row: row.candidate_date, reverse=True))


def _eligible(candidate: Candidate, low_usage: Mapping[date, str]) -> bool:
    return not candidate.reason and candidate.day not in low_usage


def _row(
    case: Case,
    candidate: Candidate,
    low_usage: Mapping[date, str],
    considered: Sequence[Candidate],
    selected: Sequence[Candidate],
) -> CandidateDay:
    back = f"{candidate.reason}, readmitted: too few other days; " if candidate.reason else ""
    if candidate in selected:
        use, reason = DayUse.SELECTED, f"{back}averaged"
    elif candidate in considered:
        use, reason = DayUse.CONSIDERED, f"{back}ranked, not averaged"
    else:
        use = DayUse.DROPPED
        reason = candidate.reason or low_usage.get(candidate.day, "not needed")
    power_kw = candidate.window_power_kw_mean(case.rule.interval_minutes)
    return CandidateDay(
        candidate_date=candidate.day,
        use=use,
        reason=reason,
        window_power_kw_mean=None if np.isnan(power_kw) else power_kw,
    )
