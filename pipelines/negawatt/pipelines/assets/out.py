"""Out layer: one event settled, its statement published, its report written.

Not here: the settlement (negawatt.models.settlement) and the look of the report (exports).
"""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version

import dagster as dg
from pydantic import Field

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.settle import settle_event
from negawatt.models.settlement.statement import Override, Provenance, Statement
from negawatt.models.settlement.versions import issue
from negawatt.pipelines.checks import check_results, check_specs
from negawatt.pipelines.exports.report import write_report
from negawatt.pipelines.partitions import events
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.rows import (
    event_rows,
    payment_lines,
    statement_header,
    statement_lines,
)
from negawatt.pipelines.settlement import (
    FINDINGS_TABLE,
    JOBS_TABLE,
    LOAD_TABLE,
    GatheredInputs,
    gather_inputs,
    statement_id_of,
)
from negawatt.warehouse.delta_tables import replace_partition
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.statement_tables import (
    HEADERS,
    LINES,
    PAYMENTS,
    latest_statement_json,
    publish_statement,
    publishing,
)

EVENT_TABLES = (
    "out_event__baseline",
    "out_event__baseline_days",
    "out_event__performance",
    "out_event__findings",
)
OUT_TABLES = (*EVENT_TABLES, LINES, PAYMENTS, HEADERS)
_CORE = (LOAD_TABLE, JOBS_TABLE, FINDINGS_TABLE)


class OverrideConfig(dg.Config):
    """A decision to settle in spite of a blocking finding.

    Attributes:
        finding_code: Code of the finding.
        subject: Its subject.
        reason: Why it does not stand in the way.
        decided_by: Who decided.
    """

    finding_code: str
    subject: str
    reason: str
    decided_by: str


class SettlementConfig(dg.Config):
    """What a person decided about a settlement.

    Attributes:
        overrides: Blocking findings to settle in spite of.
    """

    overrides: list[OverrideConfig] = Field(default_factory=list)


@dg.multi_asset(
    name="settled_event",
    specs=[
        dg.AssetSpec(
            table,
            deps=[dg.AssetDep(core, partition_mapping=dg.AllPartitionMapping()) for core in _CORE],
            group_name="out",
        )
        for table in OUT_TABLES
    ],
    check_specs=check_specs(OUT_TABLES),
    partitions_def=events,
)
def settled_event(
    context: dg.AssetExecutionContext,
    config: SettlementConfig,
    warehouse: WarehouseResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Settle one event and publish its statement, if it says anything new."""
    layout, now_utc = warehouse.layout, clock.now_utc()
    with publishing(layout):
        latest = latest_statement(layout, statement_id_of(layout, context.partition_key))
        overrides = _overrides(config, latest, now_utc)
        gathered = gather_inputs(layout, context.partition_key, overrides)
        settlement = settle_event(gathered.inputs)
        statement = issue(latest, settlement.body, _provenance(gathered, now_utc))
        rows = event_rows(settlement)
        for table, frame in rows.items():
            replace_partition(layout, table, {"event_id": context.partition_key}, frame)
        lines = {LINES: statement_lines(statement), PAYMENTS: payment_lines(statement)}
        rows |= lines | {HEADERS: statement_header(statement)}
        if statement is not latest:
            publish_statement(layout, rows[HEADERS], lines)
    for table, frame in rows.items():
        yield dg.MaterializeResult(
            asset_key=table,
            metadata={
                "row_count": frame.height,
                "statement_version": statement.statement_version,
                "statement_digest": statement.statement_digest,
            },
            check_results=check_results(table, frame),
        )


@dg.asset(
    group_name="out",
    partitions_def=events,
    deps=list(OUT_TABLES),
    description="The statement as HTML with charts, and the tables behind it.",
)
def event_report(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    """Render the newest statement of the event."""
    folder = write_report(warehouse.layout, context.partition_key)
    return dg.MaterializeResult(metadata={"folder": dg.MetadataValue.path(str(folder))})


def latest_statement(layout: Layout, statement_id: str) -> Statement | None:
    """Return the newest published version of a statement, None where there is none yet."""
    text = latest_statement_json(layout, statement_id)
    return None if text is None else from_json(text.encode())


def _overrides(
    config: SettlementConfig, latest: Statement | None, now_utc: datetime
) -> tuple[Override, ...]:
    """Return what was decided; a decision that stands already keeps its time."""
    known = {} if latest is None else {_decision(one): one for one in latest.body.overrides}
    decided = [
        Override(
            finding_code=FindingCode(override.finding_code),
            subject=override.subject,
            reason=override.reason,
            decided_by=override.decided_by,
            decided_at_utc=now_utc,
        )
        for override in config.overrides
    ]
    return tuple(known.get(_decision(one), one) for one in decided)


def _decision(override: Override) -> tuple[str, str, str, str]:
    return (override.finding_code, override.subject, override.reason, override.decided_by)


def _provenance(gathered: GatheredInputs, now_utc: datetime) -> Provenance:
    return Provenance(
        issued_at_utc=now_utc,
        code_version=version("negawatt"),
        table_versions=gathered.table_versions,
    )
