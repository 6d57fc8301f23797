"""Exports from a warehouse to files."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.export import export as command
from negawatt.cli.main import app
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.export import (
    Export,
    event_export,
    read_statement,
    write_export,
)
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.formats import Format, format_of
from negawatt.warehouse.layout import Layout
from tests.pipelines.exports.conftest import EVENT, publish

pytestmark = pytest.mark.slow  # each test writes every format


@pytest.fixture
def published(layout: Layout, statement: Statement, restated: Callable[..., Statement]) -> Layout:
    """Return the warehouse with two versions of the statement."""
    publish(layout, statement)
    publish(layout, restated(revenue_grade=False))
    return layout


def test_the_newest_version_is_exported_unless_one_is_named(published: Layout) -> None:
    versions = [read_statement(published, "e1", wanted) for wanted in (None, 1)]

    assert [one.statement_version for one in versions] == [2, 1]
    with pytest.raises(DataRefusedError, match="expected a published version, 1 to 2, found none"):
        read_statement(published, "e1", 3)


def test_an_event_without_a_statement_has_no_export(layout: Layout) -> None:
    with pytest.raises(DataRefusedError, match="expected a published statement, found none"):
        read_statement(layout, EVENT.event_id)


@pytest.fixture
def export(layout: Layout, statement: Statement) -> Export:
    return event_export(layout, statement)


@pytest.mark.parametrize("kind", Format)
def test_every_format_holds_every_table_and_writes_the_same_bytes_again(
    kind: Format, export: Export, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{n}{kind.suffix}" for n in range(2)]

    written = [write_export(export, kind, path) for path in paths]

    one, again = ([file.read_bytes() for file in files] for files in written)
    assert one == again
    if not kind.suffix:
        names = [f"{name}.{kind.value}" for name in EVENT_COLUMNS]
        assert [file.name for file in written[0]] == names


def test_a_folder_has_a_file_for_a_table_without_rows(export: Export, tmp_path: Path) -> None:
    """The payments of an earlier event in the same folder would be taken for this one's."""
    write_export(export, Format.PARQUET, tmp_path)

    payments = pl.read_parquet(tmp_path / "payments.parquet")
    assert payments.is_empty()
    assert payments.columns == list(EVENT_COLUMNS["payments"])


def test_the_ending_decides_the_format_and_contradicts_none() -> None:
    assert format_of(None, None) is format_of(None, Path("out")) is Format.XLSX
    with pytest.raises(ConfigurationError, match=r"found the ending \.json; name"):
        format_of(Format.XLSX, Path("e1.json"))


@pytest.mark.slow
def test_the_command_writes_below_the_warehouse_and_says_where(published: Layout) -> None:
    arguments = ["export", "e1", "-w", str(published.root), "--version", "1", "--json"]

    result = CliRunner().invoke(app, arguments)

    said = json.loads(result.output)
    assert said["statement_version"] == 1
    assert said["files"] == [str(published.root / "exports" / "s1.e1-v1.xlsx")]
    assert Path(said["files"][0]).is_file()


@pytest.mark.slow
def test_a_dry_run_says_the_files_and_writes_none(published: Layout, tmp_path: Path) -> None:
    arguments = ["export", "e1", "-w", str(published.root), "--format", "csv", "--json"]

    said = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--dry-run"])

    files = json.loads(said.output)["files"]
    assert str(tmp_path / "out" / "lines.csv") in files
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_utility_s_own_layout_and_tells_what_to_check(
    published: Layout, tmp_path: Path
) -> None:
    out = tmp_path / "up.csv"
    arguments = ["export", "e1", "-w", str(published.root), "--profile", "hour_ending_kw"]

    result = CliRunner().invoke(app, [*arguments, "--out", str(out), "--json"])

    said = json.loads(result.output)
    assert (said["files"], said["rows"], said["rounded"]) == ([str(out)], 4, [])
    assert len(said["unverified"]) == 2
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith("R-000000,07/15/2026,15,60")


def test_a_profile_with_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--profile with --format: expected one of them"):
        command("e1", kind=Format.CSV, profile="hour_ending_kw", warehouse=tmp_path)
