"""Two versions of a statement side by side, in the order in which a settlement analyst asks.

First the figures, then which intervals moved, which days came or went, the adjustment, the findings
and the decisions; what is left follows by its path. Not here: why they differ (causes.py), which an
issued version says itself, and words for people (negawatt.cli).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from negawatt.models.baselines.result import CandidateDay
from negawatt.models.domain.findings import Finding
from negawatt.models.settlement.differences import differences
from negawatt.models.settlement.lifecycle import Difference
from negawatt.models.settlement.rounding import difference
from negawatt.models.settlement.statement import Override, Statement, StatementBody, StatementLine

T = TypeVar("T")
K = TypeVar("K")

_ITEMIZED: Final = (
    "adjustment.",
    "days[",
    "findings[",
    "inputs[",
    "lines[",
    "overrides[",
    "totals.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One named value before and after, as text; None where it is not known or not there.

    Attributes:
        name: What it is, with its unit.
        old: Before.
        new: After.
        difference: New less old, where both are numbers.
    """

    name: str
    old: str | None
    new: str | None
    difference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """One interval that is settled otherwise; a side is None where it is not settled there."""

    interval_start_utc: datetime
    old: StatementLine | None
    new: StatementLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """One candidate day that is used otherwise; a side is None where it was no candidate."""

    candidate_date: date
    old: CandidateDay | None
    new: CandidateDay | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two versions.

    Attributes:
        figures: Totals, delivered power, verdicts, band and payment, whether they moved or not.
        lines: Intervals that moved.
        days: Candidate days that moved.
        adjustment: Parts of the same-day adjustment that moved.
        findings_gone: Findings of the old version only.
        findings_new: Findings of the new version only.
        overrides_gone: Decisions of the old version only.
        overrides_new: Decisions of the new version only.
        others: Every other value that differs, by path; inputs are left to the causes.
    """

    figures: tuple[Change, ...]
    lines: tuple[LineChange, ...]
    days: tuple[DayChange, ...]
    adjustment: tuple[Change, ...]
    findings_gone: tuple[Finding, ...]
    findings_new: tuple[Finding, ...]
    overrides_gone: tuple[Override, ...]
    overrides_new: tuple[Override, ...]
    others: tuple[Difference, ...]

    @property
    def moved(self) -> tuple[Change, ...]:
        """The figures that moved."""
        return tuple(figure for figure in self.figures if figure.old != figure.new)


def compare(old: Statement, new: Statement) -> Comparison:
    """Return what differs between two versions, or two statements.

    Args:
        old: What is compared with.
        new: What is compared.
    """
    before, now = old.body, new.body
    return Comparison(
        figures=_figures(before, now),
        lines=tuple(
            LineChange(interval_start_utc=start_utc, old=was, new=is_now)
            for start_utc, was, is_now in _changed(
                before.lines, now.lines, lambda line: line.interval_start_utc
            )
        ),
        days=tuple(
            DayChange(candidate_date=day, old=was, new=is_now)
            for day, was, is_now in _changed(before.days, now.days, lambda day: day.candidate_date)
        ),
        adjustment=tuple(
            change
            for field in fields(before.adjustment)
            for change in [
                _change(
                    field.name,
                    getattr(before.adjustment, field.name),
                    getattr(now.adjustment, field.name),
                )
            ]
            if change.old != change.new
        ),
        findings_gone=_only_in(before.findings, now.findings),
        findings_new=_only_in(now.findings, before.findings),
        overrides_gone=_only_in(before.overrides, now.overrides),
        overrides_new=_only_in(now.overrides, before.overrides),
        others=tuple(
            found for found in differences(before, now) if not found.path.startswith(_ITEMIZED)
        ),
    )


def _figures(old: StatementBody, new: StatementBody) -> tuple[Change, ...]:
    before, now = _values(old), _values(new)
    return tuple(_change(name, before.get(name), now.get(name)) for name in before | now)


def _values(body: StatementBody) -> dict[str, object]:
    """Return the figures that decide, by name."""
    verdict, cap = body.verdicts.baseline, body.verdicts.cap
    values: dict[str, object] = {
        "reduction_kwh": body.totals.reduction_kwh,
        "adjusted_baseline_kwh": body.totals.adjusted_baseline_kwh,
        "metered_kwh": body.totals.metered_kwh,
        "delivered_kw_mean": verdict.delivered_kw_mean,
        "reduction_lower_kwh": None if body.band is None else body.band.lower_kwh,
        "reduction_upper_kwh": None if body.band is None else body.band.upper_kwh,
        "baseline_verdict": verdict.outcome.value,
        "cap_verdict": cap.outcome.value,
    }
    if body.payment is not None:
        values[f"payment_{body.payment.currency}"] = body.payment.total
    return values


def _change(name: str, old: object, new: object) -> Change:
    return Change(name=name, old=_text(old), new=_text(new), difference=_moved(old, new))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _moved(old: object, new: object) -> str | None:
    if isinstance(old, Decimal) and isinstance(new, Decimal):
        return f"{difference(new, old):+}"
    if isinstance(old, float) and isinstance(new, float):
        return f"{new - old:+.6g}"
    return None


def _changed(
    old: Iterable[T], new: Iterable[T], key: Callable[[T], K]
) -> list[tuple[K, T | None, T | None]]:
    """Return key and both sides of every member that differs, old ones first in their order."""
    before: Mapping[K, T] = {key(member): member for member in old}
    now: Mapping[K, T] = {key(member): member for member in new}
    keys = [*before, *(one for one in now if one not in before)]
    return [(one, before.get(one), now.get(one)) for one in keys if before.get(one) != now.get(one)]


def _only_in(members: Iterable[T], others: Iterable[T]) -> tuple[T, ...]:
    known = list(others)
    return tuple(member for member in members if member not in known)
