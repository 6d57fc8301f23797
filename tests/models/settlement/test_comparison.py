from collections.abc import Callable
from dataclasses import replace

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.comparison import Change, compare
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.settlement.versions import issue

Settle = Callable[..., StatementBody]

NOTE = Finding(
    code=FindingCode.SAMPLE_GAP, severity=Severity.INFO, subject="node 'n'", message="12 s"
)


def test_figures_come_with_how_much_they_moved(settle: Settle, provenance: Provenance) -> None:
    """81 for 80 kWh in the second of two hours: 1 kWh less, 0.05 USD less, half a kilowatt less."""
    first = issue(None, settle(), provenance)
    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance)

    found = {change.name: change for change in compare(first, second).moved}

    assert found["reduction_kwh"] == Change(
        name="reduction_kwh", old="50.001", new="49.001", difference="-1.000"
    )
    assert found["metered_kwh"].difference == "+1.000"
    assert found["payment_USD"].difference == "-0.05"
    assert found["delivered_kw_mean"].difference == "-0.5"
    assert "adjusted_baseline_kwh" not in found
    assert "baseline_verdict" not in found


def test_only_the_interval_that_moved_is_listed(settle: Settle, provenance: Provenance) -> None:
    first = issue(None, settle(), provenance)
    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance)

    (line,) = compare(first, second).lines

    assert line.interval_start_utc.hour == 17
    assert line.old is not None
    assert line.new is not None
    assert (str(line.old.metered_kwh), str(line.new.metered_kwh)) == ("80.000", "81.000")


def test_days_findings_and_adjustment_are_told_apart(
    settle: Settle, provenance: Provenance
) -> None:
    old = settle(data_findings=(NOTE,))
    dropped = replace(old.days[0], use=DayUse.DROPPED, reason="a reading is missing")
    adjustment = replace(old.adjustment, applied_value=2.0)
    new = replace(
        old,
        days=(dropped, *old.days[1:]),
        adjustment=adjustment,
        findings=(replace(NOTE, message="15 s"),),
    )

    found = compare(issue(None, old, provenance), issue(None, new, provenance))

    (day,) = found.days
    assert day.old is not None
    assert day.new is not None
    assert (day.old.use, day.new.use) == (DayUse.SELECTED, DayUse.DROPPED)
    assert found.adjustment == (
        Change(name="applied_value", old="1.0", new="2.0", difference="+1"),
    )
    assert [one.message for one in found.findings_gone] == ["12 s"]
    assert [one.message for one in found.findings_new] == ["15 s"]
    assert found.others == ()


def test_what_has_no_place_of_its_own_is_listed_by_its_path(
    settle: Settle, provenance: Provenance
) -> None:
    old, new = settle(), settle(revenue_grade=False)

    found = compare(issue(None, old, provenance), issue(None, new, provenance))

    assert [one.path for one in found.others] == ["revenue_grade"]


def test_a_statement_and_itself_differ_in_nothing(settle: Settle, provenance: Provenance) -> None:
    statement = issue(None, settle(), provenance)

    found = compare(statement, statement)

    assert (found.moved, found.lines, found.days, found.others) == ((), (), (), ())
