"""Each morning, on each program's clock, what needs a person is told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

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


NEW_YORK, BRISBANE = "America/New_York", "Australia/Brisbane (standard time)"


@pytest.mark.parametrize(
    ("moment_utc", "mornings"),
    [
        (datetime(2026, 7, 2, 10, tzinfo=UTC), [(BRISBANE, "2026-07-02")]),
        (
            datetime(2026, 7, 2, 11, tzinfo=UTC),
            [(NEW_YORK, "2026-07-02"), (BRISBANE, "2026-07-02")],
        ),
        (datetime(2026, 12, 2, 11, tzinfo=UTC), [(BRISBANE, "2026-12-02")]),
        (
            datetime(2026, 12, 2, 12, tzinfo=UTC),
            [(NEW_YORK, "2026-12-02"), (BRISBANE, "2026-12-02")],
        ),
        (datetime(2026, 7, 1, 20, tzinfo=UTC), [(NEW_YORK, "2026-07-01")]),
        (
            datetime(2026, 7, 1, 21, tzinfo=UTC),
            [(NEW_YORK, "2026-07-01"), (BRISBANE, "2026-07-02")],
        ),
        (datetime(2026, 7, 2, 5, tzinfo=UTC), [(BRISBANE, "2026-07-02")]),
    ],
)
def test_it_is_seven_or_later_on_the_programs_clock(
    two_programs: Layout,
    instance: dg.DagsterInstance,
    moment_utc: datetime,
    mornings: list[tuple[str, str]],
) -> None:
    """New York is 4 h behind UTC in summer and 5 h in winter, Brisbane 10 h ahead all year."""
    assert _asked(two_programs, instance, moment_utc) == mornings


def test_each_morning_is_asked_for_once_also_where_nothing_ran_at_seven(
    two_programs: Layout, instance: dg.DagsterInstance
) -> None:
    """Looks of two days, but none from 9 to 14 UTC of the first: New York's seven is 11 UTC."""
    start_utc = datetime(2026, 7, 1, 21, tzinfo=UTC)
    hours = [hour for hour in range(48) if not 12 <= hour < 18]
    asked = {
        hour: _asked(two_programs, instance, start_utc + timedelta(hours=hour), runs=True)
        for hour in hours
    }

    assert {hour: found for hour, found in asked.items() if found} == {
        0: [(NEW_YORK, "2026-07-01"), (BRISBANE, "2026-07-02")],
        18: [(NEW_YORK, "2026-07-02")],
        24: [(BRISBANE, "2026-07-03")],
        38: [(NEW_YORK, "2026-07-03")],
    }


@pytest.fixture
def two_programs(layout: Layout) -> Layout:
    other = event_rows(event_id="e2", program_id="aemo_wdr_10_of_10")
    seal_rows(layout, "raw_grid__events", SITE, "other", other)
    return layout


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def _asked(
    layout: Layout, instance: dg.DagsterInstance, moment_utc: datetime, *, runs: bool = False
) -> list[tuple[str, str]]:
    """Return the clocks and days that the schedule asks for; the runs become known as asked."""
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment_utc,
        resources={"warehouse": WarehouseResource(root=str(layout.root))},
    ) as context:
        requests = remind_in_the_morning.evaluate_tick(context).run_requests or []
    found = []
    for one in requests:
        config = dict(one.run_config)["ops"]["remind"]["config"]
        found.append((config["clock"], config["day"]))
        if runs:
            instance.create_run_for_job(reminders, run_config=one.run_config, tags=one.tags)
    return found


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
