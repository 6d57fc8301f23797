"""What Dagster shows of a run: counts, coverage, findings and a plot, right and cheap."""

import base64
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import dagster as dg
import polars as pl
import pytest

from negawatt.pipelines import run
from negawatt.pipelines.shown import Shown, hourly_power, plot, power_plot
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from tests.pipelines.conftest import AFTER_UTC, EVENT, FIRST_DAY, LAST_DAY, SITE

pytestmark = pytest.mark.slow  # importing Dagster takes seconds

LOAD = "core_site__interval_energy"
START_UTC = datetime(2026, 6, 30, tzinfo=UTC)


def load_rows(energies_kwh: Sequence[float | None], minutes: int = 15) -> pl.DataFrame:
    step = timedelta(minutes=minutes)
    starts = [START_UTC + number * step for number in range(len(energies_kwh))]
    return pl.DataFrame(
        {
            "site_id": "s1",
            "date": START_UTC.date(),
            "meter_id": "feeder",
            "interval_start_utc": starts,
            "interval_end_utc": [start + step for start in starts],
            "energy_kwh": energies_kwh,
            "coverage_ratio": [0.0 if energy is None else 1.0 for energy in energies_kwh],
            "method": "meter",
        },
        schema=schema(LOAD),
    )


def test_an_hour_has_the_mean_power_of_what_is_known_of_it() -> None:
    """25 kWh in a quarter hour are 100 kW; 25, 10, 10 and nothing: 45 kWh in 0.75 h, 60 kW."""
    power = hourly_power(load_rows([*[25.0] * 4, 25.0, 10.0, 10.0, None]))

    assert power["power_kw"].to_list() == [100.0, 60.0]


def points_of(markdown: str) -> list[list[tuple[float, float]]]:
    """Return the points of each line that an image has."""
    (encoded,) = re.findall(r"data:image/svg\+xml;base64,([^)]+)\)", markdown)
    image = ET.fromstring(base64.b64decode(encoded))  # noqa: S314 - ours
    lines = image.findall("{http://www.w3.org/2000/svg}polyline")
    return [
        [(float(x), float(y)) for x, y in (one.split(",") for one in line.attrib["points"].split())]
        for line in lines
    ]


def test_a_line_breaks_where_nothing_is_known_and_reaches_from_edge_to_edge() -> None:
    """From zero at the lower edge, 118, to 100 at the upper, 2: 40 lies at 118 - 0.4 x 116."""
    markdown = plot({"feeder": [100.0, None, 40.0, 0.0]}, "kW")

    assert points_of(markdown) == [[(0.0, 2.0)], [(400.0, 71.6), (600.0, 118.0)]]
    assert "0 to 100 kW" in markdown


def test_of_nothing_nothing_is_drawn() -> None:
    assert plot({"feeder": [None]}, "kW") == "nothing is known"
    assert power_plot(hourly_power(load_rows([None] * 8))) == "nothing is known"


def test_a_meter_is_drawn_at_its_own_hours() -> None:
    """Five hours of feeder, and of rack the last two: its line does not reach from edge to edge."""
    feeder = load_rows([25.0] * 20)
    rack = load_rows([10.0] * 8).with_columns(
        pl.lit("rack").alias("meter_id"),
        pl.col("interval_start_utc", "interval_end_utc") + pl.duration(hours=3),
    )

    of_feeder, of_rack = points_of(power_plot(hourly_power(pl.concat([feeder, rack]))))

    assert [x for x, _ in of_feeder] == [0.0, 150.0, 300.0, 450.0, 600.0]
    assert [x for x, _ in of_rack] == [450.0, 600.0]


def test_meters_of_two_sites_with_one_name_are_two_lines() -> None:
    here = load_rows([25.0] * 8)
    there = load_rows([10.0] * 8).with_columns(pl.lit("s2").alias("site_id"))
    shown = Shown(LOAD)

    for rows in (here, there):
        shown.add(rows)

    markdown = str(shown.metadata()["power"].value)
    assert markdown.startswith("feeder of s1 (#2563eb), feeder of s2 (#ea580c); 40 to 100 kW")
    assert len(points_of(markdown)) == 2


def test_a_month_is_a_plot_of_a_few_kilobytes_and_a_year_is_none() -> None:
    """Dagster keeps what is shown once for each day of a run: a year would be megabytes."""
    shown = Shown(LOAD)
    for day in range(31):
        step = pl.duration(days=day)
        shown.add(
            load_rows([25.0] * 96).with_columns(
                pl.col("interval_start_utc") + step, pl.col("interval_end_utc") + step
            )
        )

    month, year = shown.metadata(31), shown.metadata(365)

    assert month["row_count"].value == 31 * 96
    (points,) = points_of(str(month["power"].value))
    assert 200 < len(points) <= 288
    assert len(str(month["power"].value)) < 8_000
    assert set(year) == {"row_count", "coverage_ratio_mean"}


def test_a_part_of_a_million_rows_is_passed_over_in_a_blink() -> None:
    rows = pl.concat([load_rows([25.0] * 10_000, minutes=1)] * 100)
    shown = Shown("core_gpu__interval_energy")

    start_s = time.perf_counter()
    shown.add(rows)

    assert time.perf_counter() - start_s < 0.5
    assert shown.metadata()["coverage_ratio_mean"].value == 1.0


def _materialized(layout: Layout, table: str) -> dict[str, dg.MetadataValue]:
    with dg.DagsterInstance.from_config(str(run.dagster_home(layout))) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(table))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


def test_a_run_shows_its_days_and_a_settlement_its_event(layout: Layout) -> None:
    """Nine days of 96 quarter hours, with two hours of the event at 40 kW."""
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)

    load = _materialized(layout, LOAD)
    assert load["row_count"].value == 9 * 96
    assert load["day_count"].value == 9
    assert load["coverage_ratio_mean"].value == 1.0
    assert "40 to 102 kW" in str(load["power"].value)
    assert "40 to 100 kWh an interval" in str(
        _materialized(layout, "out_event__baseline")["event"].value
    )
    assert "| severity |" in str(_materialized(layout, "out_event__findings")["findings"].value)
