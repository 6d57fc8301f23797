"""A warehouse in a temporary folder, and rows by hand."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.warehouse.layout import Layout

DAY = date(2026, 6, 30)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "warehouse")


def site_energy(day: date = DAY, *, energy_kwh: float = 1.0, minutes: int = 3) -> pl.DataFrame:
    """Return the first minutes of a day as core_site__interval_energy."""
    midnight_utc = datetime.combine(day, datetime.min.time(), UTC)
    starts = [midnight_utc + timedelta(minutes=n) for n in range(minutes)]
    return pl.DataFrame(
        {
            "site_id": ["s1"] * minutes,
            "date": [day] * minutes,
            "meter_id": ["m1"] * minutes,
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=1) for start in starts],
            "energy_kwh": [energy_kwh] * minutes,
            "coverage_ratio": [1.0] * minutes,
            "method": ["meter"] * minutes,
        }
    )


def meter_readings(*, energy_kwh: float = 1.0, available_day: int = 1) -> pl.DataFrame:
    """Return two readings of one meter, either side of midnight UTC."""
    midnight_utc = datetime(2026, 7, 1, tzinfo=UTC)
    starts = [midnight_utc - timedelta(minutes=30), midnight_utc]
    return pl.DataFrame(
        {
            "meter_id": ["m1", "m1"],
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=30) for start in starts],
            "energy_kwh": [energy_kwh, 2.0],
            "reading_quality": ["ok", "ok"],
            "available_at_utc": [datetime(2026, 7, available_day, 12, tzinfo=UTC)] * 2,
        }
    )
