"""Days that the site's facts, the season or a count drop; and what is done with too few."""

from datetime import date

import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult, DayUse
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from tests.models.baselines.conftest import daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")  # a Wednesday
LOAD = load_of(daily({}), date(2026, 4, 1), date(2026, 7, 15))
TUESDAY = date(2026, 7, 14)
MONDAY = window("2026-07-13T17:00", "2026-07-13T19:00")


def result_of(
    *overrides: str,
    site: SiteInputs | None = None,
    others: tuple[Interval, ...] = (),
    program_id: str = "pjm_economic_3day",
) -> BaselineResult:
    rule = load_program(program_id, overrides=("adjustment.type=none", *overrides))
    return compute_baseline(rule, LOAD, EVENT, other_event_windows=others, site=site)


def reason(result: BaselineResult, day: date) -> str:
    return next(d.reason for d in result.days if d.candidate_date == day)


@pytest.mark.parametrize(
    ("override", "site", "said"),
    [
        (
            "exclusions.outage_days=true",
            SiteInputs(outage_days=frozenset({TUESDAY})),
            "outage",
        ),
        (
            "exclusions.declared_shutdown_days={}",
            SiteInputs(shutdown_days=frozenset({TUESDAY})),
            "declared shutdown",
        ),
        (
            "exclusions.other_program_event_days=true",
            SiteInputs(other_program_windows=[window("2026-07-14T01:00", "2026-07-14T02:00")]),
            "event day of another program",
        ),
        (
            "exclusions.notified_not_dispatched=true",
            SiteInputs(undispatched_windows=[window("2026-07-14T01:00", "2026-07-14T02:00")]),
            "notified, not dispatched",
        ),
    ],
)
def test_a_fact_of_the_site_drops_a_day_where_the_rule_asks_for_it(
    override: str, site: SiteInputs, said: str
) -> None:
    assert reason(result_of(override, site=site), TUESDAY) == said
    without = "exclusions.other_program_event_days=false"
    assert reason(result_of(without, site=site), TUESDAY).startswith(("averaged", "ranked"))


def test_only_settled_events_drop_their_day_where_the_rule_says_so() -> None:
    denied = SiteInputs(denied_windows=[MONDAY])
    settled_only = "exclusions.own_event_days=settled_only"
    day = date(2026, 7, 13)

    assert reason(result_of(settled_only, others=(MONDAY,)), day) == "event day"
    assert reason(result_of(settled_only, others=(MONDAY,), site=denied), day) == "averaged"
    assert reason(result_of(others=(MONDAY,), site=denied), day) == "event day"


def test_more_shutdown_days_than_the_program_takes_are_refused() -> None:
    """Two of a season are allowed; three in June are declared, one of them the year before."""
    overrides = (
        "exclusions.declared_shutdown_days={max_per_season=2}",
        'seasons=[{name="summer", months=[6, 7, 8, 9]}]',
    )
    allowed = frozenset({date(2026, 6, 1), date(2026, 6, 2), date(2025, 6, 3)})

    assert result_of(*overrides, site=SiteInputs(shutdown_days=allowed)).day_type == "weekday"
    with pytest.raises(DataRefusedError, match=r"of summer 2026: expected at most 2 .* found 3"):
        result_of(*overrides, site=SiteInputs(shutdown_days=allowed | {date(2026, 9, 30)}))


def test_days_of_another_season_are_dropped() -> None:
    """The event on 2 June is alone in its season but for 1 June: one of four days."""
    rule = load_program(
        "pjm_economic_3day",
        overrides=(
            "lookback.season_bound=true",
            'seasons=[{name="summer", months=[6, 7, 8, 9]}]',
        ),
    )
    load = load_of(daily({}), date(2026, 4, 1), date(2026, 6, 2))

    with pytest.raises(InsufficientHistoryError, match="found 1;"):
        compute_baseline(rule, load, window("2026-06-02T17:00", "2026-06-02T19:00"))


def test_no_more_days_of_the_type_are_looked_at_than_the_rule_says() -> None:
    """Of the nearest four weekdays one had an event: three of four."""
    with pytest.raises(InsufficientHistoryError, match="found 3;"):
        result_of("lookback.max_candidate_days=4", 'insufficient_days=["fail"]', others=(MONDAY,))


def test_the_look_back_is_extended_where_the_rule_allows_it() -> None:
    """Within three calendar days of Wednesday lie two weekdays, within eight five."""
    short = ("lookback.max_calendar_days=3", "insufficient_days=[{extend_lookback_to=8}]")

    kept = [d.candidate_date.day for d in result_of(*short).days if d.use is not DayUse.DROPPED]

    assert kept == [14, 13, 10, 9, 8]


def test_another_rule_computes_where_the_rule_says_so_and_a_finding_tells() -> None:
    """No day of three: CAISO's ten days instead."""
    result = result_of(
        "lookback.max_calendar_days=1",
        "insufficient_days=[{switch_to='caiso_10_in_10'}]",
    )

    codes = {finding.code: finding for finding in result.findings}
    assert sum(d.use is DayUse.SELECTED for d in result.days) == 10
    assert codes[FindingCode.RULE_SWITCHED].evidence == {
        "program_id": "caiso_10_in_10",
        "found_count": 1,
        "required_count": 4,
    }
    assert result.program_id == "pjm_economic_3day"


def test_outage_days_come_back_with_event_days_only_where_the_rule_says_so() -> None:
    """Five days of look-back hold three weekdays; one had an event, one an outage."""
    site = SiteInputs(outage_days=frozenset({TUESDAY}))
    overrides = ("lookback.max_calendar_days=5", "exclusions.outage_days=true")
    readmit = "{readmit_event_days={order='most_recent', until='min_days'%s}}"
    least = "day_types.weekday.min_days=3"

    with pytest.raises(InsufficientHistoryError, match="found 2;"):
        result_of(
            *overrides, least, f"insufficient_days=[{readmit % ''}]", site=site, others=(MONDAY,)
        )
    both = result_of(
        *overrides,
        least,
        f"insufficient_days=[{readmit % ', with_outage_days=true'}]",
        site=site,
        others=(MONDAY,),
    )

    assert reason(both, TUESDAY) == "outage, readmitted: too few other days; averaged"
