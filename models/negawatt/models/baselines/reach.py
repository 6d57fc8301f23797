"""How much of a load a rule can look at: the rest need not be converted or copied.

Not here: what is done with it (case.py).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from negawatt.models.baselines.dispatch import dispatch_window
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_fallback import ExtendLookback
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

_MARGIN: Final = timedelta(days=3)  # windows reach into neighboring days, and clocks away from UTC
_LEAST_REACH: Final = timedelta(days=31)  # the low-usage seed looks back 30 days


def within_reach(
    rule: BaselineRule, load: LoadSeries, event: Interval, others: tuple[Interval, ...]
) -> LoadSeries:
    """Return the load that a rule may look at, cut whole days after its start: its grid stays.

    Args:
        rule: The rule.
        load: The load.
        event: The event window.
        others: Other events of the site.
    """
    reach = _reach(rule, event, others)
    if load.interval_minutes > rule.interval_minutes and rule.coarser_data == "refuse":
        return load  # refused in full
    if timedelta(days=1) % load.interval:
        return load
    first = max((reach.start_utc - load.start_utc) // timedelta(days=1), 0)
    first_position = first * (timedelta(days=1) // load.interval)
    last_position = -((load.start_utc - reach.end_utc) // load.interval)
    if first_position >= len(load.energy_kwh) or last_position <= first_position:
        return load
    kept = slice(first_position, last_position)
    return replace(
        load,
        start_utc=load.start_utc + load.interval * first_position,
        energy_kwh=load.energy_kwh[kept],
        coverage_ratio=load.coverage_ratio[kept],
    )


def _reach(rule: BaselineRule, event: Interval, others: tuple[Interval, ...]) -> Interval:
    """Return a span outside which the rule looks at nothing."""
    back = ahead = _MARGIN
    if rule.lookback is not None:
        steps = [s for s in rule.insufficient_days if isinstance(s, ExtendLookback)]
        furthest = max([rule.lookback.max_calendar_days, *(s.extend_lookback_to for s in steps)])
        back += max(timedelta(days=furthest), _LEAST_REACH)
        shape = rule.rank.shape if rule.rank is not None else None
        back += timedelta(days=shape.days_before if shape is not None else 0)
        ahead += timedelta(days=furthest) if rule.lookback.direction == "both" else timedelta(0)
    whole = dispatch_window(event, others)
    return Interval(whole.start_utc - back, whole.end_utc + ahead)
