"""The life of a statement: its stages, who decided one, why a version differs, who computed it.

All of it stands around a body and outside its digest: none of it is a figure. Here: types and
what they guarantee. Not here: which version follows which (versions.py), how a cause is found
(causes.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """Where an issued version stands in the life of its statement.

    ``initial`` is the first version, ``recalculated`` any later one that states something else.
    ``final`` is declared by a person; from then on nothing is published unless somebody reopens the
    statement. ``void`` follows the event's cancellation: the body is the one that was voided, and
    its figures count no more.
    """

    INITIAL = "initial"
    RECALCULATED = "recalculated"
    FINAL = "final"
    VOID = "void"


class DecisionKind(StrEnum):
    """What a person decides about a statement as a whole."""

    FINALIZE = "finalize"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided with a version; when is the version's time of issue.

    Attributes:
        kind: Declare the statement final, or reopen a final one.
        decided_by: Who.
        reason: Why; may be empty only where a statement becomes final.

    Raises:
        ValueError: Nobody is named, or a statement is reopened without a reason.
    """

    kind: DecisionKind
    decided_by: str
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.decided_by.strip():
            raise ValueError(f"decided_by must name who decides, got {self.decided_by!r}")
        if self.kind is DecisionKind.REOPEN and not self.reason.strip():
            raise ValueError(f"reason must say why it is reopened, got {self.reason!r}")


class CauseKind(StrEnum):
    """What made a version differ from the one before."""

    EVENT = "event"
    INPUT = "input"
    RULE = "rule"
    SITE = "site"
    OVERRIDE = "override"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that changed between two versions and may have moved a figure.

    Attributes:
        kind: What sort of thing.
        subject: Which: an input by its name, a rule, an override, a library.
        message: What changed about it, for a person: ``4 intervals on 2026-06-30``.
        old: Its earlier state as text, a digest or version; None where there was none.
        new: Its state now, None where it is gone.
    """

    kind: CauseKind
    subject: str
    message: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that differs between two versions.

    Attributes:
        path: Where it stands in the body, members of lists by what identifies them:
            ``lines[2026-06-30T18:00:00Z].metered_kwh``.
        old_json: Its earlier value as JSON, None where it was absent.
        new_json: Its new value as JSON, None where it is absent.
    """

    path: str
    old_json: str | None
    new_json: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who computed a version from where, and with what; outside the digest.

    A table's version rises with every write, also of other days, and a newer code version may
    state the same figures: neither makes a new statement.

    Attributes:
        issued_at_utc: When the version was issued.
        code_version: Version of negawatt that computed it.
        code_digest: SHA-256 of what computes a figure: the files of negawatt.models.
        library_versions: Version of each library that could change a figure: numerics, holidays,
            time zones.
        parameters: What the settlement fixes and no program states, by name with unit.
        table_versions: Version of each table that was read, and of each out_event__ table that
            was written with this version.
    """

    issued_at_utc: datetime
    code_version: str
    code_digest: str
    library_versions: Mapping[str, str]
    parameters: Mapping[str, float]
    table_versions: Mapping[str, int]
