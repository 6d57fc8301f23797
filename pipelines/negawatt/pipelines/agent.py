"""What a listener heard of an event: the signed message that asked for it, and the agent's states.

Here: from raw_grid__ tables to findings with the digests of their rows. Not here: hearing
(negawatt.collectors.dsx), and the comparison (negawatt.models.verification.agent_states).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import W_PER_KW
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.agent_states import HOLDS, AgentState, agent_finding
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw

MESSAGES = "raw_grid__messages"
STATES = "raw_grid__agent_states"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard of one event.

    Attributes:
        findings: The message, and the agent beside the meter; none where nothing was heard.
        input_sha256: Digest of the rows, by table; a table without rows is left out, so that a
            site without a listener has the statements that it had.
    """

    findings: tuple[Finding, ...]
    input_sha256: Mapping[str, str]


def heard_of(layout: Layout, event: Event, load: LoadSeries, *, tolerance_kw: float) -> Heard:
    """Return what was heard of an event.

    Args:
        layout: Where the warehouse lies.
        event: The event.
        load: Load at the settlement meter.
        tolerance_kw: What the program tolerates above the limit [kW].
    """
    asked, states = _asked(layout, event), _states(layout, event)
    found = (
        *map(_signed, asked.to_dicts()),
        agent_finding([*map(_state, states.to_dicts())], load, event, tolerance_kw=tolerance_kw),
    )
    return Heard(
        findings=tuple(one for one in found if one is not None),
        input_sha256={
            name: frame_digest(rows)
            for name, rows in ((MESSAGES, asked), (STATES, states))
            if not rows.is_empty()
        },
    )


def _asked(layout: Layout, event: Event) -> pl.DataFrame:
    """Return the accepted messages that led to the revisions of an event, oldest first."""
    events = read_all_raw(layout, "raw_grid__events", event.site_id)
    sources = events.filter(pl.col("event_id") == event.event_id)["event_source"]
    accepted = read_all_raw(layout, MESSAGES, event.site_id).filter(
        pl.col("message_outcome") == "accepted",
        pl.concat_str(pl.col("message_type"), pl.lit(" jws sha256 "), pl.col("jws_sha256")).is_in(
            sources.to_list()
        ),
    )
    return accepted.sort("available_at_utc")


def _states(layout: Layout, event: Event) -> pl.DataFrame:
    """Return the agent's states that may hold in an event, oldest first, each instant once."""
    rows = read_all_raw(layout, STATES, event.site_id).filter(
        pl.col("observed_at_utc") >= event.interval.start_utc - HOLDS,
        pl.col("observed_at_utc") < event.interval.end_utc,
    )
    newest = rows.sort("available_at_utc").unique("observed_at_utc", keep="last")
    return newest.drop("available_at_utc").sort("observed_at_utc")


def _signed(row: Mapping[str, object]) -> Finding:
    return Finding(
        code=FindingCode.GRID_MESSAGE_SIGNED,
        severity=Severity.INFO,
        subject=f"message {row['message_id']}",
        message=f"{row['message_source']} asked by {row['message_type']}; the signature is of key "
        f"{row['signing_key_id']}, the signed string has SHA-256 {row['jws_sha256']}",
        evidence={
            "jws": row["jws"],  # whoever has the public key can hold it against the string
            "jws_sha256": row["jws_sha256"],
            "signing_key_id": row["signing_key_id"],
            "message_source": row["message_source"],
            "message_sha256": row["message_sha256"],
        },
    )


def _state(row: Mapping[str, object]) -> AgentState:
    limit_w = row["agent_limit_w"]
    return AgentState(
        at_utc=row["observed_at_utc"],  # type: ignore[arg-type]  # an instant, by the catalog
        compliant=bool(row["agent_compliant"]),
        calculated_kw=float(row["calculated_load_w"]) / W_PER_KW,  # type: ignore[arg-type]  # a number, by the catalog
        limit_kw=None if limit_w is None else float(limit_w) / W_PER_KW,  # type: ignore[arg-type]  # as above
        in_flight=bool(row["in_flight"]),
    )
