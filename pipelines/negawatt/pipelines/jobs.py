"""The two jobs: metering site days, and settling events. The demo runs these same jobs.

Not here: when they run (sensors) and for which partitions (run).
"""

import dagster as dg

from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.assets.out import OUT_TABLES

daily_metering = dg.define_asset_job(
    "daily_metering",
    selection=dg.AssetSelection.assets("raw_readings", *CORE_TABLES),
    description="Raw to core for one site and UTC day, or a range of days of one site.",
)
event_settlement = dg.define_asset_job(
    "event_settlement",
    selection=dg.AssetSelection.assets(*OUT_TABLES, "event_report"),
    description="Core to out for one event: baseline, verdicts, statement, report.",
)
