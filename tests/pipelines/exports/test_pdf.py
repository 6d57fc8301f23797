"""The report as PDF, read back by another library; slow, because pages are laid out."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pypdf
import pytest

from negawatt.models.domain.errors import DeviceMissingError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.page import render_page
from negawatt.pipelines.exports.pdf import to_pdf
from negawatt.pipelines.exports.sections import SECTIONS
from tests.pipelines.exports.conftest import SITE
from tests.pipelines.exports.pango import needs_pango
from tests.pipelines.exports.test_page import FIGURES

pytestmark = [pytest.mark.slow, needs_pango]

NOISE = tuple(
    Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject=f"meter 'm{n}'",
        message="expected 1440 intervals, found 12" * (1 + n % 3),
        evidence={"missing_count": n},
    )
    for n in range(40)
)


def pages_of(statement: Statement, load: pl.DataFrame) -> pypdf.PdfReader:
    page = render_page(statement, SITE, load, figures=FIGURES, files=["lines.csv"])
    return pypdf.PdfReader(io.BytesIO(to_pdf(page, statement.statement_digest)))


def lines_of(page: pypdf.PageObject) -> list[str]:
    return [line.strip() for line in page.extract_text().splitlines() if line.strip()]


@pytest.fixture(scope="module")
def read(statement: Statement, load: pl.DataFrame) -> pypdf.PdfReader:
    return pages_of(statement, load)


def test_the_outline_lists_the_summary_and_every_section(read: pypdf.PdfReader) -> None:
    titles = [str(entry["/Title"]) for entry in read.outline if not isinstance(entry, list)]

    assert titles == [
        "Summary",
        *(f"{n}. {section.title}" for n, section in enumerate(SECTIONS, start=1)),
    ]


def test_title_author_and_dates_are_the_statement_s(
    read: pypdf.PdfReader, statement: Statement
) -> None:
    assert read.metadata is not None
    assert read.metadata.title == "Event e1: met against the baseline, met against the limit"
    assert read.metadata.author == f"negawatt {statement.provenance.code_version}"
    assert read.metadata.creation_date == statement.provenance.issued_at_utc


def test_the_document_is_tagged_and_says_its_language(read: pypdf.PdfReader) -> None:
    root = str(read.root_object)

    assert "'/MarkInfo': {'/Marked': True}" in root
    assert "'/StructTreeRoot'" in root
    assert "'/Lang': 'en-US'" in root


def test_nothing_in_it_runs_or_leads_out(read: pypdf.PdfReader) -> None:
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(read.root_object)
    links = [link.get_object() for page in read.pages for link in page.annotations or ()]
    actions = [link["/A"] for link in links if "/A" in link]
    assert links
    assert all(action["/S"] == "/URI" for action in actions)
    assert {action["/URI"] for action in actions} == {"lines.csv"}


def test_the_summary_is_one_page_and_each_page_is_numbered(read: pypdf.PdfReader) -> None:
    assert "1. Identification" in lines_of(read.pages[1])[0]
    count = len(read.pages)
    for number, page in enumerate(read.pages, start=1):
        assert f"Page {number} of {count}" in page.extract_text()
        assert "Event e1, statement version 1, digest" in page.extract_text()


def test_no_heading_stands_alone_at_the_foot_of_a_page(
    restated: Callable[..., Statement], load: pl.DataFrame
) -> None:
    """Texts of many lengths push the headings to many places."""
    titles = {f"{n}. {section.title}" for n, section in enumerate(SECTIONS, start=1)}
    for length in (5, 22, 39):
        for page in pages_of(restated(findings=NOISE[:length]), load).pages:
            body = [line for line in lines_of(page) if not line.startswith(("Page ", "Event e1,"))]
            assert body[-1] not in titles


def test_the_head_of_a_long_table_is_repeated_and_no_row_stands_alone(
    restated: Callable[..., Statement], statement: Statement, load: pl.DataFrame
) -> None:
    first = statement.body.inputs[0]
    for count in (33, 56):
        inputs = tuple(replace(first, name=f"input {n:03}") for n in range(count))
        read = pages_of(restated(inputs=inputs), load)
        pages = [
            [line for line in lines_of(page) if line.startswith("input ") and "ccc" in line]
            for page in read.pages
        ]
        held = [names for names in pages if names]
        assert sum(map(len, held)) == count
        assert all(len(names) > 1 for names in held)
        texts = [page.extract_text().replace("\n", " ") for page in read.pages]
        heads = [text for text in texts if "Table version" in text]
        assert len(heads) == len(held)


def test_the_same_statement_gives_the_same_bytes_in_another_process(
    statement: Statement, load: pl.DataFrame, tmp_path: Path
) -> None:
    page = render_page(statement, SITE, load, figures=FIGURES, files=["lines.csv"])
    source = tmp_path / "page.html"
    source.write_text(page, encoding="utf-8")
    program = (
        "import hashlib, sys; from pathlib import Path; "
        "from negawatt.pipelines.exports.pdf import to_pdf; "
        "page = Path(sys.argv[1]).read_text(encoding='utf-8'); "
        "print(hashlib.sha256(to_pdf(page, sys.argv[2])).hexdigest())"
    )
    command = [sys.executable, "-c", program, str(source), statement.statement_digest]

    printed = subprocess.run(  # noqa: S603 - our own interpreter and program
        command, capture_output=True, text=True, check=True
    )

    here = hashlib.sha256(to_pdf(page, statement.statement_digest)).hexdigest()
    assert printed.stdout.strip() == here


def test_a_page_that_asks_for_a_file_or_an_address_gets_none(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not read this")
    page = (
        f"<html><body><p>x</p><img src='file://{secret}' alt='none'>"
        f"<a rel='attachment' href='file://{secret}'>a</a>"
        f"<link rel='attachment' href='file://{secret}'></body></html>"
    )

    made = to_pdf(page, "ab" * 32)

    assert "/EmbeddedFiles" not in str(pypdf.PdfReader(io.BytesIO(made)).root_object)
    assert b"do not read" not in made


def test_a_missing_library_is_an_error_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    monkeypatch.setattr("builtins.__import__", _without_pango(__import__))

    with pytest.raises(DeviceMissingError, match="apt-get install libpango"):
        to_pdf("<html></html>", "ab" * 32)


def _without_pango(real: Callable[..., object]) -> Callable[..., object]:
    def load(name: str, *rest: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest)

    return load
