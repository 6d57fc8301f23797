"""A month of a site, or the portfolio, as one page with its tables: rendered and published at once.

Not here: sums (negawatt.models.settlement), what is read (negawatt.pipelines.overview), rows and
charts (overview_facts.py, overview_figures.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from negawatt.models.settlement.overall import overall
from negawatt.pipelines.exports.export import contents
from negawatt.pipelines.exports.folder import publish_folder
from negawatt.pipelines.exports.formats import Format
from negawatt.pipelines.exports.overview_facts import concern_groups, event_rows, title_of
from negawatt.pipelines.exports.overview_figures import MOST_BARS, overview_figures, share_rows
from negawatt.pipelines.exports.pdf import to_pdf
from negawatt.pipelines.exports.portfolio_tables import portfolio_export
from negawatt.pipelines.exports.report import PAGE as REPORT_PAGE
from negawatt.pipelines.exports.template import environment
from negawatt.pipelines.overview import Overview
from negawatt.warehouse.layout import Layout

PAGE: Final = "overview.html"
PDF: Final = "overview.pdf"


def write_overview(layout: Layout, overview: Overview, *, pdf: bool = False) -> Path:
    """Write the page of a month or portfolio with its tables, and return its folder.

    Args:
        layout: Where the warehouse lies.
        overview: What is shown.
        pdf: Write overview.pdf as well, which takes seconds.

    Raises:
        DeviceMissingError: A PDF is asked for, and the library for it is not installed.
    """
    month = overview.month.text if overview.month else "all"
    folder = layout.overview_folder(overview.site_id, month)
    export = portfolio_export(overview)
    files = contents(export, Format.CSV) | {
        "portfolio.xlsx": contents(export, Format.XLSX)[""],
        "portfolio.json": contents(export, Format.JSON)[""],
    }
    page = render_overview(overview, hrefs=_hrefs(layout, overview), files=sorted(files))
    files[PAGE] = page.encode()
    if pdf:
        files[PDF] = to_pdf(page, _digest(overview))
    publish_folder(folder, files)
    return folder


def render_overview(overview: Overview, *, hrefs: Mapping[str, str], files: Sequence[str]) -> str:
    """Return the page.

    Args:
        overview: What is shown.
        hrefs: Where the report of a statement lies relative to the page, by statement.
        files: Names of the files that lie beside the page.
    """
    rows = event_rows(overview, hrefs)
    together = overall(overview.events)
    template = environment().get_template("overview.html.j2")
    return template.render(
        title=title_of(overview),
        overview=overview,
        portfolio=overview.portfolio,
        rows=rows,
        numbers={row.money.statement_id: number for number, row in enumerate(rows, start=1)},
        together=together,
        baseline_counts={one.value: count for one, count in together.baseline_counts.items()},
        cap_counts={one.value: count for one, count in together.cap_counts.items()},
        concerns=concern_groups(overview),
        months_without_amount=[
            one
            for one in overview.portfolio.months
            if one.period is not None and one.period.total is None
        ],
        not_settled=overview.not_settled,
        void_count=overview.void_count,
        issued_at_utc=overview.last_issued_at_utc,
        figures=overview_figures(rows),
        shares_left_out=len(rows) - share_rows(rows).height,
        most_bars=MOST_BARS,
        digest=_digest(overview),
        files=files,
    )


def _hrefs(layout: Layout, overview: Overview) -> dict[str, str]:
    """Return where the reports lie that are written."""
    return {
        statement_id: f"../../reports/{statement_id}/{REPORT_PAGE}"
        for statement_id in overview.statements
        if (layout.report_folder(statement_id) / REPORT_PAGE).is_file()
    }


def _digest(overview: Overview) -> str:
    """Return the SHA-256 of the statements' digests, one a line, in the order of the events."""
    lines = "".join(f"{one.statement_digest}\n" for one in overview.events)
    return hashlib.sha256(lines.encode()).hexdigest()
