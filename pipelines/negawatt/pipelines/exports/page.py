"""The report of a statement as one HTML page: no script, nothing to fetch, the same bytes again.

Every figure is the statement's; what is computed here is its text, sums of its lines over an hour,
and an energy as mean power of the event. Not here: files (report.py) and charts (figures.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Final

import jinja2
import polars as pl

from negawatt.models.domain.findings import Severity
from negawatt.models.settlement.rounding import total
from negawatt.models.settlement.statement import Statement, StatementBody, StatementLine
from negawatt.models.verification.response import RAMP_SEARCH
from negawatt.pipelines.exports import words as say
from negawatt.pipelines.exports.chart_rows import chart_span, gaps
from negawatt.pipelines.exports.words import MOST_JOBS, Words
from negawatt.warehouse.sites import Site

MOST_LINES: Final = 48
"""More lines than this are shown by the hour."""
MOST_DIFFERENCES: Final = 40
_SMALL_KW: Final = 10
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """One row of the interval table: a line, or the lines of an hour added up."""

    start_utc: datetime
    end_utc: datetime
    adjusted_baseline_kwh: Decimal
    metered_kwh: Decimal
    reduction_kwh: Decimal
    reduction_kw_mean: float


def render_page(
    statement: Statement,
    site: Site,
    load: pl.DataFrame,
    *,
    figures: Mapping[str, str],
    files: Sequence[str],
) -> str:
    """Return the report of a statement.

    Args:
        statement: What is reported.
        site: Facts about the site: clock and boundary.
        load: Rows of core_site__interval_energy of the settlement meter around the event.
        figures: The charts as SVG by name, from figures.py; ``event`` is always among them.
        files: Names of the files that lie beside the page.
    """
    body = statement.body
    words = words_of(body, site)
    template = _environment(words).get_template("report.html.j2")
    return template.render(
        statement=statement,
        body=body,
        event=body.event,
        site=site,
        words=words,
        files=files,
        figures=figures,
        gaps=gaps(load, chart_span(body.event)),
        rows=interval_rows(body),
        by_hour=len(body.lines) > MOST_LINES,
        findings=[
            (severity, [found for found in body.findings if found.severity is severity])
            for severity in (Severity.BLOCKING, Severity.WARNING, Severity.INFO)
        ],
        ramp_search_minutes=RAMP_SEARCH / timedelta(minutes=1),
        most_jobs=MOST_JOBS,
        most_differences=MOST_DIFFERENCES,
    )


def words_of(body: StatementBody, site: Site) -> Words:
    """Return how the report of a statement writes: small sites get more decimals."""
    duration_h = body.event.interval.duration_h
    mean_kw = float(body.totals.adjusted_baseline_kwh) / duration_h
    return Words(
        zone=site.zone,
        reference_utc=body.event.interval.start_utc,
        estimate_decimals=1 if abs(mean_kw) >= _SMALL_KW else 3,
    )


def interval_rows(body: StatementBody) -> list[IntervalRow]:
    """Return the lines, or their sums over each hour since the start where they are many."""
    if len(body.lines) <= MOST_LINES:
        return [_row([line]) for line in body.lines]
    start_utc = body.event.interval.start_utc
    hours = groupby(body.lines, key=lambda line: (line.interval_start_utc - start_utc) // _HOUR)
    return [_row(list(lines)) for _, lines in hours]


def _row(lines: list[StatementLine]) -> IntervalRow:
    start_utc, end_utc = lines[0].interval_start_utc, lines[-1].interval_end_utc
    reduction_kwh = total(line.reduction_kwh for line in lines)
    return IntervalRow(
        start_utc=start_utc,
        end_utc=end_utc,
        adjusted_baseline_kwh=total(line.adjusted_baseline_kwh for line in lines),
        metered_kwh=total(line.metered_kwh for line in lines),
        reduction_kwh=reduction_kwh,
        reduction_kw_mean=float(reduction_kwh) / ((end_utc - start_utc) / _HOUR),
    )


@cache
def _environment(words: Words) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("negawatt.pipelines.exports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clock": words.clock,
        "day": words.day,
        "moment": words.moment,
        "estimate": words.estimate,
        "change": words.change,
        "settled": say.settled,
        "percent": say.percent,
        "minutes": say.minutes,
        "duration": say.duration,
        "date": say.day,
        "count": say.count,
        "number": say.number,
        "method_name": say.method_name,
        "evidence": _evidence,
    }
    return environment


def _evidence(value: object) -> str:
    """Return evidence as words: keys with their values, nested ones in brackets."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} = {_evidence(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_evidence, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return say.NOT_KNOWN if value is None else f"{value}"
