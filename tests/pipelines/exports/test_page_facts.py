from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.statement import Statement
from negawatt.models.verification.context import OnSiteKind
from negawatt.models.verification.cost import Cost, JobCost, TierCost
from negawatt.models.verification.leakage import Leakage, LeakageOutcome, SiteRise
from negawatt.models.verification.on_site import OnSite, OnSiteOutput
from negawatt.pipelines.exports.page_facts import SCREENS, interval_rows, quality_of
from negawatt.pipelines.exports.sections import SECTIONS
from tests.pipelines.exports.conftest import START_UTC
from tests.pipelines.exports.test_page import read


def test_seventeen_numbered_sections_follow_the_summary_in_the_auditors_order(
    statement: Statement, load: pl.DataFrame
) -> None:
    """The order of the contents of a settlement report that auditors ask for."""
    page = read(statement, load)

    names = [found["id"] for tag, found in page.tags if tag == "h2"]
    assert names == ["summary", *(section.name for section in SECTIONS)]
    assert len(SECTIONS) == 17
    text = page.text.partition("Changes since earlier versions")[2]
    places = [text.index(f"{n}. {section.title}") for n, section in enumerate(SECTIONS, start=1)]
    assert places == sorted(places)


def test_a_section_without_data_says_what_was_not_measured(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    text = read(restated(attribution=None, response=None, sensitivity=None), load).text

    assert "Not stated: neither GPUs nor jobs were measured" in text
    assert "9. Rebound and net energy Not computed." in text
    assert "No other method was tried." in text


def test_what_was_declared_and_told_is_stated(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    leakage = Leakage(
        outcome=LeakageOutcome.ROSE,
        sites=(SiteRise(site_id="<b>", baseline_kwh=10.0, metered_kwh=34.0, rise_kwh=24.0),),
        rise_kwh=24.0,
        rise_ratio=0.15,
    )
    on_site = OnSite(
        is_declared=True,
        counts=False,
        outputs=(OnSiteOutput(meter_id="battery", kind=OnSiteKind.STORAGE, event_kwh=40.0),),
        metered_reduction_kwh=160.0,
        load_reduction_kwh=120.0,
    )
    told = JobCost(
        job_id="j", flexibility_tier=3, throughput_ratio=0.5, delayed_work_s=7200.0, note="stated"
    )
    cost = Cost(
        jobs=(told,),
        tiers=(TierCost(name="tier 3", job_count=1, delayed_work_s=7200.0),),
        delayed_work_s=7200.0,
        delayed_work_s_per_kwh=45.0,
    )

    text = read(restated(leakage=leakage, on_site=on_site, cost=cost), load).text

    assert "Rose elsewhere: together the operator's other sites used +24.0 kWh" in text
    assert "15% of the reduction here" in text
    assert "The program does not count it as reduction." in text
    assert "of the load itself, without them, by the same rule 120.0 kWh" in text
    assert "2.00 hours of full-speed work less in the event, 12.5 for each MWh reduced" in text


def test_all_nine_tests_for_manipulation_are_listed_and_none_passes_for_want_of_data(
    statement: Statement, load: pl.DataFrame
) -> None:
    """A hall that declared neither generators nor other meters is not screened for them."""
    rows = {row[0]: row[1:] for row in read(statement, load).table_with("Test")[1:]}

    assert len(rows) == len(SCREENS) == 9
    assert rows["displacement"][0].endswith("not made")
    assert rows["displacement"][1].startswith("needs load of the operator's other meters")


def test_the_state_of_the_readings_is_told_of_the_event_window_alone(
    statement: Statement, load: pl.DataFrame
) -> None:
    """One of four hours is lost, one is measured to a half: 2.5 of 4 hours, 62.5%."""
    hours = (pl.col.interval_start_utc - START_UTC).dt.total_hours()
    read_load = load.filter(hours != 1).with_columns(
        coverage_ratio=pl.when(hours == 2).then(0.5).otherwise(pl.col.coverage_ratio)
    )

    quality = quality_of(statement.body, read_load)

    assert quality.measured_ratio == 0.625
    assert quality.longest_gap == timedelta(hours=1)
    assert quality.methods == (("metered", 0.75),)
    assert quality.unknown_ratio == 0.25


def test_instants_of_messages_are_told_in_local_time(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    finding = Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject="meter 'm'",
        message="the first that is missing starts at 2026-07-15T03:30:00+00:00",
        evidence={},
    )

    text = read(restated(findings=(finding,)), load).text

    assert "starts at Tue, Jul 14, 2026, 23:30" in text
    assert "own mean from Wed, Jul 15, 2026, 13:00 to 14:00." in text


def test_many_lines_are_added_up_by_the_hour(
    inputs: SettlementInputs, restated: Callable[..., Statement]
) -> None:
    """61 lines of one minute with 2 kWh and 1 kWh: an hour of 120 less 60, a minute of 2 less 1."""
    line = settle_event(inputs).body.lines[0]
    minute = timedelta(minutes=1)
    lines = tuple(
        replace(
            line,
            interval_start_utc=START_UTC + n * minute,
            interval_end_utc=START_UTC + (n + 1) * minute,
            adjusted_baseline_kwh=Decimal("2.000"),
            metered_kwh=Decimal("1.000"),
            reduction_kwh=Decimal("1.000"),
        )
        for n in range(61)
    )

    rows = interval_rows(restated(lines=lines).body)

    assert [(row.end_utc - row.start_utc) / minute for row in rows] == [60, 1]
    assert [row.adjusted_baseline_kwh for row in rows] == [Decimal(120), Decimal(2)]
    assert [row.reduction_kwh for row in rows] == [Decimal(60), Decimal(1)]
    assert [row.reduction_kw_mean for row in rows] == pytest.approx([60.0, 60.0])


def test_resets_are_counted_by_counter_also_where_one_finding_stands_for_many(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    """64 counters in one finding and one in another are 65."""
    reset = Finding(
        code=FindingCode.COUNTER_RESET,
        severity=Severity.WARNING,
        subject="GPU 'g'",
        message="found 1 reset",
        evidence={"reset_count": 1},
    )
    many = replace(reset, subject="64 subjects", evidence={"count": 64})

    page = read(restated(findings=(reset, many)), load)

    assert ["Resets of energy counters", "found of 65 counters"] in page.table_with(
        "Resets of energy counters"
    )
