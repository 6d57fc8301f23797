"""Jobs of a settlement: each as it is alone, whatever the lengths of their intervals."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.metering.roll_up import to_load_series
from negawatt.pipelines.settlement import _job_loads
from negawatt.warehouse.catalog import schema

pytestmark = pytest.mark.slow  # Dagster is imported

START_UTC = datetime(2026, 7, 1, tzinfo=UTC)


def job(job_id: str, minutes: int, energies_kwh: list[float | None]) -> pl.DataFrame:
    rows = [
        {
            "site_id": "s1",
            "date": START_UTC.date(),
            "job_id": job_id,
            "interval_start_utc": START_UTC + timedelta(minutes=minutes * n),
            "interval_end_utc": START_UTC + timedelta(minutes=minutes * (n + 1)),
            "energy_kwh": energy_kwh,
            "coverage_ratio": 1.0,
            "method": "counter",
        }
        for n, energy_kwh in enumerate(energies_kwh)
    ]
    return pl.DataFrame(rows, schema=schema("core_job__interval_energy"))


def test_jobs_of_minutes_and_of_five_minutes_are_each_as_alone() -> None:
    rows = pl.concat(
        [job("b", 5, [5.0, None]), job("c", 1, [3.0, 4.0]), job("a", 1, [1.0, None, 2.0])]
    )

    found = _job_loads(rows)

    assert list(found) == ["a", "b", "c"]
    for job_id, minutes in {"a": 1, "b": 5, "c": 1}.items():
        alone = to_load_series(rows.filter(pl.col("job_id") == job_id), minutes, job_id)
        assert found[job_id].interval_minutes == minutes
        assert np.array_equal(found[job_id].energy_kwh, alone.energy_kwh, equal_nan=True)
