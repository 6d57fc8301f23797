"""Estimates by methods that settle nothing, as they were recorded beside an event.

Here: writing and reading raw_event__counterfactual. Not here: the estimate
(negawatt.models.counterfactual) and what a statement says of it (negawatt.models.verification).
"""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import Sealed, read_all_raw, seal_rows

TABLE = "raw_event__counterfactual"
_SOURCE = "estimate"


def record_estimate(
    layout: Layout,
    event: Event,
    estimate: pl.DataFrame,
    *,
    method_id: str,
    basis_sha256: str,
    available_at_utc: datetime,
) -> Sealed:
    """Record an estimate of what a site would have drawn in an event.

    Args:
        layout: Where the warehouse lies.
        event: The event, as it is registered.
        estimate: Columns ts (start), cf_kw, lo_kw, hi_kw [kW]: intervals of one length.
        method_id: The method with its version.
        basis_sha256: Digest of what it was computed from.
        available_at_utc: When it is recorded.

    Raises:
        DataRefusedError: The intervals are not the event's window.
    """
    starts = estimate["ts"]
    whole = event.interval.end_utc - event.interval.start_utc
    length = whole / len(starts) if len(starts) else timedelta(0)
    own = [event.interval.start_utc + number * length for number in range(len(starts))]
    if not own or starts.to_list() != own:
        raise DataRefusedError(
            thing=f"estimate of event {event.event_id!r}",
            expected=f"intervals from {event.interval.start_utc:%Y-%m-%d %H:%M} to "
            f"{event.interval.end_utc:%H:%M} UTC",
            found=f"{len(starts)} from {starts[0] if own else 'nowhere'}",
            remedy="choose the folder's entry of this event with --event, or correct the event",
        )
    rows = estimate.select(
        pl.lit(event.event_id).alias("event_id"),
        pl.lit(method_id).alias("method_id"),
        pl.col("ts").alias("interval_start_utc"),
        (pl.col("ts") + length).alias("interval_end_utc"),
        pl.col("cf_kw").alias("expected_kw"),
        pl.col("lo_kw").alias("expected_lower_kw"),
        pl.col("hi_kw").alias("expected_upper_kw"),
        pl.lit(basis_sha256).alias("basis_sha256"),
        pl.lit(available_at_utc).alias("available_at_utc"),
    )
    return seal_rows(layout, TABLE, event.site_id, _SOURCE, rows)


def recorded_estimate(layout: Layout, event: Event) -> pl.DataFrame:
    """Return the rows of the newest estimate of an event, oldest interval first; empty if none."""
    rows = read_all_raw(layout, TABLE, event.site_id)
    own = rows.filter(pl.col("event_id") == event.event_id).sort(
        "available_at_utc", "method_id", "basis_sha256"
    )
    if own.is_empty():
        return own
    newest = own.row(-1, named=True)
    return (
        own.filter(
            pl.col("method_id") == newest["method_id"],
            pl.col("basis_sha256") == newest["basis_sha256"],
        )
        .unique("interval_start_utc", keep="last", maintain_order=True)
        .sort("interval_start_utc")
        .drop("available_at_utc")
    )


def basis_digest(folder: Path, asked: str) -> str:
    """Return the SHA-256 of the names and bytes of a folder's files, and of what was asked."""
    digest = hashlib.sha256(asked.encode())
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{content}  {name}".encode())
    return digest.hexdigest()
