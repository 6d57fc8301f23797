"""Keys of a program file that do not fit each other."""

import pytest

from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("program_id", "override", "said"),
    [
        ("pjm_economic_3day", "algorithm=match_day", "'match_day' needs rank metric"),
        ("pjm_economic_3day", "algorithm=rolling_average", "go together"),
        ("pjm_economic_3day", "algorithm=regression", "needs the table regression, got none"),
        ("pjm_economic_3day", "algorithm=nominated", "needs the table nominated"),
        ("pjm_economic_3day", "comparison=caiso_10_in_10", "names its comparison"),
        ("pjm_economic_3day", "level={source='firm_service_level_kw'}", "got level"),
        ("pjm_economic_3day", "rank.order=nearest", "a distance with 'nearest'"),
        ("pjm_economic_3day", "rank.shape={buffer_h=1}", "needs a table shape"),
        ("pjm_economic_3day", "lookback.season_bound=true", "season_bound needs seasons"),
        (
            "pjm_economic_3day",
            "exclusions.declared_shutdown_days={max_per_season=3}",
            "max_per_season needs seasons",
        ),
        (
            "pjm_economic_3day",
            "seasons=[{name='a', months=[1]}, {name='b', months=[1, 2]}]",
            "each month belongs to one season",
        ),
        ("pjm_economic_3day", "low_usage.upper_in_second_pass=true", "needs an upper_threshold"),
        ("nyiso_average_day", "low_usage.reference_count=3", "need reference 'mean_of_candidates'"),
        ("coned_csrp", "interval_minutes=15", "a maximum of hourly load"),
        ("pjm_economic_3day", "adjustment.type=weather", "'weather' needs no window"),
        (
            "pjm_economic_3day",
            "adjustment.cap={kind='ratio', lower=1, upper=2}",
            "does not fit type 'additive'",
        ),
        ("pjm_match_day", "rank.scope=interval", "a distance ranks whole days"),
        ("isone_90_10", "rank.scope=interval", "follows days in order"),
        ("isone_90_10", "aggregator=mean", "go together"),
        ("pjm_capacity_fsl", "adjustment={type='weather'}", "takes no day_types, lookback"),
        ("pjm_capacity_fsl", "flat=mean", "takes neither baseline_hours nor flat"),
        ("pjm_capacity_fsl", "rank={metric='recency', order='most_recent'}", "takes no rank"),
        ("ercot_ers_regression", "day_types.all.Y=3", "takes no X, Y and min_days, got (0, 3, 0)"),
        ("nyiso_scr_acl", "coincident_load.highest_count=41", "must not exceed system_hours (40)"),
        (
            "centerpoint_load_management",
            "baseline_hours.window={start_h=-1, end_h=1}",
            "reads the event day: end_h must not be after 0",
        ),
        ("pjm_synchronized_reserve", "same_day.into_event_minutes=0", "before.end_h must not be"),
        ("pjm_economic_3day", "holiday_calendar=national:us", "holiday_calendar"),
    ],
)
def test_keys_that_do_not_fit_are_refused(program_id: str, override: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_program(program_id, overrides=(override,))

    assert said in str(refused.value)
