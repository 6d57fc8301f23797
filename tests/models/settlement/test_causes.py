from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.causes import causes
from negawatt.models.settlement.lifecycle import Cause, CauseKind, Provenance
from negawatt.models.settlement.statement import InputDigest, Override, StatementBody
from negawatt.models.settlement.versions import issue

Settle = Callable[..., StatementBody]

OVERRIDE = Override(
    finding_code=FindingCode.READING_ESTIMATED,
    subject="meter 'm'",
    reason="agreed",
    decided_by="A. Auditor",
    decided_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
)


def with_inputs(body: StatementBody, digests: Mapping[str, str]) -> StatementBody:
    inputs = tuple(InputDigest(name=name, sha256=digest) for name, digest in digests.items())
    return replace(body, inputs=inputs)


def of(
    old: StatementBody,
    new: StatementBody,
    provenance: Provenance,
    *,
    now: Provenance | None = None,
    changes: Mapping[str, str] | None = None,
) -> tuple[Cause, ...]:
    return causes(issue(None, old, provenance), new, now or provenance, changes or {})


def test_an_input_that_changed_is_named_with_what_changed_in_it(
    settle: Settle, provenance: Provenance
) -> None:
    old = with_inputs(settle(), {"load": "a" * 64, "jobs": "b" * 64})
    new = with_inputs(settle(), {"load": "c" * 64, "jobs": "b" * 64})

    found = of(old, new, provenance, changes={"load": "4 intervals on 2026-06-30"})

    assert found == (
        Cause(
            kind=CauseKind.INPUT,
            subject="load",
            message="4 intervals on 2026-06-30",
            old="a" * 64,
            new="c" * 64,
        ),
    )


def test_without_words_the_digests_say_that_it_changed(
    settle: Settle, provenance: Provenance
) -> None:
    old = with_inputs(settle(), {"program p@1": "a" * 64, "site s": "a" * 64})
    new = with_inputs(settle(), {"program p@1": "b" * 64, "prices": "c" * 64})

    found = [(cause.kind, cause.subject, cause.message) for cause in of(old, new, provenance)]

    assert found == [
        (CauseKind.INPUT, "prices", "read for the first time"),
        (CauseKind.RULE, "program p@1", "content aaaaaaaaaaaa to bbbbbbbbbbbb"),
        (CauseKind.SITE, "site s", "read no more"),
    ]


def test_an_event_that_was_revised_says_in_what(settle: Settle, provenance: Provenance) -> None:
    old = settle()
    new = replace(old, event=replace(old.event, revision=2, limit_kw=70.0))

    (cause,) = of(old, new, provenance)

    assert (cause.kind, cause.subject) == (CauseKind.EVENT, "event e1")
    assert (cause.old, cause.new) == ("revision 1", "revision 2")
    assert cause.message == "limit_kw 75.0 to 70.0"


def test_an_override_that_was_made_or_is_not_needed_any_more_is_a_cause(
    settle: Settle, provenance: Provenance
) -> None:
    old, new = settle(), replace(settle(), overrides=(OVERRIDE,))

    (made,), (gone,) = of(old, new, provenance), of(new, old, provenance)

    assert made.subject == "reading_estimated of meter 'm'"
    assert made.message == "settled in spite of it by A. Auditor: agreed"
    assert (gone.message, gone.new) == ("not needed any more", None)


def test_other_code_libraries_and_parameters_are_causes(
    settle: Settle, provenance: Provenance
) -> None:
    old, new = settle(), settle(metered_kwh=(70.0, 81.0))
    now = replace(
        provenance,
        code_digest="f" * 64,
        library_versions={"numpy": "2.4.0"},
        parameters={"history_days": 63.0},
    )

    found = [(cause.subject, cause.message) for cause in of(old, new, provenance, now=now)]

    assert found == [
        ("negawatt", "other code of version 0.1.0"),
        ("numpy", "2.3.0 to 2.4.0"),
        ("history_days", "62 to 63"),
    ]
    newer = of(old, new, provenance, now=replace(now, code_version="0.2.0"))
    assert newer[0].message == "version 0.1.0 to 0.2.0"


def test_a_difference_that_nothing_explains_is_not_left_without_a_cause(
    settle: Settle, provenance: Provenance
) -> None:
    (cause,) = of(settle(), settle(metered_kwh=(70.0, 81.0)), provenance)

    assert (cause.kind, cause.subject) == (CauseKind.CODE, "negawatt")
    assert "report this as a bug" in cause.message
    assert of(settle(), settle(), provenance) == ()
