"""What became of each day that a rule looked at, in words an auditor can check.

Not here: the decisions themselves (eligibility.py, low_usage.py, fallback.py, x_of_y.py).
"""

from collections.abc import Sequence

import numpy as np

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
    means_kwh = looked_at.window_kwh.mean(axis=1)
    per_h = S_PER_H / (interval_minutes * S_PER_MINUTE)
    used = dict.fromkeys(considered, DayUse.CONSIDERED) | dict.fromkeys(selected, DayUse.SELECTED)
    rows = []
    for row in range(listed):
        use = used.get(row, DayUse.DROPPED)
        mean_kwh = float(means_kwh[row])
        rows.append(
            CandidateDay(
                candidate_date=looked_at.days[row],
                use=use,
                reason=_reason(screened, row, use),
                window_power_kw_mean=None if np.isnan(mean_kwh) else mean_kwh * per_h,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.candidate_date, reverse=True))


def _reason(screened: Screened, row: int, use: DayUse) -> str:
    reason = screened.looked_at.reasons[row]
    if use is DayUse.DROPPED:
        return reason or screened.low_usage.get(row, "not needed")
    back = f"{reason}, readmitted: too few other days; " if reason else ""
    return f"{back}averaged" if use is DayUse.SELECTED else f"{back}ranked, not averaged"
