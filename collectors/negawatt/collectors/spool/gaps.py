"""Gaps as rows: made, split at midnight UTC, joined where one goes on in the next.

Not here: when a gap opens and closes (ledger).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from negawatt.collectors.raw_schema import GAPS, SCHEMAS
from negawatt.collectors.sources.protocol import GapReason
from negawatt.models.domain.units import MS_PER_S, S_PER_H

# A target that never answered names no GPU: its gap is filed under every GPU it may have.
EVERY_GPU: Final = "*"
_SHORTEST: Final = timedelta(milliseconds=1)  # what the columns can tell apart
_KEYS: Final = ("node_id", "boot_id", "gpu_uuid", "gap_reason")
_MS_PER_DAY: Final = 24 * S_PER_H * MS_PER_S

# In the log: whether a gap goes on where the block before ended, no reading between them.
LOG_GAPS: Final = SCHEMAS[GAPS].append(pa.field("goes_on", pa.bool_(), nullable=False))


class GpuOfBoot(NamedTuple):
    """Whose account it is; ``*`` stands for every GPU of the node."""

    node_id: str
    boot_id: str
    gpu_uuid: str


def gap_values(
    gpu: GpuOfBoot,
    *,
    start_utc: datetime,
    end_utc: datetime,
    missing_count: int,
    reason: GapReason,
    goes_on: bool = False,
) -> list[dict[str, Any]]:
    """Return a stretch without readings as rows of the log's gaps, one for each UTC day.

    Args:
        gpu: Whose readings are missing.
        start_utc: When the first missing reading was due, or the last one came.
        end_utc: When the next is due or came. If the wall clock was set back behind the start, the
            stretch has the shortest length that can be written; its count still is right.
        missing_count: Readings that are missing, spread evenly.
        reason: Why.
        goes_on: No reading came between a gap before that ends at its start, and this one.

    Examples:
        >>> start_utc = datetime(2026, 7, 1, 23, 59, 58, tzinfo=UTC)
        >>> rows = gap_values(GpuOfBoot("n", "b", "G"), start_utc=start_utc, missing_count=4,
        ...     end_utc=start_utc + timedelta(seconds=4), reason=GapReason.TIMEOUT)
        >>> [(row["gap_end_utc"].isoformat(), row["expected_count"]) for row in rows]
        [('2026-07-02T00:00:00+00:00', 2), ('2026-07-02T00:00:02+00:00', 2)]
    """
    end_utc = max(end_utc, start_utc + _SHORTEST)
    return [
        {
            **gpu._asdict(),
            "gap_start_utc": first_utc,
            "gap_end_utc": last_utc,
            "expected_count": count,
            "received_count": 0,
            "gap_reason": reason.value,
            "goes_on": goes_on,
        }
        for first_utc, last_utc, count in _by_day(start_utc, end_utc, missing_count)
        if count
    ]


def gap_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Return rows as columns."""
    return pa.RecordBatch.from_pylist(rows, schema=LOG_GAPS)


def merged(gaps: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return the log's gaps as rows of ``raw_gpu__gaps``; what goes on is one gap.

    A gap stays inside the UTC day on which it begins.
    """
    table = pa.Table.from_batches(gaps, schema=LOG_GAPS)
    order = [(name, "ascending") for name in (*_KEYS, "gap_start_utc", "gap_end_utc")]
    table = table.sort_by(order)
    table = table.append_column("gap", pa.array(_gap_numbers(table)))
    sums = table.group_by(["gap", *_KEYS], use_threads=False).aggregate(
        [
            ("gap_start_utc", "min"),
            ("gap_end_utc", "max"),
            ("expected_count", "sum"),
            ("received_count", "sum"),
        ]
    )
    names = [re.sub("_(min|max|sum)$", "", name) for name in sums.column_names]
    return sums.rename_columns(names).select(SCHEMAS[GAPS].names).cast(SCHEMAS[GAPS])


def _gap_numbers(table: pa.Table) -> NDArray[np.int64]:
    """Number sorted rows, those of one gap alike."""
    if not table.num_rows:
        return np.zeros(0, np.int64)
    starts = table["gap_start_utc"].cast(pa.int64()).to_numpy()
    ends = table["gap_end_utc"].cast(pa.int64()).to_numpy()
    days = starts // _MS_PER_DAY
    goes_on = table["goes_on"].to_numpy()[1:] & (starts[1:] <= ends[:-1]) & (days[1:] == days[:-1])
    for name in _KEYS:
        column = table[name].combine_chunks()
        goes_on &= pc.equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(~goes_on)]).astype(np.int64)


def _by_day(
    start_utc: datetime, end_utc: datetime, count: int
) -> Iterator[tuple[datetime, datetime, int]]:
    """Split a stretch at midnight; of ``count`` readings those due before it belong to its day."""
    booked = 0
    first_utc = start_utc
    while first_utc < end_utc:
        midnight_utc = datetime.combine(first_utc.date() + timedelta(days=1), time(), tzinfo=UTC)
        last_utc = min(midnight_utc, end_utc)
        due = -(-count * (last_utc - start_utc) // (end_utc - start_utc))
        yield first_utc, last_utc, due - booked
        first_utc, booked = last_utc, due
