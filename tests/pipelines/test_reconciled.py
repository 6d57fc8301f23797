"""GPUs against the meter in a settled event: what is read, what is stated, what is withheld."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.settlement.settle import settle_event
from negawatt.models.settlement.statement import Override, StatementBody
from negawatt.pipelines.assets.core import CORE_TABLES, metered_day
from negawatt.pipelines.settlement import GatheredInputs, gather_inputs
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_site, register_sites
from negawatt.warehouse.weather_files import WEATHER
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    SITE,
    meter_rows,
)

pytestmark = pytest.mark.slow

TABLE = "core_site__reconciliation"
RECONCILING = {
    FindingCode.SITE_RECONCILED,
    FindingCode.RECONCILIATION_RESIDUAL_HIGH,
    FindingCode.SITE_NOT_RECONCILED,
}


def metered(layout: Layout, gpu_kw_in_event: float | None = 28.0) -> None:
    """Meter the small site; its GPUs draw 0.7 of the meter, which is 28 kW in the event."""
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    frames = [metered_day(layout, SITE, day, AFTER_UTC, layout.root) for day in days]
    for table in CORE_TABLES:
        rows = pl.concat([frame[table] for frame in frames])
        if table == TABLE:
            in_event = pl.col("interval_start_utc").is_between(
                EVENT_START_UTC, EVENT_END_UTC, closed="left"
            )
            known = pl.lit(gpu_kw_in_event, pl.Float64) / 4
            rows = rows.with_columns(
                gpu_kwh=pl.when(in_event).then(known).otherwise(0.7 * pl.col("metered_kwh")),
                coverage_ratio=pl.lit(1.0),
            )
        replace_days(layout, table, SITE, FIRST_DAY, LAST_DAY, iter([rows]))


def stated(gathered: GatheredInputs) -> tuple[StatementBody, Finding | None]:
    body = settle_event(gathered.inputs).body
    found = [finding for finding in body.findings if finding.code in RECONCILING]
    assert len(found) <= 1
    return body, found[0] if found else None


def test_gpus_that_explain_the_meter_are_stated_with_their_overhead(layout: Layout) -> None:
    """M = P / 0.7: eight days before, of which the event touches none."""
    metered(layout)

    gathered = gather_inputs(layout, EVENT)
    _, finding = stated(gathered)

    assert finding is not None
    assert finding.code is FindingCode.SITE_RECONCILED
    assert finding.evidence["expected_kw_mean"] == pytest.approx(40.0)
    assert finding.evidence["terms"] == {"fixed_kw": 0.0, "kw_per_kw": pytest.approx(1 / 0.7)}
    assert TABLE in gathered.inputs.input_sha256


def test_gpus_that_did_not_fall_with_the_meter_withhold_the_attribution(layout: Layout) -> None:
    """70 kW of GPUs explain 100 kW; the meter read 40."""
    metered(layout, gpu_kw_in_event=70.0)
    body, finding = stated(gather_inputs(layout, EVENT))
    assert finding is not None
    decided = Override(
        finding_code=finding.code,
        subject=finding.subject,
        reason="the GPUs' readings were held by a broken exporter",
        decided_by="A. Auditor",
        decided_at_utc=AFTER_UTC,
    )

    again, _ = stated(gather_inputs(layout, EVENT, overrides=(decided,)))

    assert finding.code is FindingCode.RECONCILIATION_RESIDUAL_HIGH
    assert body.attribution is None
    assert again.overrides[0].reason == decided.reason
    assert again.totals == body.totals


def test_a_declared_battery_explains_what_it_gave(layout: Layout) -> None:
    """35 kW of GPUs explain 50 kW in the event: 40 at the meter and 10 of the battery."""
    in_event = pl.col("interval_start_utc").is_between(
        EVENT_START_UTC, EVENT_END_UTC, closed="left"
    )
    given = meter_rows().with_columns(
        meter_id=pl.lit("battery"),
        energy_kwh=pl.when(in_event).then(10.0 / 4).otherwise(0.0),
    )
    seal_rows(layout, "raw_meter__readings", SITE, "battery", given)
    metered(layout, gpu_kw_in_event=35.0)
    _, undeclared = stated(gather_inputs(layout, EVENT))
    site = read_site(layout, SITE).model_copy(update={"on_site_meters": {"battery": "storage"}})
    register_sites(layout, {SITE: site})

    _, declared = stated(gather_inputs(layout, EVENT))

    assert undeclared is not None
    assert undeclared.code is FindingCode.RECONCILIATION_RESIDUAL_HIGH
    assert declared is not None
    assert declared.code is FindingCode.SITE_RECONCILED


def test_a_site_may_allow_more(layout: Layout) -> None:
    """29 kW explain 41.4 kW of 40: 3.6 %."""
    metered(layout, gpu_kw_in_event=29.0)
    strict, first = stated(gather_inputs(layout, EVENT))
    site = read_site(layout, SITE).model_copy(update={"reconciliation_limit_ratio": 0.05})
    register_sites(layout, {SITE: site})

    lenient, second = stated(gather_inputs(layout, EVENT))

    assert first is not None
    assert first.code is FindingCode.RECONCILIATION_RESIDUAL_HIGH
    assert second is not None
    assert second.code is FindingCode.SITE_RECONCILED
    name = f"site {SITE}"
    assert {one.name: one.sha256 for one in strict.inputs}[name] != {
        one.name: one.sha256 for one in lenient.inputs
    }[name]


def test_gpus_that_are_not_known_in_the_event_are_said_to_be_so(layout: Layout) -> None:
    metered(layout, gpu_kw_in_event=None)

    _, finding = stated(gather_inputs(layout, EVENT))

    assert finding is not None
    assert finding.code is FindingCode.SITE_NOT_RECONCILED


def test_a_site_without_gpus_has_the_statement_that_it_had(layout: Layout) -> None:
    metered(layout)
    rows = pl.DataFrame(schema=schema(TABLE))
    replace_days(layout, TABLE, SITE, FIRST_DAY, LAST_DAY, iter([rows]))

    gathered = gather_inputs(layout, EVENT)

    assert stated(gathered)[1] is None
    assert not {TABLE, WEATHER} & gathered.inputs.input_sha256.keys()


def weather(layout: Layout, station: str, celsius: float, version: int = 0) -> None:
    hours = range(((LAST_DAY - FIRST_DAY).days + 1) * 24)
    start = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    at = [start + timedelta(hours=n) for n in hours]
    rows = pl.DataFrame(
        {
            "station_id": station,
            "observed_at_utc": at,
            "outdoor_temperature_c": celsius,
            "available_at_utc": AFTER_UTC + timedelta(hours=version),
        },
        schema_overrides=schema(WEATHER),
    )
    seal_rows(layout, WEATHER, SITE, "test", rows)


def outdoor_c(layout: Layout) -> set[float]:
    inputs = gather_inputs(layout, EVENT).inputs.context.reconciliation
    assert inputs is not None
    return {one.outdoor_c for one in inputs.outdoor}


def test_the_newest_version_of_a_temperature_counts(layout: Layout) -> None:
    metered(layout)
    weather(layout, "KA", 20.0)
    weather(layout, "KA", 21.0, version=1)

    assert outdoor_c(layout) == {21.0}


def test_of_two_stations_the_named_one_counts_and_without_a_name_none(layout: Layout) -> None:
    metered(layout)
    weather(layout, "KA", 20.0)
    weather(layout, "KB", 30.0)
    unnamed = outdoor_c(layout)
    site = read_site(layout, SITE).model_copy(update={"weather_station_id": "KB"})
    register_sites(layout, {SITE: site})

    assert unnamed == set()
    assert outdoor_c(layout) == {30.0}
