"""Blocks: what the agent read in about a second, as the body of one frame.

A block holds the rows of all targets, the gaps that were booked, and where each target's account
stands at its end, so that whoever finds it as the last one can go on from it. Here: the values,
their bytes, joining and thinning. Not here: files (negawatt.collectors.spool.log).
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from negawatt.collectors.freshness import CounterState, GpuScope
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import GapReason, GpuIdentity, PowerScope
from negawatt.collectors.spool.gaps import LOG_GAPS, GpuOfBoot, gap_batch, gap_values

_LENGTHS: Final = struct.Struct("<IIII")  # of all, then of the head, the rows and the gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """Where the account of one target stands: what its next run starts from.

    Attributes:
        site_id: The site.
        node_id: The node.
        boot_id: Identity of the boot; sequence numbers are unique within it.
        source: Short name of the source.
        first_sequence_number: First tick of the boot that the account has.
        next_sequence_number: First tick that is not accounted for.
        every_gpu_count: Ticks that were booked as missing for every GPU, before one was named.
        since_utc: When the first tick was due, by the wall clock.
        due_utc: When the next tick is due, by the wall clock.
        due_monotonic_ns: When it is due, by the monotonic clock of the boot [ns].
        gpus: Every GPU that the target named.
        counters: Where the energy counters stood.
        is_closed: The agent ended in order.
    """

    site_id: str
    node_id: str
    boot_id: str
    source: str
    since_utc: datetime
    due_utc: datetime
    due_monotonic_ns: int
    first_sequence_number: int = 0
    next_sequence_number: int = 0
    every_gpu_count: int = 0
    gpus: tuple[GpuIdentity, ...] = ()
    counters: dict[GpuScope, CounterState] = field(default_factory=dict)
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One target's share of a block.

    Attributes:
        first_sequence_number: First tick that the block accounts for.
        start_utc: When that tick was due.
        state: Where the account stands at the block's end.
        ended: The account of the boot before, which this block closes.
    """

    first_sequence_number: int
    start_utc: datetime
    state: TargetState
    ended: TargetState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What all targets gave in one stretch of time.

    Attributes:
        parts: One for each target.
        rows: Readings, with the columns of ``raw_gpu__power_samples``.
        gaps: What is missing, with the columns of ``LOG_GAPS``.
    """

    parts: tuple[Part, ...]
    rows: pa.RecordBatch
    gaps: pa.RecordBatch


def encode_block(block: Block) -> bytes:
    """Return a block as compressed bytes."""
    head = json.dumps([_part_values(part) for part in block.parts]).encode()
    rows, gaps = block.rows.serialize(), block.gaps.serialize()
    data = b"".join((head, rows, gaps))
    lengths = _LENGTHS.pack(len(data), len(head), rows.size, gaps.size)
    return lengths + bytes(pa.compress(data, codec="zstd", asbytes=True))


def decode_block(body: bytes) -> Block:
    """Return the block that a whole frame carries."""
    total, head_length, rows_length, gaps_length = _LENGTHS.unpack_from(body)
    data = pa.decompress(body[_LENGTHS.size :], decompressed_size=total, codec="zstd")
    rows = data.slice(head_length, rows_length)
    gaps = data.slice(head_length + rows_length, gaps_length)
    return Block(
        parts=tuple(
            _part(values) for values in json.loads(data.slice(0, head_length).to_pybytes())
        ),
        rows=pa.ipc.read_record_batch(rows, SCHEMAS[POWER_SAMPLES]),
        gaps=pa.ipc.read_record_batch(gaps, LOG_GAPS),
    )


def joined(blocks: Sequence[Block]) -> Block:
    """Return one block in the place of several that follow one another."""
    if len(blocks) == 1:
        return blocks[0]
    parts: dict[str, Part] = {}
    for part in (part for block in blocks for part in block.parts):
        first = parts.get(part.state.node_id, part)
        parts[part.state.node_id] = replace(first, state=part.state)  # keeps what it ended
    return Block(
        parts=tuple(parts.values()),
        rows=pa.concat_batches([block.rows for block in blocks]),
        gaps=pa.concat_batches([block.gaps for block in blocks]),
    )


def newest_only(block: Block, reason: GapReason) -> Block:
    """Return a block with only the newest reading of each GPU, the others booked as gaps.

    Readings at which a counter was reset stay: energy is never taken across them. The energy
    counter makes the newest reading enough for the energy of the whole stretch; where some readings
    have no energy, the newest that has one.

    Args:
        block: What was read.
        reason: Why readings are given up.
    """
    kept = _kept(block.rows)
    if kept.all():
        return block
    rows = block.rows.filter(pa.array(kept))
    before, after = _tick_counts(block.rows), _tick_counts(rows)
    parts = {part.state.node_id: part for part in block.parts}
    given_up = [
        values
        for (node_id, gpu_uuid), count in before.items()
        for values in gap_values(
            GpuOfBoot(node_id, parts[node_id].state.boot_id, gpu_uuid),
            start_utc=parts[node_id].start_utc,
            end_utc=parts[node_id].state.due_utc,
            missing_count=count - after.get((node_id, gpu_uuid), 0),
            reason=reason,
            goes_on=True,
        )
    ]
    return replace(block, rows=rows, gaps=pa.concat_batches([block.gaps, gap_batch(given_up)]))


def _kept(rows: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say of each row whether it is of the tick of its GPU that is kept, or of one with a reset."""
    table = pa.Table.from_batches([rows.select(["node_id", "gpu_uuid", "sequence_number"])])
    with_energy = table.filter(rows["energy_total_millijoule"].is_valid())
    newest_of = {
        (r["node_id"], r["gpu_uuid"]): r["sequence_number_max"]
        for some in (table, with_energy)
        for r in some.group_by(["node_id", "gpu_uuid"])
        .aggregate([("sequence_number", "max")])
        .to_pylist()
    }
    ticks = list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    is_reset = pc.equal(rows["reading_quality"], "reset_epoch").to_pylist()
    resets = {tick for tick, reset in zip(ticks, is_reset, strict=True) if reset}
    return np.array([newest_of[t[:2]] == t[2] or t in resets for t in ticks], dtype=np.bool_)


def _tick_counts(rows: pa.RecordBatch) -> dict[tuple[str, str], int]:
    """Count the ticks of each GPU; two scopes of one tick are one."""
    table = pa.Table.from_batches([rows.select(["node_id", "gpu_uuid", "sequence_number"])])
    counts = table.group_by(["node_id", "gpu_uuid"]).aggregate(
        [("sequence_number", "count_distinct")]
    )
    return {
        (row["node_id"], row["gpu_uuid"]): row["sequence_number_count_distinct"]
        for row in counts.to_pylist()
    }


def _part_values(part: Part) -> dict[str, Any]:
    return {
        "first_sequence_number": part.first_sequence_number,
        "start_utc": part.start_utc.isoformat(),
        "state": state_values(part.state),
        "ended": part.ended and state_values(part.ended),
    }


def _part(values: dict[str, Any]) -> Part:
    return Part(
        first_sequence_number=values["first_sequence_number"],
        start_utc=datetime.fromisoformat(values["start_utc"]),
        state=state_from(values["state"]),
        ended=values["ended"] and state_from(values["ended"]),
    )


def state_values(state: TargetState) -> dict[str, Any]:
    """Return a state as JSON types."""
    return {
        **asdict(state),
        "since_utc": state.since_utc.isoformat(),
        "due_utc": state.due_utc.isoformat(),
        "counters": [
            [uuid, scope.value, counter.energy_total_millijoule, counter.counter_epoch]
            for (uuid, scope), counter in state.counters.items()
        ],
    }


def state_from(values: dict[str, Any]) -> TargetState:
    """Return the state that JSON types state."""
    return TargetState(
        **{
            **values,
            "since_utc": datetime.fromisoformat(values["since_utc"]),
            "due_utc": datetime.fromisoformat(values["due_utc"]),
            "gpus": tuple(GpuIdentity(**gpu) for gpu in values["gpus"]),
            "counters": {
                (uuid, PowerScope(scope)): CounterState(energy_millijoule, epoch)
                for uuid, scope, energy_millijoule, epoch in values["counters"]
            },
        }
    )
