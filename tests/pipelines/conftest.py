"""A small site by hand: a flat load with a weekday shape, one event, an hour of history for a job.

The load is 100 kW, 40 kW in the event of 2026-06-30 18:00-20:00 UTC, and 102 kW on the Mondays,
so that days differ. Readings are quarter hours.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites

SITE = "s1"
EVENT = "e1"
EVENT_START_UTC = datetime(2026, 6, 30, 18, tzinfo=UTC)
EVENT_END_UTC = datetime(2026, 6, 30, 20, tzinfo=UTC)
FIRST_DAY, LAST_DAY = date(2026, 6, 22), date(2026, 6, 30)
AFTER_UTC = datetime(2026, 7, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def load_kw(moment_utc: datetime) -> float:
    if EVENT_START_UTC <= moment_utc < EVENT_END_UTC:
        return 40.0
    return 102.0 if moment_utc.weekday() == 0 else 100.0


def meter_rows(first: date = FIRST_DAY, last: date = LAST_DAY) -> pl.DataFrame:
    start_utc = datetime.combine(first, datetime.min.time(), UTC)
    count = ((last - first).days + 1) * 96
    starts = [start_utc + n * QUARTER for n in range(count)]
    return pl.DataFrame(
        {
            "meter_id": "feeder",
            "interval_start_utc": starts,
            "interval_end_utc": [start + QUARTER for start in starts],
            "energy_kwh": [load_kw(start) / 4 for start in starts],
            "reading_quality": "ok",
            "available_at_utc": [start + QUARTER for start in starts],
        }
    )


def event_rows(**changes: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "event_id": EVENT,
        "revision": 1,
        "site_id": SITE,
        "program_id": "pjm_economic_3day",
        "event_start_utc": EVENT_START_UTC,
        "event_end_utc": EVENT_END_UTC,
        "notified_at_utc": None,
        "committed_kw": 50.0,
        "target_reduction_ratio": None,
        "limit_kw": 45.0,
        "ramp_minutes": 0.0,
        "event_kind": "economic",
        "cancelled": False,
        "event_source": "by hand",
        "available_at_utc": EVENT_START_UTC,
    }
    return pl.DataFrame([row | changes])


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A warehouse with nine days of readings and one event, nothing metered yet."""
    return small_site(tmp_path)


def small_site(folder: Path) -> Layout:
    """Make that warehouse in a folder."""
    made = Layout(folder / "warehouse")
    site = Site(
        time_zone="America/New_York",
        settlement_meter_id="feeder",
        revenue_grade=True,
        boundary="one feeder",
        alternative_programs=("caiso_10_in_10",),
    )
    register_sites(made, {SITE: site})
    seal_rows(made, "raw_meter__readings", SITE, "test", meter_rows())
    seal_rows(made, "raw_grid__events", SITE, "test", event_rows())
    return made
