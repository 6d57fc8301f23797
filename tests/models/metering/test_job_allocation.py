from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.job_allocation import (
    allocated_job_energy,
    newest_allocations,
    sharing_findings,
)

START_UTC = datetime(2026, 7, 1, tzinfo=UTC)
DAY = Interval(START_UTC, START_UTC + timedelta(days=1))
KWH_J = 3.6e6


def gpu_minutes(*, energy_j: tuple[float | None, ...] = (KWH_J, 2 * KWH_J)) -> pl.DataFrame:
    """Return two minutes of GPUs A and B; B uses ten times as much as A."""
    rows = [
        {
            "gpu_uuid": gpu,
            "interval_start_utc": START_UTC + timedelta(minutes=minute),
            "interval_end_utc": START_UTC + timedelta(minutes=minute + 1),
            "energy_j": None if value is None else value * factor,
            "coverage_ratio": 1.0,
        }
        for gpu, factor in (("A", 1), ("B", 10))
        for minute, value in enumerate(energy_j)
    ]
    return pl.DataFrame(rows, schema_overrides={"energy_j": pl.Float64})


def allocations(*rows: tuple[str, str, float, float | None]) -> pl.DataFrame:
    """Return allocations of (job, GPU, start and end in minutes)."""
    columns = ("allocation_start_utc", "allocation_end_utc")
    return pl.DataFrame(
        [
            {
                "job_id": job,
                "gpu_uuid": gpu,
                "allocation_start_utc": START_UTC + timedelta(minutes=start),
                "allocation_end_utc": None if end is None else START_UTC + timedelta(minutes=end),
            }
            for job, gpu, start, end in rows
        ],
        schema={"job_id": pl.String, "gpu_uuid": pl.String}
        | dict.fromkeys(columns, pl.Datetime("us", "UTC")),
    )


def energy_kwh(*rows: tuple[str, str, float, float | None]) -> list[tuple[str, object]]:
    found = allocated_job_energy([gpu_minutes()], allocations(*rows), DAY, "s1")
    return [(row["job_id"], pytest.approx(row["energy_kwh"])) for row in found.to_dicts()]


def test_a_job_uses_what_all_its_gpus_use() -> None:
    """1 + 10 kWh in the first minute, 2 + 20 in the second."""
    assert energy_kwh(("j", "A", 0, None), ("j", "B", 0, None)) == [("j", 11.0), ("j", 22.0)]


def test_a_minute_is_divided_between_the_job_that_ends_and_the_one_that_starts() -> None:
    """The GPU changes hands at 0:15 of the first minute: a quarter and three quarters of 1 kWh."""
    found = energy_kwh(("old", "A", -5, 0.25), ("new", "A", 0.25, 1))

    assert found == [("new", 0.75), ("old", 0.25)]


def test_a_job_restarted_within_a_minute_is_one_job() -> None:
    assert energy_kwh(("j", "A", 0, 0.25), ("j", "A", 0.5, 1)) == [("j", 0.75)]


def test_an_allocation_outside_the_day_uses_nothing() -> None:
    assert energy_kwh(("j", "A", -10, 0)) == []


def test_jobs_that_hold_one_gpu_at_one_time_are_not_known_and_found() -> None:
    """Both have A in the first minute; k has it alone in the second, of 2 kWh."""
    held = [("j", "A", 0, 1), ("k", "A", 0.5, 2)]

    assert energy_kwh(*held) == [("j", None), ("k", None), ("k", 2.0)]
    [finding] = sharing_findings(allocations(*held), DAY)
    assert finding.code is FindingCode.JOBS_SHARE_GPU
    assert finding.evidence == {
        "job_count": 2,
        "job_ids": ["j", "k"],
        "first_start_utc": "2026-07-01T00:00:30+00:00",
        "first_end_utc": "2026-07-01T00:01:00+00:00",
    }


def test_a_job_that_shares_one_of_its_gpus_is_not_known_and_one_that_shares_none_is() -> None:
    held = [("j", "A", 0, 1), ("j", "B", 0, 1), ("k", "B", 0, 1), ("l", "A", 1, 2)]

    assert energy_kwh(*held) == [("j", None), ("k", None), ("l", 2.0)]


def test_jobs_that_follow_one_another_share_nothing() -> None:
    held = allocations(("j", "A", 0, 0.5), ("k", "A", 0.5, 2))

    assert sharing_findings(held, DAY) == []


def test_placements_of_one_job_that_overlap_count_once() -> None:
    """From 0:00 to 0:45 and from 0:30 to 1:00, within one another or not: the minute's 1 kWh."""
    assert energy_kwh(("j", "A", 0, 0.75), ("j", "A", 0.5, 1)) == [("j", 1.0)]
    assert energy_kwh(("j", "A", 0, 1), ("j", "A", 0.25, 0.5)) == [("j", 1.0)]
    assert energy_kwh(("j", "A", 0, 1), ("j", "A", 0.25, 0.5), ("j", "A", 0.6, 1)) == [("j", 1.0)]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("jkl"),
            st.sampled_from("AB"),
            st.integers(-4, 8).map(lambda n: n / 4),
            st.integers(1, 8).map(lambda n: n / 4),
        ),
        max_size=6,
    )
)
def test_jobs_never_add_up_to_more_than_their_gpus(
    rows: list[tuple[str, str, float, float]],
) -> None:
    """GPUs A and B together use 11 kWh in the first minute and 22 in the second."""
    held = allocations(*((job, gpu, start, start + length) for job, gpu, start, length in rows))

    found = allocated_job_energy([gpu_minutes()], held, DAY, "s1")

    sums = dict(found.group_by("interval_start_utc").agg(pl.col("energy_kwh").sum()).rows())
    assert sums.get(START_UTC, 0.0) <= 11.0 + 1e-9
    assert sums.get(START_UTC + timedelta(minutes=1), 0.0) <= 22.0 + 1e-9


def test_energy_is_not_known_where_one_gpu_is_not() -> None:
    second_of_b = (pl.col("gpu_uuid") == "B") & (pl.col("interval_start_utc") > START_UTC)
    unknown = gpu_minutes().with_columns(pl.when(~second_of_b).then("energy_j").alias("energy_j"))
    held = allocations(("j", "A", 0, None), ("j", "B", 0, None))

    found = allocated_job_energy([unknown], held, DAY, "s1")

    assert found["energy_kwh"].to_list() == [pytest.approx(11.0), None]


def test_the_end_that_became_known_later_counts() -> None:
    early, late = allocations(("j", "A", 0, None)), allocations(("j", "A", 0, 1))
    versions = [
        frame.with_columns(pl.lit(START_UTC + timedelta(days=day)).alias("available_at_utc"))
        for day, frame in ((2, late), (1, early))
    ]

    found = newest_allocations(pl.concat(versions), START_UTC + timedelta(days=2))
    before = newest_allocations(pl.concat(versions), START_UTC + timedelta(days=1))

    assert found["allocation_end_utc"].to_list() == [START_UTC + timedelta(minutes=1)]
    assert before["allocation_end_utc"].to_list() == [None]


def test_energy_is_not_known_where_a_held_gpu_has_no_row() -> None:
    """B has no second minute and C has none at all: only A's job is known throughout."""
    gpus = gpu_minutes().filter(
        (pl.col("gpu_uuid") == "A") | (pl.col("interval_start_utc") == START_UTC)
    )
    held = allocations(("a", "A", 0, None), ("b", "B", 0, 2), ("c", "C", 0, 1))

    found = allocated_job_energy([gpus], held, DAY, "s1")

    assert found.select("job_id", "energy_kwh", "coverage_ratio").rows() == [
        ("a", pytest.approx(1.0), 1.0),
        ("a", pytest.approx(2.0), 1.0),
        ("b", pytest.approx(10.0), 1.0),
        ("b", None, 0.0),
        ("c", None, 0.0),
    ]


def test_without_gpu_energy_no_interval_is_known_of_any_job() -> None:
    held = allocations(("j", "A", 0, None))

    assert allocated_job_energy([gpu_minutes().clear()], held, DAY, "s1").is_empty()


def test_the_order_of_rows_does_not_matter() -> None:
    held = allocations(("j", "A", 0, None), ("k", "B", 0.5, None))

    found = allocated_job_energy([gpu_minutes()], held, DAY, "s1")

    assert found.equals(allocated_job_energy([gpu_minutes().reverse()], held.reverse(), DAY, "s1"))


def test_gpus_that_come_in_parts_are_one_jobs_energy() -> None:
    """A job on A and B, another on A alone and a GPU without rows, a third that shares B."""
    held = allocations(("j", "A", 0, None), ("j", "B", 0, 1), ("k", "A", 1.5, 2), ("k", "C", 1, 2))
    held = pl.concat([held, allocations(("l", "B", 0.5, 2))])
    whole = allocated_job_energy([gpu_minutes()], held, DAY, "s1")

    parts = gpu_minutes().partition_by("gpu_uuid", maintain_order=True)

    assert len(parts) == 2
    assert allocated_job_energy(parts, held, DAY, "s1").equals(whole)
