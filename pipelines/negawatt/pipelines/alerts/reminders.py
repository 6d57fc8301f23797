"""The morning's alert, on the clock of each program: what needs a person before its deadline.

Here: the schedule, its job, and sites of which no readings come. Not here: what is an exception
(negawatt.pipelines.review).
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import dagster as dg
import polars as pl

from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.registry import load_program
from negawatt.models.settlement.review import ReviewKind
from negawatt.pipelines.alerts import messages
from negawatt.pipelines.alerts.settings import read_alert_settings
from negawatt.pipelines.alerts.webhook import send
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.review import facts_of, review
from negawatt.pipelines.selection import Selection
from negawatt.pipelines.settlement import LOAD_TABLE
from negawatt.warehouse.delta_tables import distinct_rows
from negawatt.warehouse.event_tables import all_events
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import read_sites

HOUR: Final = 7
_MORNING: Final = "negawatt/morning"
WITHIN_DAYS: Final = 14
_LOOK_BACK: Final = timedelta(days=60)


class ReminderConfig(dg.Config):
    """Whose morning it is.

    Attributes:
        clock: Name of the clock of programs.
        day: The day there.
    """

    clock: str
    day: str


@dg.op(retry_policy=dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL))
def remind(
    context: dg.OpExecutionContext,
    config: ReminderConfig,
    warehouse: WarehouseResource,
    clock: ClockResource,
) -> None:
    """Send what needs a person of the programs on one clock; nothing where nothing does."""
    settings = read_alert_settings(warehouse.layout)
    now_utc = clock.now_utc()
    items = [
        facts_of(item)
        for item in review(warehouse.layout, Selection(), now_utc, within_days=WITHIN_DAYS)
        if item.kind is not ReviewKind.RULE_NOT_READ and _clock(item.program_id) == config.clock
    ]
    silent = silent_sites(warehouse.layout, now_utc)
    context.log.info("%d need a person, %d sites are silent", len(items), len(silent))
    if settings is not None and (items or silent):
        day = date.fromisoformat(config.day)
        said = messages.needs_a_person(
            clock=config.clock, day=day, items=items, silent=silent, now_utc=now_utc
        )
        send(settings, said)


@dg.job(description="Send what needs a person to the webhook of alerts.toml.")
def reminders() -> None:
    """Remind of what needs a person."""
    remind()


@dg.schedule(job=reminders, cron_schedule="0 * * * *", execution_timezone="UTC")
def remind_in_the_morning(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Remind once a day, from seven in the morning on, on the clock of each program with an event.

    Deadlines are days of a program's clock. Programs and sites come at run time, so that the
    schedule looks each hour whose morning it is. Where nothing ran at seven, it reminds later that
    day: Dagster makes up for the last tick that was missed only.
    """
    now_utc = context.scheduled_execution_time
    programs = {event.program_id for event in all_events(warehouse.layout)}
    asked = False
    for zone, day in sorted(_mornings(programs, now_utc)):
        tags = {_MORNING: f"{zone}:{day}"}
        if context.instance.get_runs_count(dg.RunsFilter(tags=tags)):
            continue
        asked = True
        config = {"clock": zone, "day": day.isoformat()}
        yield dg.RunRequest(
            run_key=tags[_MORNING], run_config={"ops": {"remind": {"config": config}}}, tags=tags
        )
    if not asked:
        yield dg.SkipReason("no program's clock has a morning of which nobody was reminded")


def silent_sites(layout: Layout, now_utc: datetime) -> dict[str, date | None]:
    """Return the sites whose settlement meter gave nothing for the whole UTC day before.

    Args:
        layout: Where the warehouse lies.
        now_utc: The time.

    Returns:
        The newest day of which something was metered, by site; None where that is longer ago than
        60 days.
    """
    yesterday = now_utc.date() - timedelta(days=1)
    newest = {}
    for site_id, site in sorted(read_sites(layout).items()):
        days = distinct_rows(
            layout,
            LOAD_TABLE,
            ["date"],
            (pl.col("site_id") == site_id)
            & (pl.col("meter_id") == site.settlement_meter_id)
            & (pl.col("date") >= yesterday - _LOOK_BACK),
        )["date"]
        newest[site_id] = max(days, default=None)
    return {site_id: day for site_id, day in newest.items() if day is None or day < yesterday}


def _mornings(program_ids: set[str], now_utc: datetime) -> Iterator[tuple[str, date]]:
    """Yield each clock on which it is the hour or later, with its day."""
    clocks = {_clock(program_id): program_id for program_id in program_ids}
    for name, program_id in clocks.items():
        local = now_utc.astimezone(program_clock(load_program(program_id).settlement_clock).zone)
        if local.hour >= HOUR:
            yield name, local.date()


def _clock(program_id: str) -> str:
    """Return the name of a program's clock."""
    clock = load_program(program_id).settlement_clock
    return clock.tz if clock.mode == "prevailing" else f"{clock.tz} (standard time)"
