"""What two or more keys of a program file must have in common.

Here: refusals of files whose keys do not fit each other. Not here: the range of one key
(rule*.py), and what the keys mean.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

if TYPE_CHECKING:
    from negawatt.models.baselines.rule import RuleFile

EARLIER_DAYS: Final = (
    "x_of_y",
    "match_day",
    "weather_match",
    "rolling_average",
    "maximum_base_load",
    "generator_output",
)
"""Algorithms of one engine: eligible days, a rank, an aggregate, an adjustment."""

_TABLE_OF: Final[Mapping[str, str]] = {
    "same_day": "same_day",
    "regression": "regression",
    "firm_service_level": "level",
    "guaranteed_load_drop": "level",
    "average_coincident_load": "coincident_load",
    "control_group": "control_group",
    "nominated": "nominated",
}
"""The table that describes an algorithm which does not rank days."""
_METRIC_OF: Final = {"match_day": "shape_distance", "weather_match": "temperature_distance"}
_MINUTES_PER_H: Final = S_PER_H // S_PER_MINUTE


def check_rule(rule: "RuleFile") -> None:
    """Refuse a rule whose keys do not fit each other.

    Raises:
        ValueError: The first that does not fit.
    """
    _check_algorithm(rule)
    _check_days(rule)
    _check_names(rule)
    _check_weights(rule)
    if (rule.dst_policy == "standard_time") != (rule.settlement_clock.mode == "standard"):
        raise ValueError("dst_policy 'standard_time' and clock mode 'standard' belong together")
    if rule.low_usage.reference in ("max_hourly_in_event_window_30d", "running_mean") and (
        rule.interval_minutes != _MINUTES_PER_H
    ):
        raise ValueError("a maximum of hourly load needs interval_minutes = 60")


def _check_algorithm(rule: "RuleFile") -> None:
    needed = _TABLE_OF.get(rule.algorithm)
    stated = [name for name in sorted(set(_TABLE_OF.values())) if getattr(rule, name) is not None]
    if stated != ([] if needed is None else [needed]):
        raise ValueError(
            f"{rule.algorithm!r} needs "
            f"{'no table of another algorithm' if needed is None else f'the table {needed}'}, "
            f"got {', '.join(stated) or 'none'}"
        )
    if (rule.comparison is not None) != (rule.algorithm == "guaranteed_load_drop"):
        raise ValueError("'guaranteed_load_drop' names its comparison, and no other does")
    if rule.lookback is not None and rule.lookback.season_bound and not rule.seasons:
        raise ValueError("season_bound needs seasons")
    shutdown = rule.exclusions.declared_shutdown_days
    if shutdown and shutdown.max_per_season is not None and not rule.seasons:
        raise ValueError("max_per_season needs seasons")


def _check_days(rule: "RuleFile") -> None:
    ranks = rule.algorithm in EARLIER_DAYS
    uses_days = ranks or rule.algorithm == "regression"
    stated = bool(rule.day_types) and rule.lookback is not None
    if uses_days and not stated:
        raise ValueError(f"{rule.algorithm!r} needs day_types and lookback")
    if ranks != (rule.rank is not None):
        raise ValueError(f"{rule.algorithm!r} {'needs a' if ranks else 'takes no'} rank")
    if not uses_days and (rule.day_types or rule.lookback or rule.adjustment.kind != "none"):
        raise ValueError(f"{rule.algorithm!r} takes no day_types, lookback or adjustment")
    if not ranks and (rule.baseline_hours is not None or rule.flat != "none"):
        raise ValueError(f"{rule.algorithm!r} takes neither baseline_hours nor flat")
    for day_type in rule.day_types:
        counts = (day_type.selected_count, day_type.considered_count, day_type.min_days)
        if ranks != all(counts) or ranks != any(counts):
            raise ValueError(
                f"day type {day_type.name!r}: {rule.algorithm!r} "
                f"{'needs' if ranks else 'takes no'} X, Y and min_days, got {counts}"
            )
    metric = _METRIC_OF.get(rule.algorithm)
    if metric is not None and rule.rank is not None and rule.rank.metric != metric:
        raise ValueError(f"{rule.algorithm!r} needs rank metric {metric!r}")


def _check_weights(rule: "RuleFile") -> None:
    weighted = rule.aggregator == "weighted_mean"
    for day_type in rule.day_types:
        if len(day_type.weights) != (day_type.selected_count if weighted else 0):
            raise ValueError(
                f"day type {day_type.name!r}: 'weighted_mean' needs X weights and no other "
                f"aggregator takes any, got {len(day_type.weights)}"
            )
    if rule.rank is not None and rule.rank.scope == "interval":
        if weighted:
            raise ValueError("'weighted_mean' weighs days by recency and needs rank scope 'day'")
        if rule.aggregator == "rolling":
            raise ValueError("'rolling' follows days in order and needs rank scope 'day'")
    rolls = {rule.aggregator == "rolling", rule.rolling is not None}
    if len(rolls | {rule.algorithm == "rolling_average"}) > 1:
        raise ValueError("'rolling_average', aggregator 'rolling' and table rolling go together")


def _check_names(rule: "RuleFile") -> None:
    names = [day_type.name for day_type in rule.day_types]
    targets = {d.holiday_as for d in rule.day_types if d.holiday_as is not None}
    dows = [dow for day_type in rule.day_types for dow in day_type.dows]
    if len(set(names)) < len(names) or len(set(dows)) < len(dows):
        raise ValueError("each day type needs its own name and its own days of the week")
    if not targets <= set(names):
        raise ValueError(f"holiday_as must name a day type, got {sorted(targets - set(names))}")
    months = [month for season in rule.seasons for month in season.months]
    if len(set(months)) < len(months):
        raise ValueError(f"each month belongs to one season, got {sorted(months)}")
    cited = {fact.source_id for fact in rule.facts}
    known = {source.source_id for source in rule.sources}
    if not cited <= known:
        raise ValueError(f"facts must cite a source of the file, got {sorted(cited - known)}")
