"""Jobs with hostile names all the way: imported, settled, asked for, reported, exported, bundled.

One small site whose jobs have the ten names, in a warehouse whose folder has a quote and a space.
"""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from negawatt.pipelines import run
from negawatt.pipelines.exports.bundle import Wanted, write_bundle
from negawatt.pipelines.exports.export import contents, event_export, read_statement
from negawatt.pipelines.exports.formats import Format
from negawatt.pipelines.exports.report import write_report
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    small_site,
)
from tests.pipelines.exports.names import NAMES
from tests.pipelines.exports.reading import Page

pytestmark = pytest.mark.slow

# What no file format of a job's name may become: a file or folder of its own.
PARTS = ("passwd", "HYPERLINK", "script", "DROP")


def job_rows() -> pl.DataFrame:
    """Return four hours of each job, 10 kW before the event and 4 kW in it."""
    starts = [EVENT_START_UTC + n * QUARTER for n in range(-8, 8)]
    return pl.DataFrame(
        [
            {
                "job_id": name,
                "interval_start_utc": start,
                "interval_end_utc": start + QUARTER,
                "energy_kwh": (10.0 if start < EVENT_START_UTC else 4.0) / 4,
                "reading_quality": "ok",
                "available_at_utc": start + QUARTER,
            }
            for name in NAMES
            for start in starts
        ]
    )


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = small_site(tmp_path_factory.mktemp("hostile") / "it's my data")
    seal_rows(layout, "raw_job__readings", SITE, "test", job_rows())
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC + timedelta(hours=1))
    return layout


def test_sql_gives_every_name_as_it_came(settled: Layout) -> None:
    rows = query(settled, "SELECT DISTINCT job_id FROM core_job__interval_energy")

    assert set(rows["job_id"]) == set(NAMES)


def test_the_statement_attributes_to_every_name(settled: Layout) -> None:
    """Each job gives up 6 kW for two hours."""
    made = read_statement(settled, EVENT).body.attribution

    assert made is not None
    assert {job.job_id: job.reduction_kwh for job in made.jobs} == dict.fromkeys(NAMES, 12.0)


def test_the_report_shows_them_and_runs_nothing(settled: Layout) -> None:
    folder = write_report(settled, EVENT)

    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text
    assert "a[U+0000]b[U+0001]c" in page.text


@pytest.mark.parametrize("kind", Format)
def test_every_export_has_them_as_text(kind: Format, settled: Layout) -> None:
    files = contents(event_export(settled, read_statement(settled, EVENT)), kind)

    if kind is Format.JSON:
        jobs = {row["job_id"] for row in json.loads(files[""])["tables"]["jobs"]}
        assert jobs == set(NAMES)
    elif kind is Format.XLSX:
        cells = list(openpyxl.load_workbook(io.BytesIO(files[""]))["jobs"]["B"])[1:]
        assert {cell.data_type for cell in cells} == {"s"}
        assert len({cell.value for cell in cells}) == len(NAMES)
    elif kind is Format.PARQUET:
        assert set(pl.read_parquet(files["jobs.parquet"])["job_id"]) == set(NAMES)
    else:
        jobs = set(pl.read_csv(files["jobs.csv"])["Job"])
        assert not [name for name in jobs if name.startswith(("=", "+", "-", "@"))]
        assert len(jobs) == len(NAMES)


def test_the_bundle_holds_no_file_that_a_name_made(settled: Layout, tmp_path: Path) -> None:
    written = write_bundle(settled, EVENT, Wanted(signed_at_utc=AFTER_UTC), tmp_path / "b.zip")

    files = zipfile.ZipFile(written.path).namelist()
    assert not [name for name in files if any(part in name for part in PARTS)]


def test_no_name_became_a_path(settled: Layout) -> None:
    around = settled.root.parent.parent

    paths = [str(path.relative_to(around)) for path in around.rglob("*")]

    assert paths
    assert not [path for path in paths if any(part in path for part in PARTS)]
