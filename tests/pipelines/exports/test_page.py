import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import polars as pl

from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.statement import Override, Statement
from negawatt.models.settlement.versions import issue
from negawatt.pipelines.exports.page import render_page
from negawatt.pipelines.exports.words import MINUS
from tests.pipelines.exports.conftest import HOSTILE, PROVENANCE, SITE, START_UTC
from tests.pipelines.exports.reading import Page

FIGURES = dict.fromkeys(
    ("boundary", "event", "summary"), "<svg role='img' aria-label='chart'></svg>"
)


def rendered(statement: Statement, load: pl.DataFrame, figures: dict[str, str] = FIGURES) -> str:
    return render_page(statement, SITE, load, figures=figures, files=["lines.csv"])


def read(statement: Statement, load: pl.DataFrame) -> Page:
    return Page(rendered(statement, load))


def decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace(MINUS, "-"))


def test_the_page_begins_with_commitment_delivery_and_both_verdicts(
    statement: Statement, load: pl.DataFrame
) -> None:
    """Baseline: 100 kW on four of the last five weekdays' averages, lifted by one Monday of 110.

    The four highest of July 14, 13, 10, 9 and 8 are the Monday and three others: 102.5 kW. The
    event day before the event is 100 kW against 102.5 kW: adjusted by -2.5 kW to 100 kW. 100 less
    60 is 40 kW over four hours, 160 kWh: 133.3% of 30 kW. The meter stays 5 kW below its limit.
    """
    text = read(statement, load).text
    answer = text[: text.index("Identification")]

    assert "Committed 30.0 kW" in answer
    assert "Delivered, mean over the event 40.0 kW 160.000 kWh settled." in answer
    assert "Against the baseline Met 133.3% of the commitment was delivered." in answer
    assert "Against the limit of 65.0 kW Met" in answer
    assert "closest, 5.0 kW below" in answer
    assert "Revenue grade. The program accepts meter m & m for payment." in answer


def test_the_band_stands_beside_the_delivery(
    restated: Callable[..., Statement], statement: Statement, load: pl.DataFrame
) -> None:
    """Over four hours 150 and 172 kWh are a mean of 37.5 and 43.0 kW."""
    made = statement.body.band
    assert made is not None
    band = replace(
        made,
        lower_kwh=150.0,
        upper_kwh=172.0,
        one_sided_lower_kwh=152.0,
        commitment_met_probability=0.9999,
    )

    text = read(restated(band=band), load).text

    assert "90% band 37.5 to 43.0 kW (150.0 to 172.0 kWh)." in text
    assert "Probability that it was met: 99.9%." in text
    assert "150.0 to 172.0 kWh: settled reduction plus or minus" in text
    assert "152.0 kWh with 90% confidence" in text


def test_the_interval_table_states_the_lines_and_their_totals(
    statement: Statement, load: pl.DataFrame
) -> None:
    table = read(statement, load).table_with("Adjusted baseline [kWh]")

    shown = [[decimal(cell) for cell in row[2:5]] for row in table[1:-1]]
    assert shown == [
        [line.adjusted_baseline_kwh, line.metered_kwh, line.reduction_kwh]
        for line in statement.body.lines
    ]
    assert [row[:2] for row in table[1:3]] == [["14:00", "15:00"], ["15:00", "16:00"]]
    totals = statement.body.totals
    assert [decimal(cell) for cell in table[-1][1:4]] == [
        totals.adjusted_baseline_kwh,
        totals.metered_kwh,
        totals.reduction_kwh,
    ]


def test_every_candidate_day_is_listed_with_use_reason_and_power(
    statement: Statement, load: pl.DataFrame
) -> None:
    table = read(statement, load).table_with("Mean power over the event's hours [kW]")

    assert [[row[1].split()[1], row[2], row[3]] for row in table[1:]] == [
        [day.use.value, day.reason, f"{day.window_power_kw_mean:.1f}"]
        for day in statement.body.days
    ]
    assert table[1][0] == "Tue, Jul 14, 2026"


def test_the_adjustment_is_an_equation(statement: Statement, load: pl.DataFrame) -> None:
    text = read(statement, load).text

    assert f"metered 100.0 kW {MINUS} baseline 102.5 kW = {MINUS}2.5 kW" in text
    assert f"Applied to every interval: {MINUS}2.5 kW" in text


def test_every_method_is_listed_and_the_settled_one_is_marked(
    statement: Statement, load: pl.DataFrame
) -> None:
    sensitivity = statement.body.sensitivity
    assert sensitivity is not None

    table = read(statement, load).table_with("Method")

    assert [(row[1], decimal(row[2])) for row in table[1:]] == [
        (method.method_id, round(Decimal(str(method.reduction_kwh)), 3))
        for method in sensitivity.computed
    ]
    assert [row[0].endswith("(settled)") for row in table[1:]] == [True, False, False]


def test_a_method_that_cannot_be_computed_says_why(
    statement: Statement, load: pl.DataFrame
) -> None:
    """A rule of one-minute intervals refuses hourly load."""
    sensitivity = statement.body.sensitivity
    assert sensitivity is not None
    (refused,) = sensitivity.not_computable

    text = read(statement, load).text

    name = "Mean of the hours before and after the event before_and_after@1"
    assert f"{name} {refused.reason}" in text
    assert "found 60 minutes" in refused.reason


def test_what_is_not_known_reads_so_and_zero_reads_zero(
    restated: Callable[..., Statement], statement: Statement, load: pl.DataFrame
) -> None:
    verdicts, response = statement.body.verdicts, statement.body.response
    assert response is not None
    unknown = replace(verdicts.baseline, delivered_kw_mean=None, delivered_ratio=None)
    zero = replace(verdicts.cap, worst_exceedance_kw=0.0, within_limit_ratio=0.0)

    page = read(
        restated(
            verdicts=replace(verdicts, baseline=unknown, cap=zero),
            response=replace(response, rebound_kw_max=None, limit_reached_minutes=None),
            band=None,
            placebo=None,
        ),
        load,
    )

    assert "Delivered, mean over the event not known 160.000 kWh settled." in page.text
    assert "Band not known: 0 ordinary days to learn it from." in page.text
    assert "closest, 0.0 kW below" in page.text
    assert ["First at or below the limit", "not known, or never reached"] in page.table_with(
        "First at or below the limit"
    )
    assert "Rebound afterward not known" in page.text
    assert "None" not in page.text.replace("None: ", "").replace("None.", "")


def test_a_job_without_a_figure_is_not_known_and_never_zero(
    statement: Statement, load: pl.DataFrame
) -> None:
    """The training run gives up 20 kW for four hours, 80 of the meter's 160 kWh."""
    table = read(statement, load).table_with("Job")

    assert table[1][:4] == ["training", "50.0", "30.0", "80.0"]
    assert table[2][:4] == [HOSTILE, "10.0", "not known", "not known"]
    assert table[2][4].startswith("ended")
    assert table[3][:2] == ["Not explained by these jobs", "80.0"]


def test_what_was_done_to_jobs_has_a_column_where_a_log_says_it(
    restated: Callable[..., Statement], statement: Statement, load: pl.DataFrame
) -> None:
    made = statement.body.attribution
    assert made is not None
    capped = replace(made.jobs[0], mechanism="cap")

    without = read(statement, load)
    logged = read(restated(attribution=replace(made, jobs=(capped, *made.jobs[1:]))), load)

    assert "What was done" not in without.table_with("Job")[0]
    assert "no log of the operator was read" in without.text
    assert [row[4] for row in logged.table_with("Job")[:3]] == ["What was done", "cap", "not known"]


def test_text_from_data_is_escaped(restated: Callable[..., Statement], load: pl.DataFrame) -> None:
    finding = Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject="meter '</p><script>'",
        message="<img src=x onerror=alert(1)>",
        evidence={"<b>": "</style>"},
    )

    source = rendered(restated(findings=(finding,)), load)

    page = Page(source)
    assert not {"script", "img", "b"} & {tag for tag, _ in page.tags}
    assert "<img src=x onerror=alert(1)>" in page.text
    assert HOSTILE in page.text


def test_the_page_fetches_nothing_and_runs_nothing(
    statement: Statement, load: pl.DataFrame
) -> None:
    source = rendered(statement, load)

    page = Page(source)
    assert not {"script", "link", "iframe", "object", "img"} & {tag for tag, _ in page.tags}
    assert not re.findall(r"url\(|@import|https?://", source)
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    links = {found["href"] or "" for tag, found in page.tags if tag == "a"}
    within = {link for link in links if link.startswith("#")}
    assert links - within == {"lines.csv"}
    assert within <= {f"#{name}" for name in page.ids()}


def test_headings_captions_and_identities_serve_a_screen_reader(
    statement: Statement, load: pl.DataFrame
) -> None:
    page = read(statement, load)

    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en-US"}) in page.tags
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table")
    assert len(page.ids()) == len(set(page.ids()))
    named = [found["aria-labelledby"] for tag, found in page.tags if tag == "section"]
    assert set(named) <= set(page.ids())
    assert all("scope" in found for tag, found in page.tags if tag == "th")


def test_identification_names_digests_versions_and_the_rule(
    statement: Statement, load: pl.DataFrame
) -> None:
    page = read(statement, load)

    rows = [row for table in page.tables for row in table]
    assert ["Digest of the statement", statement.statement_digest] in rows
    assert ["Digest of the rule", statement.body.rule_digest] in rows
    assert ["Digest of the version before", "none, this is the first"] in rows
    assert ["core_site__interval_energy", "1", "c" * 64] in rows
    assert ["raw_grid__events", "\N{EN DASH}", "e" * 64] in rows
    assert ["Event", "e1, revision 2, economic"] in rows
    assert "Fri, Jul 17, 2026, 05:30 (2026-07-17 09:30:00 UTC)" in page.text


def test_the_limits_name_the_boundary_and_every_fact_to_check(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    text = read(restated(low_confidence_facts=("cap: 20% (check section 1)",)), load).text

    assert "Meter m & m sees: the feeder of hall 1; no generation behind it." in text
    assert "1 fact of the program's rule was not read in the primary document" in text
    assert "cap: 20% (check section 1)" in text


def test_a_meter_that_is_not_accepted_is_said_at_the_top(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    text = read(restated(revenue_grade=False), load).text

    top = text[: text.index("Identification")]
    assert "Not revenue grade. The program does not accept meter m & m" in top


def test_a_restatement_itemizes_what_changed(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    page = read(restated(revenue_grade=False), load)

    assert page.table_with("Before")[1:] == [["revenue_grade", "true", "false"]]
    assert "1 value that differs from version 1" in page.text


def test_an_override_says_who_decided_and_why(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    override = Override(
        finding_code=FindingCode.COVERAGE_LOW,
        subject="meter 'm'",
        reason="read by hand",
        decided_by="A. Auditor",
        decided_at_utc=START_UTC,
    )

    blocking = Finding(
        code=FindingCode.COVERAGE_LOW,
        severity=Severity.BLOCKING,
        subject="meter 'm'",
        message="expected 4 hours, found 3",
    )
    text = read(restated(overrides=(override,), findings=(blocking,)), load).text

    assert "Settled in spite of 1 blocking finding." in text
    assert "read by hand (decided by A. Auditor, Wed, Jul 15, 2026, 14:00)" in text


def test_a_load_that_is_not_known_is_named_under_the_chart(
    statement: Statement, load: pl.DataFrame
) -> None:
    hours = (pl.col.interval_start_utc - START_UTC).dt.total_hours()

    text = read(statement, load.filter(~hours.is_between(-2, -1))).text

    assert "Power is not known, and none is drawn, from 12:00 to 14:00." in text


def test_a_same_day_rule_says_that_no_other_day_was_looked_at(
    inputs: SettlementInputs, load: pl.DataFrame
) -> None:
    event = replace(inputs.event, program_id="pre_event_hour")
    rule = load_program("pre_event_hour", overrides=("interval_minutes=60",))

    body = settle_event(replace(inputs, event=event, rule=rule)).body

    assert "no other day was looked at" in read(issue(None, body, PROVENANCE), load).text


def test_the_same_statement_gives_the_same_bytes(statement: Statement, load: pl.DataFrame) -> None:
    assert rendered(statement, load) == rendered(statement, load.sample(fraction=1, shuffle=True))
