"""Days of shutdown that a site declared, as many as a program takes out of one season.

Not here: other reasons to drop a day (eligibility.py).
"""

from collections import Counter
from datetime import date

from negawatt.models.baselines.calendar import season_of
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError


def shutdown_days(rule: BaselineRule, declared: frozenset[date]) -> frozenset[date]:
    """Return the declared days that the program takes out.

    Args:
        rule: The program's rule.
        declared: What the site declared.

    Raises:
        DataRefusedError: More days of one season and year than the program takes.
    """
    limit = rule.exclusions.declared_shutdown_days
    if limit is None or limit.max_per_season is None:
        return declared
    counts = Counter((day.year, season_of(rule, day)) for day in declared)
    for (year, season), count in sorted(counts.items(), key=str):
        if count > limit.max_per_season:
            raise DataRefusedError(
                thing=f"declared shutdown days of {season or 'no season'} {year}",
                expected=f"at most {limit.max_per_season} under rule {rule.rule_id!r}",
                found=str(count),
                remedy="state the days that the program accepted",
            )
    return declared
