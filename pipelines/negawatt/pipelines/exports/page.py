"""The report of a statement as one HTML page: no script, nothing to fetch, the same bytes again.

Every figure is the statement's; what is computed here is its text, and an energy as mean power of
the event. Not here: files (report.py), charts (figures.py), what sections list (page_facts.py).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

import jinja2
import polars as pl

from negawatt.models.domain.findings import Severity
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.models.verification.response import RAMP_SEARCH
from negawatt.pipelines.exports import page_facts
from negawatt.pipelines.exports import words as say
from negawatt.pipelines.exports.chart_rows import chart_span, gaps
from negawatt.pipelines.exports.sections import SECTIONS
from negawatt.pipelines.exports.template import environment
from negawatt.pipelines.exports.words import MOST_JOBS, Words
from negawatt.warehouse.sites import Site

MOST_DIFFERENCES: Final = 40
_SMALL_KW: Final = 10


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
    event, band = body.event, body.band
    words = words_of(body, site)
    template = _environment(words).get_template("report.html.j2")
    return template.render(
        sections=SECTIONS,
        statement=statement,
        body=body,
        event=event,
        interval=event.interval,
        baseline=body.verdicts.baseline,
        cap=body.verdicts.cap,
        band=band,
        has_band=any(edge is not None for edge in (band.interval_lower_kwh if band else ())),
        level=say.percent(band.level_ratio) if band else "",
        site=site,
        words=words,
        files=files,
        figures=figures,
        gaps=gaps(load, chart_span(event)),
        rows=page_facts.interval_rows(body),
        by_hour=len(body.lines) > page_facts.MOST_LINES,
        findings={
            severity.value: [found for found in body.findings if found.severity is severity]
            for severity in Severity
        },
        findings_about_data=page_facts.findings_about_data(body),
        findings_of_screens=page_facts.questions(body),
        screens=page_facts.screen_rows(body),
        refused_days=page_facts.refused_days(body.placebo.refused if body.placebo else ()),
        quality=page_facts.quality_of(body, load),
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


@lru_cache(maxsize=8)
def _environment(words: Words) -> jinja2.Environment:
    made = environment()
    made.filters |= {
        "clock": words.clock,
        "day": words.day,
        "moment": words.moment,
        "estimate": words.estimate,
        "change": words.change,
        "local_times": words.local_times,
        "evidence": _evidence,
    }
    return made


def _evidence(value: object) -> str:
    """Return evidence as words: keys with their values, nested ones in brackets."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} = {_evidence(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_evidence, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return say.NOT_KNOWN if value is None else f"{value}"
