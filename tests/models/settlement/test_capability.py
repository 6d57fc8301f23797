"""What a site can promise: bounds by order statistics, and what too few events cannot say.

The small event: 50.001 of 200.001 kWh are 0.25 of its baseline.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.capability import Capability, capability
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.verification.verdict import Outcome

pytestmark = pytest.mark.slow

Settle = Callable[..., StatementBody]
FIRST_UTC = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


def moved(body: StatementBody, start_utc: datetime, *, met: bool = True) -> StatementBody:
    """Return the event at another time; its lines move with it."""
    by = start_utc - body.event.interval.start_utc
    interval = Interval(start_utc, body.event.interval.end_utc + by)
    verdict = replace(body.verdicts.baseline, outcome=Outcome.MET if met else Outcome.NOT_MET)
    return replace(
        body,
        statement_id=f"s.{start_utc.isoformat()}",
        event=replace(body.event, interval=interval),
        lines=tuple(
            replace(
                line,
                interval_start_utc=line.interval_start_utc + by,
                interval_end_utc=line.interval_end_utc + by,
            )
            for line in body.lines
        ),
        verdicts=replace(body.verdicts, baseline=verdict),
    )


def events(settle: Settle, count: int) -> list[StatementBody]:
    """Return events of one a day at 16:00 UTC, noon in New York, that delivered 0.25, 0.26, ..."""
    return [
        moved(settle(metered_kwh=(70.0 - n, 80.0 - n)), FIRST_UTC + n * DAY + timedelta(hours=16))
        for n in range(count)
    ]


def load_of(days: int, interval_minutes: int = 60) -> LoadSeries:
    """Return a load of 100 kW on the first day, 101 on the second, and so on."""
    per_day = 24 * 60 // interval_minutes
    per_h = 60 // interval_minutes
    return LoadSeries(
        meter_id="m",
        start_utc=FIRST_UTC,
        interval_minutes=interval_minutes,
        energy_kwh=np.repeat(100.0 + np.arange(days), per_day) / per_h,
        coverage_ratio=np.ones(days * per_day),
    )


def cell(found: Capability, season: str, hour: int) -> tuple[float | None, int, int]:
    (one,) = [c for c in found.cells if (c.season, c.local_hour) == (season, hour)]
    return one.deliverable_kw, one.day_count, one.event_count


def test_twelve_events_and_a_season_of_load_are_the_least_that_say_something(
    settle: Settle,
) -> None:
    """At 90 %: the least of 12 shares, 50.001 / 200.001, times the least load of 49 days or more.

    Hour 3 of New York is 07:00 UTC; 61 days of June and July have it, the least with 100 kW.
    """
    load = load_of(61)

    twelve = capability("s", events(settle, 12), load, NEW_YORK)
    eleven = capability("s", events(settle, 11), load, NEW_YORK)

    assert cell(twelve, "Jun-Aug", 3)[0] == pytest.approx(100 * 50.001 / 200.001)
    assert cell(twelve, "Jun-Aug", 3)[1:] == (61, 0)
    assert cell(eleven, "Jun-Aug", 3)[0] is None
    assert {c.reason for c in eleven.cells} == {"too few events for this confidence: 11"}


def test_hours_of_events_are_no_load_without_an_event(settle: Settle) -> None:
    """12:00 and 13:00 in New York, on 12 of 61 days."""
    found = capability("s", events(settle, 12), load_of(61), NEW_YORK)

    assert cell(found, "Jun-Aug", 12)[1:] == (49, 12)
    assert cell(found, "Jun-Aug", 14)[1:] == (61, 0)


def test_a_season_without_load_is_not_known(settle: Settle) -> None:
    found = capability("s", events(settle, 12), load_of(61), NEW_YORK)
    nothing = capability("s", events(settle, 12), None, NEW_YORK)

    assert cell(found, "Dec-Feb", 3) == (None, 0, 0)
    assert all(c.deliverable_kw is None for c in nothing.cells)


def test_finer_load_that_starts_inside_an_hour_is_rolled_up_to_whole_hours(
    settle: Settle,
) -> None:
    whole = load_of(61, interval_minutes=15)
    late = LoadSeries(
        meter_id="m",
        start_utc=whole.start_utc + whole.interval,
        interval_minutes=15,
        energy_kwh=whole.energy_kwh[1:],
        coverage_ratio=whole.coverage_ratio[1:],
    )

    found = capability("s", events(settle, 12), late, UTC)

    assert cell(found, "Jun-Aug", 0)[1] == 60
    assert cell(found, "Jun-Aug", 1)[1] == 61


def test_an_hour_that_was_not_wholly_measured_does_not_count(settle: Settle) -> None:
    load = load_of(61)
    load.coverage_ratio[7] = 0.5

    assert cell(capability("s", events(settle, 12), load, NEW_YORK), "Jun-Aug", 3)[1] == 60


def test_how_long_how_often_and_how_sure_are_what_was_seen(settle: Settle) -> None:
    """Ten events of two hours a day apart, the last one not met: 22 h of rest, nine of ten.

    The exact lower bound of nine of ten at 90 % is 0.6632 (Clopper and Pearson, two-sided 80 %).
    """
    bodies = events(settle, 9)
    last_utc = FIRST_UTC + 9 * DAY + timedelta(hours=16)
    bodies.append(moved(settle(), last_utc, met=False))

    found = capability("s", bodies, None, UTC)

    assert (found.met_count, found.judged_count, found.event_count) == (9, 10, 10)
    assert found.longest_met_h == 2.0
    assert found.shortest_rest_h == 22.0
    assert found.met_ratio_low == pytest.approx(0.6632, abs=5e-5)
    assert found.best_confidence_ratio == pytest.approx(10 / 11)


def test_most_in_30_days_counts_months_in_which_every_event_was_met(settle: Settle) -> None:
    """Three in a row, then one that failed 40 days later, and one more 40 days after that."""
    start_utc = FIRST_UTC + timedelta(hours=16)
    bodies = [moved(settle(), start_utc + n * DAY) for n in (0, 1, 2, 80)]
    bodies.append(moved(settle(), start_utc + 40 * DAY, met=False))

    assert capability("s", bodies, None, UTC).most_in_30_days_count == 3


def test_how_fast_is_not_known_where_an_event_never_reached_its_limit(settle: Settle) -> None:
    """The small event has 70 kW of 75 in its first hour: reached at once."""
    fast = events(settle, 9)
    never = replace(fast[0], response=None)

    assert capability("s", fast, None, UTC).reached_minutes_high == 0.0
    assert capability("s", [never, *fast[1:]], None, UTC).reached_minutes_high is None


def test_nothing_is_known_without_an_event() -> None:
    found = capability("s", [], load_of(61), UTC)

    assert (found.delivered_ratio_low, found.best_confidence_ratio, found.met_ratio_low) == (
        None,
        None,
        None,
    )
    assert all(c.deliverable_kw is None for c in found.cells)


def test_the_order_of_events_never_matters(settle: Settle) -> None:
    bodies = events(settle, 12)

    assert capability("s", bodies, load_of(61), UTC) == capability(
        "s", bodies[::-1], load_of(61), UTC
    )


def test_a_confidence_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence_ratio"):
        capability("s", [], None, UTC, confidence_ratio=1.0)
