"""What was told of an event: what was done to jobs, how fast they went, what an estimate says.

Here: from raw_job__ tables to values with the digests of their rows. Not here: readings
(settlement.py, surroundings.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.context import ControlAction, ControlKind, JobPerformance
from negawatt.models.verification.corroboration import EstimatedInterval, RecordedEstimate
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.estimate_tables import TABLE as ESTIMATES
from negawatt.warehouse.estimate_tables import recorded_estimate
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw

CONTROL = "raw_job__control"
PERFORMANCE = "raw_job__performance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told of one event.

    Attributes:
        actions: The control log of the dispatch; None where the site keeps none. A log without a
            line of this dispatch says that nothing was done.
        performance: How fast jobs went; None where nothing was told of this event.
        estimate: What another method says that the site would have drawn; None where none was
            recorded.
        input_sha256: Digest of the rows, by table; an estimate's only where there is one.
    """

    actions: tuple[ControlAction, ...] | None
    performance: tuple[JobPerformance, ...] | None
    estimate: RecordedEstimate | None
    input_sha256: Mapping[str, str]


def told_of(layout: Layout, event: Event, dispatch: Interval) -> Told:
    """Return what was told of an event.

    Args:
        layout: Where the warehouse lies.
        event: The event.
        dispatch: The span in which its site was not left alone.

    Raises:
        DataRefusedError: The log names an action that is none.
    """
    log = _newest(layout, CONTROL, event.site_id, ["job_id", "acted_at_utc", "job_action"])
    during = log.filter(
        (pl.col("acted_at_utc") >= dispatch.start_utc) & (pl.col("acted_at_utc") < dispatch.end_utc)
    )
    every = _newest(layout, PERFORMANCE, event.site_id, ["event_id", "job_id"])
    performance = every.filter(pl.col("event_id") == event.event_id)
    estimate = recorded_estimate(layout, event)
    estimated = {} if estimate.is_empty() else {ESTIMATES: frame_digest(estimate)}
    return Told(
        actions=None if log.is_empty() else tuple(map(_action, during.to_dicts())),
        performance=None
        if performance.is_empty()
        else tuple(
            JobPerformance(
                job_id=row["job_id"],
                flexibility_tier=row["flexibility_tier"],
                throughput_ratio=row["performance_ratio"],
            )
            for row in performance.to_dicts()
        ),
        estimate=None if estimate.is_empty() else _estimate(estimate),
        input_sha256={
            CONTROL: frame_digest(during),
            PERFORMANCE: frame_digest(performance),
            **estimated,
        },
    )


def _estimate(rows: pl.DataFrame) -> RecordedEstimate:
    first = rows.row(0, named=True)
    return RecordedEstimate(
        method_id=first["method_id"],
        basis_sha256=first["basis_sha256"],
        intervals=tuple(
            EstimatedInterval(
                interval_start_utc=row["interval_start_utc"],
                interval_end_utc=row["interval_end_utc"],
                expected_kw=row["expected_kw"],
                lower_kw=row["expected_lower_kw"],
                upper_kw=row["expected_upper_kw"],
            )
            for row in rows.to_dicts()
        ),
    )


def _newest(layout: Layout, table: str, site_id: str, key: Sequence[str]) -> pl.DataFrame:
    """Return the newest version of each row, without when it came."""
    rows = read_all_raw(layout, table, site_id).sort("available_at_utc")
    newest = rows.unique(key, keep="last", maintain_order=True)
    return newest.drop("available_at_utc").sort(key)


def _action(row: Mapping[str, object]) -> ControlAction:
    try:
        kind = ControlKind(str(row["job_action"]))
    except ValueError as error:
        raise DataRefusedError(
            thing=f"control log, job {row['job_id']!r}",
            expected=f"one of {', '.join(ControlKind)}",
            found=repr(row["job_action"]),
            remedy="say in the profile's [values.job_action] what the log's words mean",
        ) from error
    return ControlAction(at_utc=row["acted_at_utc"], job_id=str(row["job_id"]), kind=kind)  # type: ignore[arg-type]  # an instant, by the catalog
