"""Running the jobs from a program, headless, with the same instance that the UI shows.

Not here: what the jobs do, and words for people.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.errors import (
    DagsterAssetCheckFailedError,
    DagsterExecutionInterruptedError,
)

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, NegawattError
from negawatt.models.settlement.lifecycle import Decision
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines import partitions
from negawatt.pipelines.assets.core import day_spans
from negawatt.pipelines.assets.out import OverrideConfig
from negawatt.pipelines.definitions import build_definitions
from negawatt.pipelines.liveness import fail_killed_runs, run_of_a_command
from negawatt.pipelines.many import Settled
from negawatt.pipelines.publish import latest_statement
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.retries import BY_A_COMMAND
from negawatt.pipelines.settlement import load_window
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_days

# What a step refuses is raised to the caller; its trace is kept in the instance, not printed.
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# Whoever gave the command sees what became of it: the daemon does not try again.
_BY_A_COMMAND: Final = {**BY_A_COMMAND, "dagster/max_retries": "0"}


def dagster_home(layout: Layout) -> Path:
    """Return the folder of the Dagster instance that belongs to a warehouse, made if need be."""
    home = (layout.root / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(default_settings(), encoding="utf-8")
    return home


def default_settings() -> str:
    """Return the settings of a new instance, as YAML."""
    return resources.files("negawatt.pipelines").joinpath("instance.yaml").read_text("utf-8")


@contextmanager
def _instance(layout: Layout) -> Iterator[dg.DagsterInstance]:
    """Open a warehouse's instance, after what was killed since is marked as failed."""
    home = dagster_home(layout)
    try:
        instance = dg.DagsterInstance.from_config(str(home))
    except dg.DagsterInvalidConfigError as error:
        raise ConfigurationError(
            thing=f"file {str(home / 'dagster.yaml')!r}",
            expected="settings of a Dagster instance, and the environment variables in it",
            found="; ".join(one.message for one in error.errors) or str(error),
            remedy="correct the file, or set the variables as for the daemon",
        ) from error
    with instance:
        fail_killed_runs(instance, home)
        yield instance


def run_daily_metering(
    layout: Layout, site_id: str, first: date, last: date, *, fixed_utc: datetime | None = None
) -> None:
    """Run the daily metering job for a site, from one UTC day to another, both included.

    Args:
        layout: Where the warehouse lies.
        site_id: A registered site.
        first: First day.
        last: Last day.
        fixed_utc: Time to stand still at, for a run that must repeat byte for byte.

    Raises:
        NegawattError: What a step refused, as it was raised.
    """
    if first < date.fromisoformat(partitions.FIRST_DAY):
        raise DataRefusedError(
            thing=f"site {site_id!r}, day {first}",
            expected=f"a day from {partitions.FIRST_DAY} on, the first that is metered",
            found=str(first),
            remedy="settle a later event",
        )
    with _instance(layout) as instance:
        instance.add_dynamic_partitions("sites", [site_id])
        tags = partitions.range_tags(site_id, first, last)
        _execute(layout, instance, "daily_metering", fixed_utc, tags=tags)


def run_metering_for_events(
    layout: Layout, event_ids: Iterable[str], *, fixed_utc: datetime | None = None
) -> int:
    """Run the daily metering job once for every day that any of the events looks at.

    Returns:
        How many site days were metered.
    """
    days = set()
    for event_id in event_ids:
        event = find_event(layout, event_id)
        window = load_window(layout, event)
        first, last = window.start_utc.date(), window.end_utc.date()
        days |= {
            (event.site_id, day) for day in raw_days(layout, event.site_id) if first <= day <= last
        }
    for site_id, span_first, span_last in day_spans(sorted(days)):
        run_daily_metering(layout, site_id, span_first, span_last, fixed_utc=fixed_utc)
    return len(days)


def run_event_settlement(
    layout: Layout,
    event_id: str,
    overrides: Sequence[OverrideConfig] = (),
    *,
    decision: Decision | None = None,
    fixed_utc: datetime | None = None,
) -> Statement:
    """Run the settlement job for an event and return its newest statement.

    Args:
        layout: Where the warehouse lies.
        event_id: A known event.
        overrides: Decisions on blocking findings that are made now.
        decision: That the statement is final, or that a final one is reopened.
        fixed_utc: Time to stand still at, for a run that must repeat byte for byte.

    Raises:
        NegawattError: What a step refused, as it was raised; the older statement stays.
    """
    event = find_event(layout, event_id)
    decided: dict[str, object] = {"overrides": [dict(o) for o in overrides]}
    if decision is not None:
        decided |= {
            "decision": decision.kind.value,
            "decided_by": decision.decided_by,
            "reason": decision.reason,
        }
    config = {"ops": {"settled_event": {"config": decided}}}
    with _instance(layout) as instance:
        instance.add_dynamic_partitions("events", [event_id])
        _execute(
            layout, instance, "event_settlement", fixed_utc, partition_key=event_id, config=config
        )
    statement = latest_statement(layout, event.statement_id)
    assert statement is not None  # the job has just published it  # noqa: S101
    return statement


def run_many_settlements(
    layout: Layout, event_ids: Sequence[str], *, fixed_utc: datetime | None = None
) -> list[Settled]:
    """Settle many events in one run, side by side; one that is refused stops no other.

    Args:
        layout: Where the warehouse lies.
        event_ids: Known events.
        fixed_utc: Time to stand still at, for a run that must repeat byte for byte.

    Returns:
        What became of each event, in the order given.

    Raises:
        ConfigurationError: One of the events is not known; none is settled.
    """
    for event_id in event_ids:
        find_event(layout, event_id)
    config = {"ops": {"settle_each": {"config": {"events": list(event_ids)}}}}
    with _instance(layout) as instance:
        instance.add_dynamic_partitions("events", list(event_ids))
        ran = _execute(layout, instance, "many_settlements", fixed_utc, config=config)
    settled: list[Settled] = ran.output_for_node("settle_each")
    return settled


def _execute(
    layout: Layout,
    instance: dg.DagsterInstance,
    job_name: str,
    fixed_utc: datetime | None,
    *,
    partition_key: str | None = None,
    tags: dict[str, str] | None = None,
    config: Mapping[str, object] | None = None,
) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(
        WarehouseResource(root=str(layout.root)),
        ClockResource(fixed_utc=fixed_utc.isoformat() if fixed_utc else ""),
    )
    try:
        with run_of_a_command(dagster_home(layout)) as run_id:
            return definitions.resolve_job_def(job_name).execute_in_process(
                run_id=run_id,
                instance=instance,
                partition_key=partition_key,
                tags={**_BY_A_COMMAND, **(tags or {})},
                run_config={**_QUIET, **(config or {})},
            )
    except NegawattError:
        raise
    except DagsterAssetCheckFailedError as error:
        raise DataRefusedError(
            thing=f"job {job_name!r}",
            expected="every blocking check to pass",
            found=str(error).splitlines()[0],
            remedy="the failed check names what is wrong: see the run in `make dev`",
        ) from error
    except DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error
    except dg.DagsterError as error:
        if isinstance(error.__cause__, NegawattError):
            raise error.__cause__ from error
        raise
