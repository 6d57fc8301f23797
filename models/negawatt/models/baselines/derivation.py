"""What became of each day that a rule looked at, in words an auditor can check.

Not here: the decisions themselves (eligibility.py, low_usage.py, fallback.py, x_of_y.py).
"""

import math
from collections.abc import Sequence

from negawatt.models.baselines.fallback import Screened
from negawatt.models.baselines.result import CandidateDay, DayUse
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE


def derivation(
    screened: Screened,
    considered: Sequence[int],
    selected: Sequence[int],
    interval_minutes: int,
) -> tuple[CandidateDay, ...]:
    """Return the days, most recent first; days beyond the last one ranked are left out.

    Args:
        screened: Every day of the look-back, nearest first.
        considered: Rows of the days that were ranked.
        selected: Rows of the days that were averaged.
        interval_minutes: Length of the rule's intervals [min].
    """
    looked_at = screened.looked_at
    older_left = len(considered) < len(screened.eligible)
    listed = max(considered) + 1 if older_left else len(looked_at.days)
    per_h = S_PER_H / (interval_minutes * S_PER_MINUTE)
    means_kw = (looked_at.window_kwh[:listed].mean(axis=1) * per_h).tolist()
    used = dict.fromkeys(considered, DayUse.CONSIDERED) | dict.fromkeys(selected, DayUse.SELECTED)
    rows = []
    for row in range(listed):
        use = used.get(row, DayUse.DROPPED)
        mean_kw = means_kw[row]
        rows.append(
            CandidateDay(
                candidate_date=looked_at.days[row],
                use=use,
                reason=_reason(screened, row, use),
                window_power_kw_mean=None if math.isnan(mean_kw) else mean_kw,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.candidate_date, reverse=True))


def _reason(screened: Screened, row: int, use: DayUse) -> str:
    reason = screened.looked_at.reasons[row]
    if use is DayUse.DROPPED:
        return reason or screened.low_usage.get(row, "not needed")
    back = f"{reason}, readmitted: too few other days; " if reason else ""
    return f"{back}averaged" if use is DayUse.SELECTED else f"{back}ranked, not averaged"
