from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports import chart_rows
from negawatt.pipelines.exports.page import words_of
from negawatt.pipelines.exports.words import Words
from tests.pipelines.exports.conftest import END_UTC, EVENT, HOUR, SITE, START_UTC

HOUR_MS = 3_600_000
WORDS = Words(zone=ZoneInfo(SITE.time_zone), reference_utc=START_UTC, estimate_decimals=1)


def test_the_time_axis_shows_the_wall_clock_of_the_site() -> None:
    """18:00 UTC is 14:00 in New York, drawn on an axis that is read as UTC."""
    place = chart_rows.axis_ms(WORDS)

    shown = datetime.fromtimestamp(place(START_UTC) / 1000, UTC)

    assert (shown.hour, shown.minute) == (14, 0)


def test_the_time_axis_runs_on_through_a_clock_change() -> None:
    """Clocks go back on November 1, 2026 at 06:00 UTC: two hours apart stay two hours apart."""
    before_utc = datetime(2026, 11, 1, 5, tzinfo=UTC)
    place = chart_rows.axis_ms(replace(WORDS, reference_utc=before_utc))

    assert place(before_utc + 2 * HOUR) - place(before_utc) == 2 * HOUR_MS


def test_power_is_energy_over_the_length_of_its_interval(load: pl.DataFrame) -> None:
    quarter = load.head(1).with_columns(
        interval_end_utc=pl.col.interval_start_utc + timedelta(minutes=15), energy_kwh=25.0
    )
    start_utc = quarter["interval_start_utc"][0]

    rows = chart_rows.power_rows(
        quarter, Interval(start_utc, start_utc + HOUR), chart_rows.axis_ms(WORDS)
    )

    assert rows["power_kw"].to_list() == [100.0, 100.0]
    assert rows["time_ms"].diff().to_list() == [None, HOUR_MS // 4]


def test_missing_and_unknown_energy_break_the_line(load: pl.DataFrame) -> None:
    """Of the four hours of the event the second is missing and the third is not known."""
    hour = (pl.col.interval_start_utc - START_UTC).dt.total_hours()
    holed = load.filter(hour != 1).with_columns(
        energy_kwh=pl.when(hour == 2).then(None).otherwise("energy_kwh")
    )

    rows = chart_rows.power_rows(holed, EVENT.interval, chart_rows.axis_ms(WORDS))

    assert rows["power_kw"].to_list() == [60.0, None, None, 60.0, 60.0]
    assert chart_rows.gaps(holed, EVENT.interval) == [(START_UTC + HOUR, START_UTC + 3 * HOUR)]


def test_the_band_of_a_reduction_is_drawn_around_the_baseline(statement: Statement) -> None:
    """As far below the baseline as the reduction's lower edge is below the reduction."""
    body = statement.body
    assert body.band is not None
    lower_kwh = body.band.interval_lower_kwh[0]
    assert lower_kwh is not None
    line = body.lines[0]

    first = chart_rows.baseline_rows(body, chart_rows.axis_ms(WORDS)).row(0, named=True)

    assert first["baseline_kw"] == float(line.adjusted_baseline_kwh)
    assert first["baseline_kw"] - first["lower_kw"] == pytest.approx(
        float(line.reduction_kwh) - lower_kwh
    )


def test_without_a_band_no_edge_is_drawn(statement: Statement) -> None:
    body = replace(statement.body, band=None)

    rows = chart_rows.baseline_rows(body, chart_rows.axis_ms(WORDS))

    assert rows["lower_kw"].null_count() == rows["upper_kw"].null_count() == rows.height
    assert rows.height == len(body.lines) + 1


def test_the_ramp_lies_before_the_event() -> None:
    event = replace(EVENT, ramp_minutes=20.0)

    rows = chart_rows.span_rows(event, chart_rows.axis_ms(WORDS)).to_dicts()

    assert [row["kind"] for row in rows] == ["ramp", "event"]
    assert rows[0]["end_ms"] - rows[0]["start_ms"] == HOUR_MS // 3
    assert rows[0]["end_ms"] == rows[1]["start_ms"]
    assert rows[1]["end_ms"] - rows[1]["start_ms"] == (END_UTC - START_UTC) // HOUR * HOUR_MS


def test_only_the_settled_method_carries_the_band(statement: Statement) -> None:
    rows = chart_rows.method_rows(statement.body, words_of(statement.body, SITE))

    assert rows["is_settled"].to_list() == [True, False, False]
    assert rows["lower_kwh"].null_count() == 2
    assert rows["text"][0] == "160.0 kWh"


def test_days_are_drawn_oldest_first_and_only_where_known(statement: Statement) -> None:
    days = statement.body.days
    body = replace(statement.body, days=(replace(days[0], window_power_kw_mean=None), *days[1:]))

    rows = chart_rows.day_rows(body)

    assert rows.height == len(days) - 1
    assert rows["power_kw"].to_list() == [day.window_power_kw_mean for day in reversed(days[1:])]


def test_jobs_are_drawn_with_what_they_leave(statement: Statement) -> None:
    """The meter fell by 40 kW for four hours, 160 kWh; training gave up 80 of them."""
    rows = chart_rows.job_rows(statement.body, words_of(statement.body, SITE), 20)

    assert rows.select("job", "reduction_kwh").rows() == [
        ("training", 80.0),
        ("Not explained", 80.0),
    ]
