from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, get_args, get_type_hints

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.differences import IDENTITIES, differences
from negawatt.models.settlement.lifecycle import Difference
from negawatt.models.settlement.statement import StatementBody

Settle = Callable[..., StatementBody]

NOTE = Finding(
    code=FindingCode.SAMPLE_GAP, severity=Severity.INFO, subject="node 'n'", message="12 s"
)


def by_path(old: StatementBody, new: StatementBody) -> dict[str, Difference]:
    return {found.path: found for found in differences(old, new)}


def test_equal_bodies_differ_in_nothing(settle: Settle) -> None:
    assert differences(settle(), settle()) == ()


def test_what_is_added_or_gone_has_one_side_only(settle: Settle) -> None:
    body = settle()
    shorter = replace(body, days=body.days[:1], band=None)

    found = by_path(body, shorter)

    assert found.keys() == {"band", "days[2026-06-29]"}
    assert found["band"].new_json == "null"
    assert found["days[2026-06-29]"].new_json is None
    assert [entry.old_json for entry in differences(shorter, body)] == ["null", None]


def test_an_interval_that_comes_in_before_the_others_moves_none_of_them(settle: Settle) -> None:
    body = settle()
    first = body.lines[0]
    earlier = replace(
        first,
        interval_start_utc=first.interval_start_utc - timedelta(hours=1),
        interval_end_utc=first.interval_start_utc,
    )

    found = by_path(
        replace(body, band=None), replace(body, band=None, lines=(earlier, *body.lines))
    )

    assert found.keys() == {"lines[2026-07-01T15:00:00Z]"}


def test_findings_are_told_apart_by_code_and_subject(settle: Settle) -> None:
    """Between two others a third comes in; of two alike the second has a number."""
    other = replace(NOTE, subject="node 'z'")

    found = by_path(
        settle(data_findings=(NOTE, other)),
        settle(data_findings=(replace(NOTE, message="15 s"), replace(NOTE, message="18 s"), other)),
    )

    assert found.keys() == {
        "findings[sample_gap:node 'n'].message",
        "findings[sample_gap:node 'n' #2]",
    }


def test_a_placebo_day_that_is_gone_moves_no_other_error(settle: Settle) -> None:
    body = settle()
    assert body.placebo is not None
    shorter = replace(
        body.placebo, dates=body.placebo.dates[1:], errors_kwh=body.placebo.errors_kwh[1:]
    )

    assert by_path(body, replace(body, placebo=shorter)).keys() == {
        "placebo.dates[2026-06-30]",
        "placebo.errors_kwh.2026-06-30",
    }


def test_a_body_from_which_a_figure_was_left_out_differs_and_is_no_error(settle: Settle) -> None:
    body = settle()
    assert body.band is not None
    forged = replace(body.band, interval_lower_kwh=body.band.interval_lower_kwh[:1])

    assert by_path(body, replace(body, band=forged)).keys() == {"band.interval_lower_kwh"}


def test_every_record_of_a_list_in_a_body_has_what_identifies_it() -> None:
    """A new list in the body needs an entry in IDENTITIES, or its members shift by position."""
    nameless = {
        record.__name__
        for record in records_in_lists(StatementBody)
        if not {path[0] for path in IDENTITIES} & {field.name for field in fields(record)}
    }

    assert nameless == set()


def records_in_lists(kind: type[Any]) -> Iterator[type[Any]]:
    """Yield every record that stands in a list somewhere inside a record."""
    for hint in get_type_hints(kind).values():
        for inner in inside(hint):
            if isinstance(inner, type) and is_dataclass(inner):
                if inner in set(members(hint)):
                    yield inner
                yield from records_in_lists(inner)


def inside(hint: object) -> Iterator[Any]:
    yield hint
    for inner in get_args(hint):
        yield from inside(inner)


def members(hint: object) -> Iterator[Any]:
    for part in inside(hint):
        if getattr(part, "__origin__", None) is tuple:
            yield from get_args(part)
