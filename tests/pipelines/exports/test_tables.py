import csv
import io

import polars as pl

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.headings import HEADINGS
from negawatt.pipelines.exports.tables import (
    for_people,
    job_reductions,
    settled_lines,
    table_files,
)
from negawatt.warehouse.catalog import fields, table

EXPORTED = (
    "core_site__interval_energy",
    "out_event__baseline",
    "out_event__baseline_days",
    "out_event__findings",
    "out_settlement__statement_lines",
)
UNITS = {"ratio": "0 to 1", "USD per kWh": "USD per kWh"}


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_every_exported_column_has_a_heading_that_states_its_unit() -> None:
    for column in {column for name in EXPORTED for column in table(name).columns}:
        unit = fields()[column].unit
        heading = HEADINGS[column]
        if unit not in (None, "count"):
            assert heading.endswith(f"{UNITS.get(unit, unit)}]"), heading
        if fields()[column].type == "instant":
            assert heading.endswith("[UTC]")


def test_lines_carry_exactly_the_decimals_of_their_rounding(statement: Statement) -> None:
    rows = read_csv(table_files({"lines": settled_lines(statement)}, "UTC")["lines.csv"])

    assert [row["Reduction [kWh]"] for row in rows] == [
        str(line.reduction_kwh) for line in statement.body.lines
    ]
    assert rows[0]["Adjusted baseline [kWh]"] == "100.000"


def test_what_is_not_known_is_an_empty_cell_and_never_zero(statement: Statement) -> None:
    rows = read_csv(table_files({"jobs": job_reductions(statement)}, "UTC")["jobs.csv"])

    assert [row["Reduction [kWh]"] for row in rows] == ["80.0", ""]
    assert rows[1]["Note"].startswith("ended")


def test_instants_stand_in_utc_and_in_local_time(statement: Statement) -> None:
    first = for_people(settled_lines(statement), "America/New_York").row(0, named=True)

    assert first["Interval start [UTC]"] == "2026-07-15T18:00:00Z"
    assert first["Interval start [local, America/New_York]"] == "2026-07-15T14:00:00-04:00"


def test_parquet_keeps_the_names_and_values_of_the_catalog(load: pl.DataFrame) -> None:
    content = table_files({"load": load}, "UTC")["load.parquet"]

    assert pl.read_parquet(io.BytesIO(content)).equals(load)
