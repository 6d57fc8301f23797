"""Names from data that try to be something else: markup, formulas, paths, controls, directions."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.page import words_of
from negawatt.pipelines.exports.tables import job_reductions, table_files
from tests.pipelines.exports.conftest import SITE
from tests.pipelines.exports.names import NAMES
from tests.pipelines.exports.pango import needs_pango
from tests.pipelines.exports.reading import Page
from tests.pipelines.exports.test_page import rendered

pytestmark = pytest.mark.slow


@pytest.fixture(params=NAMES, ids=ascii)
def hostile(
    request: pytest.FixtureRequest, restated: Callable[..., Statement], statement: Statement
) -> tuple[str, Statement]:
    """Return a name, and a statement whose largest job has it."""
    made = statement.body.attribution
    assert made is not None
    jobs = (replace(made.jobs[0], job_id=request.param), *made.jobs[1:])
    return request.param, restated(attribution=replace(made, jobs=jobs))


def test_a_page_and_its_charts_show_the_name_and_run_nothing(
    hostile: tuple[str, Statement], load: pl.DataFrame
) -> None:
    from negawatt.pipelines.exports.figures import figures  # noqa: PLC0415 - Altair takes a second

    name, statement = hostile
    drawn = figures(statement.body, SITE, load, words_of(statement.body, SITE))

    source = rendered(statement, load, figures=drawn)

    page = Page(source)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert "{{ 7 * 7 }}" in page.text or "7 * 7" not in name
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", source)


def test_a_table_of_jobs_holds_the_name_as_text(hostile: tuple[str, Statement]) -> None:
    name, statement = hostile

    files = table_files({"jobs": job_reductions(statement)}, SITE.time_zone)

    rows = list(csv.reader(io.StringIO(files["jobs.csv"].decode(), newline="")))
    cells = [row[rows[0].index("Job")] for row in rows[1:]]
    assert name in [cell.removeprefix("'") for cell in cells]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert set(files) == {"jobs.csv", "jobs.parquet"}
    assert pl.read_parquet(files["jobs.parquet"])["job_id"].to_list().count(name) == 1


@needs_pango
def test_a_pdf_shows_the_names_and_leads_nowhere(
    restated: Callable[..., Statement], statement: Statement, load: pl.DataFrame
) -> None:
    from pypdf import PdfReader  # noqa: PLC0415 - only here

    from negawatt.pipelines.exports.pdf import to_pdf  # noqa: PLC0415 - as above

    made = statement.body.attribution
    assert made is not None
    jobs = tuple(replace(made.jobs[0], job_id=name) for name in NAMES)
    hostile = restated(attribution=replace(made, jobs=jobs))

    pdf = to_pdf(rendered(hostile, load), hostile.statement_digest)

    assert not re.search(rb"/(JavaScript|JS|Launch|EmbeddedFile|OpenAction)\b", pdf)
    reader = PdfReader(io.BytesIO(pdf))
    notes = [note.get_object() for page in reader.pages for note in page.get("/Annots", [])]
    actions = [note["/A"] for note in notes if "/A" in note]
    assert not [action for action in actions if "http" in str(action.get("/URI", ""))]
    text = "".join("".join(page.extract_text().split()) for page in reader.pages)
    for name in ("<script>alert(1)</script>", "../../etc/passwd", "{{7*7}}", "j[U+202E]gnp.exe"):
        assert name in text
