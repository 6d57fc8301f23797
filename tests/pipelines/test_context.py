"""What is known around an event, from tables to a statement."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.bundle.verify import verify_bundle
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.verification.leakage import LeakageOutcome
from negawatt.pipelines import run
from negawatt.pipelines.exports.bundle import Wanted, write_bundle
from negawatt.pipelines.publish import publish_settlement
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.estimate_tables import record_estimate
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.profiles import read_profile, translate
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, read_site, register_sites
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    meter_rows,
)

pytestmark = pytest.mark.slow


def declare(layout: Layout, **facts: object) -> None:
    register_sites(layout, {SITE: read_site(layout, SITE).model_copy(update=facts)})


def body_of(layout: Layout) -> StatementBody:
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return publish_settlement(layout, EVENT, AFTER_UTC)[0].body


def test_nothing_declared_is_said_so(layout: Layout) -> None:
    body = body_of(layout)

    assert body.leakage is not None
    assert body.leakage.outcome is LeakageOutcome.NOT_DECLARED
    assert body.on_site is not None
    assert not body.on_site.is_declared
    assert body.cost is None


def test_load_that_moved_to_another_site_is_leakage(layout: Layout) -> None:
    """The other hall draws 30 kW more in both hours: 60 of the 120 kWh moved."""
    other = Site(
        time_zone="America/New_York", settlement_meter_id="m2", revenue_grade=True, boundary="b"
    )
    register_sites(layout, {"s2": other})
    in_event = pl.col("interval_start_utc").is_between(
        EVENT_START_UTC, EVENT_END_UTC, closed="left"
    )
    rows = meter_rows().with_columns(
        meter_id=pl.lit("m2"),
        energy_kwh=pl.when(in_event).then(130 / 4).otherwise(pl.col("energy_kwh")),
    )
    seal_rows(layout, "raw_meter__readings", "s2", "test", rows)
    run.run_daily_metering(layout, "s2", FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    declare(layout, other_sites=("s2",))

    body = body_of(layout)

    assert body.leakage is not None
    assert body.leakage.rise_kwh == pytest.approx(60.0)
    assert body.leakage.rise_ratio == pytest.approx(0.5)


def test_a_battery_that_discharged_is_kept_apart(layout: Layout) -> None:
    """From 0 to 20 kW over two hours: 40 of the 120 kWh."""
    in_event = pl.col("interval_start_utc").is_between(
        EVENT_START_UTC, EVENT_END_UTC, closed="left"
    )
    rows = meter_rows().with_columns(
        meter_id=pl.lit("battery"), energy_kwh=pl.when(in_event).then(5.0).otherwise(0.0)
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)
    declare(layout, on_site_meters={"battery": "storage"})

    body = body_of(layout)

    assert body.on_site is not None
    assert body.on_site.on_site_reduction_kwh == pytest.approx(40.0)
    assert body.on_site.load_reduction_kwh == pytest.approx(80.0)
    assert FindingCode.STORAGE_DISCHARGED in {found.code for found in body.findings}


def test_a_declared_meter_without_readings_leaves_the_load_unknown(layout: Layout) -> None:
    declare(layout, on_site_meters={"battery": "storage"})

    body = body_of(layout)

    assert body.on_site is not None
    assert body.on_site.load_reduction_kwh is None
    assert body.on_site.note


def test_a_declared_site_that_nobody_registered_is_refused(layout: Layout) -> None:
    declare(layout, other_sites=("s9",))

    with pytest.raises(ConfigurationError, match="s9"):
        body_of(layout)


def test_a_tolerance_of_the_site_decides_the_cap(layout: Layout) -> None:
    """40 kW against a limit of 45: within; a limit of 39 with 1 kW of tolerance would be kept."""
    declare(layout, limit_tolerance_kw=1.0)

    assert body_of(layout).verdicts.cap.tolerance_kw == 1.0


def test_control_log_and_performance_come_in_by_profiles(layout: Layout, tmp_path: Path) -> None:
    profiles = {
        "control": 'table = "raw_job__control"\n[columns]\njob_id = "job"\nacted_at_utc = "at"\n'
        'job_action = "what"\n[values.job_action]\nthrottle = "cap"\n',
        "performance": 'table = "raw_job__performance"\n[columns]\njob_id = "job"\n'
        'performance_ratio = "speed"\nflexibility_tier = "tier"\n[constants]\n'
        f'event_id = "{EVENT}"\n[values.flexibility_tier]\n"Flex 3" = "3"\n',
    }
    sources = {
        "control": {"job": [" j1 "], "at": [EVENT_START_UTC.isoformat()], "what": ["throttle"]},
        "performance": {"job": ["j1"], "speed": ["0.75"], "tier": ["Flex 3"]},
    }
    for name, text in profiles.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        rows = translate(read_profile(path), pl.DataFrame(sources[name]), AFTER_UTC)
        seal_rows(layout, f"raw_job__{name}", SITE, "test", rows)
    seal_rows(layout, "raw_job__readings", SITE, "test", job_rows())

    body = body_of(layout)

    assert body.attribution is not None
    assert [one.mechanism for one in body.attribution.jobs] == ["capped"]
    assert body.cost is not None
    assert body.cost.tiers[0].name == "tier 3"
    assert body.cost.delayed_work_s == pytest.approx(1800.0)


def test_a_word_that_the_profile_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'table = "raw_job__control"\n[columns]\njob_id = "job"\nacted_at_utc = "at"\n'
        'job_action = "what"\n[values.job_action]\nthrottle = "cap"\n',
        encoding="utf-8",
    )
    source = pl.DataFrame({"job": ["j"], "at": ["2026-07-01T00:00:00Z"], "what": ["kill"]})

    with pytest.raises(DataRefusedError, match="raw_job__control"):
        translate(read_profile(path), source, AFTER_UTC)


def job_rows() -> pl.DataFrame:
    """Return a job of 10 kW that draws 6 kW in the event."""
    starts = [EVENT_START_UTC + n * QUARTER for n in range(-8, 8)]
    return pl.DataFrame(
        {
            "job_id": "j1",
            "interval_start_utc": starts,
            "interval_end_utc": [start + QUARTER for start in starts],
            "energy_kwh": [2.5 if start < EVENT_START_UTC else 1.5 for start in starts],
            "reading_quality": "ok",
            "available_at_utc": AFTER_UTC - timedelta(days=1),
        }
    )


def test_a_recorded_estimate_stands_beside_the_settled_figure_and_changes_none(
    layout: Layout,
) -> None:
    """100 kWh would have been drawn of 100 credited in each of two hours: 120 of 120 kWh."""
    before = body_of(layout)
    event = find_event(layout, EVENT)
    hours = [EVENT_START_UTC, EVENT_START_UTC + 4 * QUARTER]
    estimate = pl.DataFrame(
        {"ts": pl.Series(hours, dtype=pl.Datetime("ms", "UTC")), "cf_kw": [90.0, 90.0]}
    ).with_columns(lo_kw=pl.col("cf_kw") - 5, hi_kw=pl.col("cf_kw") + 5)
    record_estimate(
        layout,
        event,
        estimate,
        method_id="job_aware@1",
        basis_sha256="0" * 64,
        available_at_utc=AFTER_UTC,
    )

    statement = publish_settlement(layout, EVENT, AFTER_UTC + timedelta(hours=1))[0]

    body = statement.body
    assert before.corroboration is None
    assert body.totals == before.totals
    assert body.corroboration is not None
    assert body.corroboration.difference_kwh == 20.0
    assert body.corroboration.within_band is False
    assert FindingCode.OUTSIDE_ESTIMATED_BAND in {one.code for one in body.findings}
    assert [cause.subject for cause in statement.causes] == ["raw_event__counterfactual"]
    measures = read_table(layout, "out_event__performance", pl.col("event_id") == EVENT).frame
    assert measures.filter(pl.col("measure_id") == "estimated_reduction_kwh")[
        "measure_value"
    ].to_list() == [100.0]
    written = write_bundle(layout, EVENT, Wanted(signed_at_utc=AFTER_UTC))
    assert not verify_bundle(written.path.read_bytes()).failures
