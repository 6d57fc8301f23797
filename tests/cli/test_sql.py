"""``negawatt sql``: what is written, and what is refused before anything is asked."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.main import app
from negawatt.cli.sql import sql
from negawatt.models.domain.errors import ConfigurationError
from tests.pipelines.exports.names import NAMES

QUESTION = "SELECT -1.5 AS kwh, '=1+1' AS job"


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_the_ending_of_the_file_decides_its_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"

    result = CliRunner().invoke(app, ["sql", QUESTION, "-w", str(tmp_path), "--to", str(path)])

    assert result.output == f"1 rows written to {path}\n"
    if ending == "csv":
        assert path.read_text(encoding="utf-8") == "kwh,job\n-1.5,'=1+1\n"
    elif ending == "json":
        assert json.loads(path.read_text(encoding="utf-8"))[0]["job"] == "=1+1"
    else:
        assert pl.read_parquet(path)["job"].item() == "=1+1"


@pytest.mark.parametrize("name", ["x", "x.xlsx", "x.CSV"])
def test_another_ending_is_refused_before_the_question_is_asked(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a file that ends with \.csv, \.json"):
        sql("no SQL at all", warehouse=tmp_path, to=tmp_path / name)

    assert not list(tmp_path.iterdir())


def test_an_answer_that_no_csv_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"

    with pytest.raises(ConfigurationError, match="expected columns of plain values"):
        sql("SELECT [1, 2] AS list", warehouse=tmp_path, to=path)

    assert not path.exists()


def test_no_name_begins_a_formula_in_csv(tmp_path: Path) -> None:
    values = ", ".join("('" + name.replace("'", "''").replace("\x00", "") + "')" for name in NAMES)
    path = tmp_path / "x.csv"

    sql(f"SELECT job FROM (VALUES {values}) AS t(job)", warehouse=tmp_path, to=path)  # noqa: S608 - no database

    found = pl.read_csv(path)["job"].to_list()
    assert not [text for text in found if text.startswith(("=", "+", "-", "@"))]
    assert [text.removeprefix("'") for text in found] == [
        name.replace("\x00", "") for name in NAMES
    ]
