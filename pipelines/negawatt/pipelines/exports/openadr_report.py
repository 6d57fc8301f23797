"""A statement as the report that an OpenADR 3.1 VTN takes: a value, ready to be written or sent.

Source: OpenADR 3.1.1, ``reportRequest``, ``reportPayloadDescriptor``, ``interval``; payload types
of its Definitions. Energies are KWH and powers KW, the document's units: it has no larger ones.

Not here: sending it (negawatt.collectors.openadr.vtn).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.metering.site_intervals import METERED
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement, StatementBody, StatementLine
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw

_SOURCE: Final = "openadr 3.1 message sha256 "
_WHOLE: Final = 1 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """What a report answers, and as whom.

    Attributes:
        vtn_event_id: The VTN's id of the event.
        interval_id: The interval of it that was settled.
        client_name: Our name at the VTN.
        resource_name: The VTN's name of the load.
    """

    vtn_event_id: str
    interval_id: int
    client_name: str
    resource_name: str


def asked_by(layout: Layout, event: Event) -> tuple[str, int]:
    """Return the VTN's id of an event and of its interval, by the message that the event cites.

    Raises:
        DataRefusedError: The event did not come from a VTN.
    """
    events = read_all_raw(layout, "raw_grid__events", event.site_id)
    messages = read_all_raw(layout, "raw_grid__messages", event.site_id)
    revisions = events.filter(pl.col("event_id") == event.event_id).sort("revision")
    sources = revisions["event_source"]
    cited = pl.concat_str(pl.lit(_SOURCE), pl.col("message_sha256")).is_in(sources.to_list())
    accepted = pl.col("message_outcome") == "accepted"
    ids = messages.filter(cited & accepted)["message_id"].drop_nulls()
    if ids.is_empty():
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected="an event that came from an OpenADR VTN",
            found=f"source {sources[-1]!r}" if len(sources) else "no source",
            remedy="name the VTN's ids of it with --vtn-event and --vtn-interval",
        )
    return ids[-1], int(event.event_id.rpartition(".")[2])


def openadr_report(
    statement: Statement, load: pl.DataFrame, addressee: Addressee
) -> dict[str, Any]:
    """Return the report of a statement: one sub-interval for each settled interval.

    Each keeps the id of the interval that it lies in. USAGE is metered energy, BASELINE the
    adjusted baseline, DELTA_USAGE usage less baseline, which is below zero where load was reduced;
    DEMAND is the mean power. DATA_QUALITY is MISSING where a reading of it is missing, ESTIMATED
    where one was not plainly metered or not wholly covered, else OK.

    The document gives accuracy and confidence for a type, not for an interval: ``accuracy`` is the
    widest half of a sub-interval's band [kWh], and each sub-interval has its own edges in the
    private types DELTA_USAGE_LOWER and DELTA_USAGE_UPPER. Without a band there are none.

    Args:
        statement: The statement; the private type NEGAWATT_STATEMENT cites it.
        load: Rows of core_site__interval_energy of the settlement meter around the event.
        addressee: What it answers.

    Raises:
        DataRefusedError: The statement is void, nothing was settled, or energy was given back,
            which USAGE cannot say.
    """
    body = statement.body
    _refuse_what_cannot_be_said(statement)
    edges_kwh = _edges(body)
    intervals: list[dict[str, Any]] = []
    for number, line in enumerate(body.lines):
        payloads = list(_payloads(line, load))
        if edges_kwh is not None:
            lower_kwh, upper_kwh = edges_kwh[number]
            payloads.append(_payload("DELTA_USAGE_LOWER", -upper_kwh))
            payloads.append(_payload("DELTA_USAGE_UPPER", -lower_kwh))
        intervals.append(
            {
                "id": addressee.interval_id,
                "intervalPeriod": _period(line.interval_start_utc, line.interval_end_utc),
                "payloads": payloads,
            }
        )
    cited = [statement.statement_digest, f"version {statement.statement_version}"]
    intervals[0]["payloads"].append({"type": "NEGAWATT_STATEMENT", "values": cited})
    return {
        "eventID": addressee.vtn_event_id,
        "clientName": addressee.client_name,
        "reportName": f"negawatt {body.statement_id}",
        "payloadDescriptors": list(_descriptors(body, edges_kwh)),
        "resources": [
            {
                "resourceName": addressee.resource_name,
                "intervalPeriod": _period(
                    body.lines[0].interval_start_utc, body.lines[-1].interval_end_utc
                ),
                "intervals": intervals,
            }
        ],
    }


def _refuse_what_cannot_be_said(statement: Statement) -> None:
    body = statement.body
    if statement.stage is Stage.VOID:
        raise DataRefusedError(
            thing=f"statement {body.statement_id!r}, version {statement.statement_version}",
            expected="figures that count",
            found="a version that voids it",
            remedy="send nothing; withdraw at the VTN a report that was sent before",
        )
    if not body.lines:
        raise DataRefusedError(
            thing=f"statement {body.statement_id!r}",
            expected="settled intervals",
            found="none",
            remedy="see its findings: the event could not be computed",
        )
    given = [line for line in body.lines if line.metered_kwh < 0]
    if given:
        raise DataRefusedError(
            thing=f"statement {body.statement_id!r}",
            expected="metered energy of 0 or more, which is all that USAGE can say",
            found=f"{given[0].metered_kwh} kWh at {given[0].interval_start_utc.isoformat()}",
            remedy="export the statement in another format: `negawatt export`",
        )


def _edges(body: StatementBody) -> list[tuple[float, float]] | None:
    """Return the band of each settled interval's reduction [kWh]; None where it is not known."""
    band = body.band
    if band is None or len(band.interval_lower_kwh) != len(body.lines):
        return None
    found = [
        (lower, upper)
        for lower, upper in zip(band.interval_lower_kwh, band.interval_upper_kwh, strict=True)
        if lower is not None and upper is not None
    ]
    return found if len(found) == len(body.lines) else None


def _payloads(line: StatementLine, load: pl.DataFrame) -> Iterator[dict[str, Any]]:
    hours = (line.interval_end_utc - line.interval_start_utc) / timedelta(hours=1)
    yield _payload("USAGE", line.metered_kwh)
    yield _payload("BASELINE", line.adjusted_baseline_kwh)
    yield _payload("DELTA_USAGE", -line.reduction_kwh)
    yield _payload("DEMAND", float(line.metered_kwh) / hours)
    yield {"type": "DATA_QUALITY", "values": [_quality(line, load)]}


def _payload(kind: str, value: Decimal | float) -> dict[str, Any]:
    return {"type": kind, "values": [float(value) + 0.0]}  # + 0.0: no -0


def _quality(line: StatementLine, load: pl.DataFrame) -> str:
    rows = load.filter(
        (pl.col("interval_start_utc") < line.interval_end_utc)
        & (pl.col("interval_end_utc") > line.interval_start_utc)
    )
    read_s = (rows["interval_end_utc"] - rows["interval_start_utc"]).dt.total_seconds().sum()
    length_s = (line.interval_end_utc - line.interval_start_utc).total_seconds()
    if rows["energy_kwh"].has_nulls() or read_s < length_s:
        return "MISSING"
    is_whole = bool((rows["coverage_ratio"] >= _WHOLE).all())
    return "OK" if is_whole and bool((rows["method"] == METERED).all()) else "ESTIMATED"


def _descriptors(
    body: StatementBody, edges_kwh: list[tuple[float, float]] | None
) -> Iterator[dict[str, Any]]:
    sure: dict[str, Any] = {}
    if edges_kwh is not None and body.band is not None:
        sure["accuracy"] = max((upper - lower) / 2 for lower, upper in edges_kwh)
        sure["confidence"] = int(body.band.level_ratio * 100 + 1e-6)
    yield _descriptor("USAGE", "KWH", "SUMMED")
    yield _descriptor("BASELINE", "KWH", "ESTIMATED") | sure
    yield _descriptor("DELTA_USAGE", "KWH", "ESTIMATED") | sure
    yield _descriptor("DEMAND", "KW", "MEAN")
    yield {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "DATA_QUALITY"}
    if edges_kwh is not None:
        yield _descriptor("DELTA_USAGE_LOWER", "KWH", "ESTIMATED")
        yield _descriptor("DELTA_USAGE_UPPER", "KWH", "ESTIMATED")


def _descriptor(kind: str, units: str, reading_type: str) -> dict[str, Any]:
    return {
        "objectType": "REPORT_PAYLOAD_DESCRIPTOR",
        "payloadType": kind,
        "readingType": reading_type,
        "units": units,
    }


def _period(start_utc: datetime, end_utc: datetime) -> dict[str, str]:
    seconds = (end_utc - start_utc) // timedelta(seconds=1)
    start = start_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"start": start, "duration": f"PT{seconds}S"}
