"""The report of one event: read, rendered, and published all at once.

Not here: the page (page.py), the tables (tables.py), the switch from old to new (folder.py).
"""

from datetime import UTC
from pathlib import Path

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.canonical import from_json, to_canonical_json
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.chart_rows import chart_span
from negawatt.pipelines.exports.figures import figures
from negawatt.pipelines.exports.folder import publish_folder
from negawatt.pipelines.exports.page import render_page, words_of
from negawatt.pipelines.exports.pdf import to_pdf
from negawatt.pipelines.exports.tables import job_reductions, settled_lines, table_files
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, read_site
from negawatt.warehouse.statement_tables import latest_statement_json

PAGE = "report.html"
PDF = "report.pdf"
STATEMENT = "statement.json"
_LOAD_TABLE = "core_site__interval_energy"
_EVENT_TABLES = {
    "baseline": "out_event__baseline",
    "days": "out_event__baseline_days",
    "findings": "out_event__findings",
}


def write_report(layout: Layout, event_id: str, *, pdf: bool = False) -> Path:
    """Write the report of an event's newest statement and return its folder.

    The folder holds report.html, statement.json as it was published, and the tables behind them.
    It changes all at once; the statements of older versions stay in the warehouse.

    Args:
        layout: Where the warehouse lies.
        event_id: A settled event.
        pdf: Write report.pdf as well, which takes seconds.

    Raises:
        ConfigurationError: There is no such event.
        DataRefusedError: It has no statement yet.
        DeviceMissingError: A PDF is asked for, and the library for it is not installed.
    """
    statement_id = find_event(layout, event_id).statement_id
    text = latest_statement_json(layout, statement_id)
    if text is None:
        raise DataRefusedError(
            thing=f"event {event_id!r}",
            expected="a published statement",
            found="none",
            remedy=f"settle it first: `negawatt settle {event_id}`",
        )
    statement = from_json(text.encode())
    folder = layout.report_folder(statement_id)
    files = report_files(layout, statement)
    if pdf:
        files[PDF] = to_pdf(files[PAGE].decode(), statement.statement_digest)
    publish_folder(folder, files)
    return folder


def report_files(layout: Layout, statement: Statement) -> dict[str, bytes]:
    """Return every file of a report by name, but the PDF."""
    site = read_site(layout, statement.body.event.site_id)
    load = event_load(layout, statement, site)
    files = {STATEMENT: to_canonical_json(statement)}
    files |= table_files(_tables(layout, statement, load), site.time_zone)
    page = render_page(
        statement,
        site,
        load,
        figures=figures(statement.body, site, load, words_of(statement.body, site)),
        files=sorted(files),
    )
    return {PAGE: page.encode()} | files


def event_load(layout: Layout, statement: Statement, site: Site) -> pl.DataFrame:
    """Return the load that the statement read, of the local days around its event.

    The table is read as of the version that the statement cites: a later correction belongs to
    the next statement.
    """
    body = statement.body
    local = body.event.interval.start_utc.astimezone(site.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first_utc = min(midnight.astimezone(UTC), chart_span(body.event).start_utc)
    last_utc = chart_span(body.event).end_utc
    return read_table(
        layout,
        _LOAD_TABLE,
        (pl.col("site_id") == body.event.site_id)
        & pl.col("date").is_between(first_utc.date(), last_utc.date())
        & (pl.col("meter_id") == body.meter_id)
        & (pl.col("interval_start_utc") >= first_utc)
        & (pl.col("interval_end_utc") <= last_utc),
        version=statement.provenance.table_versions.get(_LOAD_TABLE),
    ).frame


def _tables(layout: Layout, statement: Statement, load: pl.DataFrame) -> dict[str, pl.DataFrame]:
    event_id = statement.body.event.event_id
    cited = statement.provenance.table_versions
    tables = {  # as the statement cites them: the tables of no other version
        name: read_table(layout, table, pl.col("event_id") == event_id, version=cited[table]).frame
        for name, table in _EVENT_TABLES.items()
    }
    tables |= {"lines": settled_lines(statement), "load": load}
    jobs = job_reductions(statement)
    return tables if jobs.is_empty() else tables | {"jobs": jobs}
