from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.whole_nodes import whole_node_allocations
from negawatt.warehouse.catalog import conform, schema

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = Interval(NOON_UTC - timedelta(hours=12), NOON_UTC + timedelta(hours=12))
LATER_UTC = NOON_UTC + timedelta(days=9)
GPUS = pl.DataFrame(
    {"node_id": ["n1", "n1", "n2", "n2", "n3"], "gpu_uuid": ["A", "B", "C", "D", "E"]}
)


def job(**facts: object) -> pl.DataFrame:
    """Return one row of raw_job__accounting: a job on two nodes of two GPUs each."""
    row = dict.fromkeys(schema("raw_job__accounting")) | {
        "job_id": "17",
        "job_state": "completed",
        "flexibility_tier": 2,
        "submitted_at_utc": NOON_UTC - timedelta(hours=1),
        "allocation_start_utc": NOON_UTC,
        "allocation_end_utc": NOON_UTC + timedelta(hours=1),
        "gpu_count": 4,
        "node_ids": "n1,n2",
        "available_at_utc": NOON_UTC + timedelta(hours=2),
    }
    return pl.DataFrame([row | facts], schema=schema("raw_job__accounting"))


def placed(*jobs: pl.DataFrame, as_of_utc: datetime = LATER_UTC) -> pl.DataFrame:
    rows = whole_node_allocations(pl.concat(jobs), GPUS, DAY, as_of_utc)
    return conform("raw_job__allocations", rows)


def test_a_job_with_the_count_of_its_nodes_held_each_of_their_gpus() -> None:
    rows = placed(job())

    assert rows["gpu_uuid"].to_list() == ["A", "B", "C", "D"]
    assert set(rows["allocation_end_utc"]) == {NOON_UTC + timedelta(hours=1)}
    assert set(rows["flexibility_tier"]) == {2}


@pytest.mark.parametrize(
    "facts",
    [
        {"gpu_count": 3},
        {"gpu_count": 5},
        {"gpu_count": None},
        {"node_ids": None},
        {"node_ids": "n1,n2,n9"},
        {"allocation_start_utc": None},
        {"allocation_end_utc": NOON_UTC},
        {
            "allocation_start_utc": NOON_UTC - timedelta(days=2),
            "allocation_end_utc": DAY.start_utc,
        },
        {"allocation_start_utc": DAY.end_utc, "allocation_end_utc": LATER_UTC},
    ],
)
def test_a_job_whose_gpus_nobody_stated_or_that_did_not_run_is_not_placed(
    facts: dict[str, object],
) -> None:
    assert placed(job(**facts)).is_empty()


@pytest.mark.parametrize("imported_after", [timedelta(hours=2), timedelta(days=1)])
def test_what_is_known_of_a_running_job_ends_at_the_newest_stamp_of_its_import(
    imported_after: timedelta,
) -> None:
    """Another job ended at 13:00, so the file is no older; when it was imported says nothing."""
    imported = {"available_at_utc": NOON_UTC + imported_after}
    running, other = job(allocation_end_utc=None, **imported), job(job_id="18", **imported)

    rows = placed(running, other).filter(job_id="17")

    assert set(rows["allocation_end_utc"]) == {NOON_UTC + timedelta(hours=1)}


def test_a_running_job_alone_in_its_import_is_not_known_to_have_held_anything() -> None:
    next_import = job(job_id="18", available_at_utc=NOON_UTC + timedelta(hours=3))

    rows = placed(job(allocation_end_utc=None), next_import)

    assert set(rows["job_id"]) == {"18"}


def test_the_newest_version_counts_that_was_known_by_then() -> None:
    later = job(node_ids="n3", gpu_count=1, available_at_utc=NOON_UTC + timedelta(days=1))

    assert placed(job(), later)["gpu_uuid"].to_list() == ["E"]
    assert placed(job(), later, as_of_utc=NOON_UTC + timedelta(hours=3)).height == 4


def test_each_submission_of_a_requeued_job_is_placed_for_itself() -> None:
    again = job(
        submitted_at_utc=NOON_UTC + timedelta(hours=1),
        allocation_start_utc=NOON_UTC + timedelta(hours=3),
        allocation_end_utc=NOON_UTC + timedelta(hours=4),
        node_ids="n3",
        gpu_count=1,
    )

    assert placed(job(), again)["gpu_uuid"].to_list() == ["A", "B", "C", "D", "E"]


def test_without_jobs_there_are_no_rows_of_the_right_types() -> None:
    assert placed(job().clear()).is_empty()
