"""What the sections of a report list: lines by the hour, tests, findings, the state of the data.

Counts, sums and sortings of what the statement states and of the load it read. Not here: text and
markup (page.py, the templates).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final, cast

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.rounding import total
from negawatt.models.settlement.statement import StatementBody, StatementLine
from negawatt.models.uncertainty.placebo import RefusedPlacebo
from negawatt.pipelines.exports.chart_rows import gaps

MOST_LINES: Final = 48
"""More lines than this are shown by the hour."""
SCREENS: Final = {
    "window inflation": FindingCode.SCREEN_WINDOW_INFLATED,
    "day-set exploitation": FindingCode.SCREEN_DAY_SET_EXPLOITED,
    "frozen baseline": FindingCode.SCREEN_FROZEN_BASELINE,
    "generation swap": FindingCode.SCREEN_GENERATION_SWAPPED,
    "displacement": FindingCode.SCREEN_DISPLACED,
    "rebound and pre-use": FindingCode.SCREEN_REBOUNDED,
    "no action": FindingCode.SCREEN_NO_ACTION,
    "placebo payments": FindingCode.SCREEN_PLACEBO_PAID,
    "method shopping": FindingCode.SCREEN_METHOD_SHOPPED,
}
_SCREENING: Final = frozenset({*SCREENS.values(), FindingCode.SCREEN_NOT_MADE})
_HOUR: Final = timedelta(hours=1)
_SHARE_DECIMALS: Final = 9  # sums of many parts of one are not quite one

FindingGroups = list[tuple[str, list[Finding]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """One row of the interval table: a line with its band, or the lines of an hour added up."""

    start_utc: datetime
    end_utc: datetime
    adjusted_baseline_kwh: Decimal
    metered_kwh: Decimal
    reduction_kwh: Decimal
    reduction_kw_mean: float
    lower_kw: float | None = None
    upper_kw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenRow:
    """One test for manipulation: what became of it, and what it found or lacked."""

    name: str
    outcome: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well the meter was read in an event.

    Attributes:
        measured_ratio: Share of the window that was measured, 0 to 1.
        longest_gap: Longest span whose energy is not known, zero where there is none.
        methods: How the energy was obtained, with the share of the window [0 to 1], largest first.
        reset_count: Energy counters that were found reset; one finding may be of many.
    """

    measured_ratio: float
    longest_gap: timedelta
    methods: tuple[tuple[str, float], ...]
    reset_count: int

    @property
    def unknown_ratio(self) -> float:
        """Share of the window whose energy is not known [0 to 1]."""
        return round(1 - math.fsum(ratio for _, ratio in self.methods), _SHARE_DECIMALS)


def interval_rows(body: StatementBody) -> list[IntervalRow]:
    """Return the lines, or their sums over each hour since the start where they are many."""
    if len(body.lines) <= MOST_LINES:
        lower_kwh = body.band.interval_lower_kwh if body.band else ()
        upper_kwh = body.band.interval_upper_kwh if body.band else ()
        return [
            _row([line], *(edges[n] if edges else None for edges in (lower_kwh, upper_kwh)))
            for n, line in enumerate(body.lines)
        ]
    start_utc = body.event.interval.start_utc
    hours = groupby(body.lines, key=lambda line: (line.interval_start_utc - start_utc) // _HOUR)
    return [_row(list(lines)) for _, lines in hours]


def screen_rows(body: StatementBody) -> list[ScreenRow]:
    """Return the nine tests for manipulation in their order."""
    lacking = {
        found.evidence.get("screen_id"): found
        for found in body.findings
        if found.code is FindingCode.SCREEN_NOT_MADE
    }
    rows = []
    for name, code in SCREENS.items():
        found = next((found for found in body.findings if found.code is code), None)
        lacked = lacking.get(name)
        outcome, message = "nothing found", ""
        if found:
            outcome, message = "question", found.message
        elif lacked:
            outcome, message = "not made", lacked.message.partition(": ")[2]
        rows.append(ScreenRow(name=name, outcome=outcome, message=message))
    return rows


def findings_about_data(body: StatementBody) -> FindingGroups:
    """Return every finding that is no test for manipulation, by severity."""
    return _grouped(body, lambda found: found.code not in _SCREENING)


def questions(body: StatementBody) -> FindingGroups:
    """Return what the tests for manipulation found, by severity, with its evidence."""
    made = _SCREENING - {FindingCode.SCREEN_NOT_MADE}
    return _grouped(body, lambda found: found.code in made)


def refused_days(refused: Sequence[RefusedPlacebo]) -> list[tuple[str, list[date]]]:
    """Return the reasons for which ordinary days gave no error, each with its days."""
    by_reason: dict[str, list[date]] = {}
    for one in refused:
        by_reason.setdefault(one.reason, []).append(one.placebo_date)
    return [(reason, sorted(days)) for reason, days in by_reason.items()]


def quality_of(body: StatementBody, load: pl.DataFrame) -> Quality:
    """Return how well the meter was read in the event.

    Args:
        body: What is reported.
        load: Rows of core_site__interval_energy of the settlement meter around the event.
    """
    window = body.event.interval
    length = pl.col("interval_end_utc") - pl.col("interval_start_utc")
    rows = load.filter(
        (pl.col("interval_start_utc") >= window.start_utc)
        & (pl.col("interval_end_utc") <= window.end_utc)
    ).with_columns(share=length.dt.total_seconds() / (window.duration_h * _HOUR.total_seconds()))
    measured = math.fsum((rows["share"] * rows["coverage_ratio"].fill_null(0)).to_list())
    methods = (
        rows.drop_nulls("energy_kwh")
        .group_by("method")
        .agg(pl.col("share").sum().round(_SHARE_DECIMALS))
        .sort("share", "method", descending=[True, False])
    )
    return Quality(
        measured_ratio=round(measured, _SHARE_DECIMALS),
        longest_gap=max((end - start for start, end in gaps(load, window)), default=timedelta(0)),
        methods=tuple(methods.rows()),
        reset_count=sum(
            cast("int", found.evidence.get("count", 1))
            for found in body.findings
            if found.code is FindingCode.COUNTER_RESET
        ),
    )


def _row(
    lines: list[StatementLine], lower_kwh: float | None = None, upper_kwh: float | None = None
) -> IntervalRow:
    start_utc, end_utc = lines[0].interval_start_utc, lines[-1].interval_end_utc
    reduction_kwh = total(line.reduction_kwh for line in lines)
    duration_h = (end_utc - start_utc) / _HOUR
    return IntervalRow(
        start_utc=start_utc,
        end_utc=end_utc,
        adjusted_baseline_kwh=total(line.adjusted_baseline_kwh for line in lines),
        metered_kwh=total(line.metered_kwh for line in lines),
        reduction_kwh=reduction_kwh,
        reduction_kw_mean=float(reduction_kwh) / duration_h,
        lower_kw=None if lower_kwh is None else lower_kwh / duration_h,
        upper_kw=None if upper_kwh is None else upper_kwh / duration_h,
    )


def _grouped(body: StatementBody, wanted: Callable[[Finding], bool]) -> FindingGroups:
    groups = [
        (
            severity.value,
            [found for found in body.findings if found.severity is severity and wanted(found)],
        )
        for severity in (Severity.BLOCKING, Severity.WARNING, Severity.INFO)
    ]
    return [(severity, found) for severity, found in groups if found]
