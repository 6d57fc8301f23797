"""A year of 5-minute readings of ten meters as NEM12, read and sealed, against plain Python."""

import csv
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.conftest import Report, best_s
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows

METERS, DAYS, VALUES = 10, 365, 288


def a_year() -> bytes:
    """Return the file; every twentieth day has substituted intervals, said by 400 records."""
    random = np.random.default_rng(1)
    lines = ["100,NEM12,202601010000,MDP1,RETAIL1"]
    for meter in range(METERS):
        lines.append(f"200,NMI{meter:07d},E1,E1,E1,N1,S{meter:05d},kWh,5,")
        for day in range(DAYS):
            values = ",".join(f"{value:.3f}" for value in random.uniform(0, 30, VALUES))
            stamp = f"{date(2025, 1, 1) + timedelta(days=day):%Y%m%d}"
            quality = "V" if day % 20 == 7 else "A"
            lines.append(f"300,{stamp},{values},{quality},,,20260101000000,")
            lines += ["400,1,100,A,,", "400,101,288,S14,76,"] if quality == "V" else []
    return "\n".join([*lines, "900", ""]).encode()


def test_reading_is_faster_than_a_loop_over_the_cells(report: Report) -> None:
    content = a_year()
    text = content.decode().splitlines()

    def loop() -> float:
        rows = (row for row in csv.reader(text) if row[0] == "300")
        return sum(float(value) for row in rows for value in row[2 : 2 + VALUES])

    ours_s = best_s(lambda: read_nem12(content), 3)

    report("NEM12, read with qualities, against summing its cells", ours_s, best_s(loop, 3), 3.0)


def test_sealing_costs_little_more_than_a_parquet_file_a_day(
    tmp_path: Path, report: Report
) -> None:
    arrival = pl.lit(datetime(2026, 1, 2, tzinfo=UTC)).alias("available_at_utc")
    rows = read_nem12(a_year()).rows.with_columns(arrival)
    days = rows.with_columns(pl.col("interval_start_utc").dt.date().alias("day")).partition_by(
        "day"
    )

    def plain() -> None:
        for number, one in enumerate(days):
            one.write_parquet(tmp_path / f"{number}.parquet")

    def ours() -> None:
        shutil.rmtree(tmp_path / "w", ignore_errors=True)
        seal_rows(Layout(tmp_path / "w"), "raw_meter__readings", "s1", "import", rows)

    report(
        "readings sealed, against Parquet files without checks",
        best_s(ours, 3),
        best_s(plain, 3),
        8.0,
    )
