"""Out layer: one event settled, its statement published, its report written.

Not here: the settlement (negawatt.models.settlement), what is published with it (publish.py), and
the look of the report (exports).
"""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
from pydantic import Field

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.lifecycle import Decision, DecisionKind
from negawatt.models.settlement.statement import Override
from negawatt.pipelines.assets.tables import table_spec
from negawatt.pipelines.checks import check_results, check_specs
from negawatt.pipelines.exports.report import write_report
from negawatt.pipelines.partitions import events
from negawatt.pipelines.publish import publish_settlement
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.retries import again_after_trouble_of_the_machine
from negawatt.pipelines.rows import EVENT_TABLES
from negawatt.pipelines.settlement import FINDINGS_TABLE, JOBS_TABLE, LOAD_TABLE
from negawatt.pipelines.shown import Shown
from negawatt.warehouse.statement_tables import HEADERS, LINES, PAYMENTS

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
        decision: ``finalize`` or ``reopen``, empty for neither.
        decided_by: Who finalizes or reopens.
        reason: Why.
    """

    overrides: list[OverrideConfig] = Field(default_factory=list)
    decision: str = ""
    decided_by: str = ""
    reason: str = ""


@dg.multi_asset(
    name="settled_event",
    specs=[
        table_spec(
            table,
            deps=[dg.AssetDep(core, partition_mapping=dg.AllPartitionMapping()) for core in _CORE],
            group_name="out",
        )
        for table in OUT_TABLES
    ],
    check_specs=check_specs(OUT_TABLES),
    partitions_def=events,
    pool="settlement",
)
def settled_event(
    context: dg.AssetExecutionContext,
    config: SettlementConfig,
    warehouse: WarehouseResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Settle one event and publish its statement, if it says anything new.

    An event that was cancelled after it was settled has its statement voided.
    """
    with again_after_trouble_of_the_machine(context):
        statement, rows = publish_settlement(
            warehouse.layout,
            context.partition_key,
            clock.now_utc(),
            overrides=_overrides(config, clock.now_utc()),
            decision=_decision(config),
        )
    for table, frame in rows.items():
        shown = Shown(table)
        shown.add(frame)
        yield dg.MaterializeResult(
            asset_key=table,
            metadata={
                **shown.metadata(),
                "statement_version": statement.statement_version,
                "statement_stage": statement.stage.value,
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
    with again_after_trouble_of_the_machine(context):
        folder = write_report(warehouse.layout, context.partition_key)
    return dg.MaterializeResult(metadata={"folder": dg.MetadataValue.path(str(folder))})


def _overrides(config: SettlementConfig, now_utc: datetime) -> tuple[Override, ...]:
    return tuple(
        Override(
            finding_code=FindingCode(override.finding_code),
            subject=override.subject,
            reason=override.reason,
            decided_by=override.decided_by,
            decided_at_utc=now_utc,
        )
        for override in config.overrides
    )


def _decision(config: SettlementConfig) -> Decision | None:
    if not config.decision:
        return None
    kind = DecisionKind(config.decision)
    return Decision(kind=kind, decided_by=config.decided_by, reason=config.reason)
