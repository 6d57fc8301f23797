"""Each morning, on each program's clock, what needs a person is told."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from negawatt.pipelines.alerts.reminders import remind_in_the_morning, reminders, silent_sites
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.run import run_daily_metering
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.conftest import AFTER_UTC, EVENT, LAST_DAY, SITE, event_rows

pytestmark = pytest.mark.slow  # importing Dagster takes seconds


@pytest.mark.parametrize(
    ("moment_utc", "clocks"),
    [
        (datetime(2026, 7, 2, 11, tzinfo=UTC), ["America/New_York"]),
        (datetime(2026, 12, 2, 12, tzinfo=UTC), ["America/New_York"]),
        (datetime(2026, 7, 1, 21, tzinfo=UTC), ["Australia/Brisbane (standard time)"]),
        (datetime(2026, 7, 2, 10, tzinfo=UTC), []),
    ],
)
def test_it_is_seven_on_the_programs_clock(
    layout: Layout, moment_utc: datetime, clocks: list[str]
) -> None:
    """New York is 4 h behind UTC in summer and 5 h in winter, Brisbane 10 h ahead all year."""
    other = event_rows(event_id="e2", program_id="aemo_wdr_10_of_10")
    seal_rows(layout, "raw_grid__events", SITE, "other", other)
    context = dg.build_schedule_context(
        scheduled_execution_time=moment_utc,
        resources={"warehouse": WarehouseResource(root=str(layout.root))},
    )

    asked = remind_in_the_morning.evaluate_tick(context).run_requests or []

    configs = [dict(one.run_config)["ops"]["remind"]["config"] for one in asked]
    assert configs == [
        {"clock": one, "day": "2026-" + moment_utc.strftime("%m-02")} for one in clocks
    ]


def _remind(layout: Layout, clock: str) -> None:
    config = {"clock": clock, "day": "2026-07-02"}
    reminders.execute_in_process(
        run_config={
            "ops": {"remind": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "ERROR"}}},
        },
        resources={
            "warehouse": WarehouseResource(root=str(layout.root)),
            "clock": ClockResource(fixed_utc=AFTER_UTC.isoformat()),
        },
    )


def test_the_morning_lists_the_exceptions_of_its_clock_and_the_silent_sites(
    layout: Layout, receiver: Receiver
) -> None:
    """The event of 30 June is over and not metered; of its site nothing was ever metered."""
    layout.alerts_file.write_text(f'url = "{receiver.url}"\n')

    _remind(layout, "America/New_York")
    _remind(layout, "Asia/Tokyo")

    new_york, tokyo = receiver.alerts
    assert [(one["subject"], one["kind"]) for one in new_york["items"]] == [(EVENT, "not settled")]
    assert new_york["text"] == (
        f"2026-07-02 in America/New_York: 1 not settled; no reading of site {SITE} for 60 days"
    )
    assert (tokyo["items"], tokyo["silent_sites"]) == ([], {SITE: None})


def test_a_site_is_silent_once_a_whole_day_is_missing(layout: Layout) -> None:
    run_daily_metering(layout, SITE, LAST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    next_noon = datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), UTC)

    assert silent_sites(layout, next_noon) == {}
    assert silent_sites(layout, next_noon + timedelta(days=1)) == {SITE: date(2026, 6, 30)}
