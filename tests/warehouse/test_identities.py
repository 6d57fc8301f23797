"""Which names a site's tables hold."""

from datetime import UTC, datetime

import polars as pl

from negawatt.models.domain.identifiers import IDENTIFYING
from negawatt.warehouse.catalog import fields
from negawatt.warehouse.delta_tables import replace_partition
from negawatt.warehouse.identities import site_names
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.warehouse.conftest import DAY

LONG_AGO_UTC = datetime(2026, 1, 1, tzinfo=UTC)
# Texts that name no job, tenant, node or GPU.
OTHER_NAMES = {"event_id", "meter_id", "measure_id", "site_id", "statement_id"}


def test_every_column_that_could_name_whose_work_ran_where_is_known_as_such() -> None:
    words = {"job", "tenant", "node", "gpu", "user", "account", "owner", "host", "boot"}
    suspects = {
        name
        for name, field in fields().items()
        if field.type == "text"
        and words & set(name.split("_"))
        and name.endswith(("_id", "_uuid", "_name"))
    }

    assert suspects - OTHER_NAMES <= IDENTIFYING.keys(), "add it to IDENTIFYING, or to OTHER_NAMES"


def test_names_of_a_day_and_of_jobs_placed_long_before_are_found(layout: Layout) -> None:
    placed = pl.DataFrame(
        {
            "job_id": ["j1"],
            "job_class": [None],
            "flexibility_tier": [None],
            "gpu_uuid": ["GPU-1"],
            "node_id": ["n1"],
            "allocation_start_utc": [LONG_AGO_UTC],
            "allocation_end_utc": [None],
            "available_at_utc": [LONG_AGO_UTC],
        }
    )
    seal_rows(layout, "raw_job__allocations", "s1", "test", placed)
    start_utc = datetime.combine(DAY, datetime.min.time(), UTC)
    energy = pl.DataFrame(
        {
            "site_id": ["s1"],
            "date": [DAY],
            "job_id": ["j2"],
            "interval_start_utc": [start_utc],
            "interval_end_utc": [start_utc.replace(minute=1)],
            "energy_kwh": [1.0],
            "coverage_ratio": [1.0],
            "method": ["meter"],
        }
    )
    replace_partition(layout, "core_job__interval_energy", {"site_id": "s1", "date": DAY}, energy)

    assert site_names(layout, "s1", DAY, DAY) == {
        "job": {"j1", "j2"},
        "gpu": {"GPU-1"},
        "node": {"n1"},
        "boot": set(),
    }
    assert site_names(layout, "s2", DAY, DAY)["job"] == set()
