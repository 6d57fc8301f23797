"""Files by hand after Slurm, sacct(1): "Job Accounting Fields", "Job State Codes"."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.parsed import Parsed
from negawatt.warehouse.formats.sacct import read_sacct

ZONE = ZoneInfo("America/New_York")
FIELDS = (
    "JobID|JobIDRaw|JobName|Account|Partition|QOS|State|Priority|Submit|Eligible|Start|End|Restarts|"
    "ReqTRES|AllocTRES|NodeList|ConsumedEnergyRaw"
)
JOB = {
    "JobID": "17",
    "JobIDRaw": "17",
    "JobName": "pretrain",
    "Account": "ml",
    "Partition": "train",
    "QOS": "normal",
    "State": "COMPLETED",
    "Priority": "4294901757",
    "Submit": "2026-07-01T08:00:00",
    "Eligible": "2026-07-01T08:00:00",
    "Start": "2026-07-01T08:10:00",
    "End": "2026-07-01T20:00:00",
    "Restarts": "0",
    "ReqTRES": "billing=64,cpu=64,gres/gpu=16,mem=1T,node=2",
    "AllocTRES": "billing=64,cpu=64,gres/gpu:h100=16,gres/gpu=16,mem=1T,node=2",
    "NodeList": "gpu[01-02]",
    "ConsumedEnergyRaw": "123456789",
}


def read(*jobs: dict[str, str], with_energy: bool = False) -> Parsed:
    lines = ["|".join((JOB | job)[name] for name in FIELDS.split("|")) for job in jobs]
    text = "\n".join([FIELDS, *lines, ""])
    return read_sacct(text.encode(), ZONE, with_energy=with_energy)


def test_a_job_has_its_queue_time_allocation_gpus_and_nodes() -> None:
    """New York is four hours behind UTC in July."""
    row = read({}).rows.row(0, named=True)

    assert row == {
        "job_id": "17",
        "scheduler_job_id": "17",
        "job_name": "pretrain",
        "account_name": "ml",
        "partition_name": "train",
        "qos_name": "normal",
        "job_state": "completed",
        "job_priority": 4294901757,
        "job_class": None,
        "flexibility_tier": None,
        "submitted_at_utc": datetime(2026, 7, 1, 12, tzinfo=UTC),
        "eligible_at_utc": datetime(2026, 7, 1, 12, tzinfo=UTC),
        "allocation_start_utc": datetime(2026, 7, 1, 12, 10, tzinfo=UTC),
        "allocation_end_utc": datetime(2026, 7, 2, tzinfo=UTC),
        "requeue_count": 0,
        "gpu_count": 16,
        "gpu_kind": "h100",
        "node_ids": "gpu01,gpu02",
        "job_energy_j": None,
    }


def test_the_schedulers_energy_is_taken_only_where_it_is_asked_for() -> None:
    assert read({}, with_energy=True).rows["job_energy_j"].item() == 123456789.0


def test_a_job_that_waits_has_no_allocation_and_the_gpus_it_asks_for() -> None:
    pending = {
        "State": "PENDING",
        "Start": "Unknown",
        "End": "Unknown",
        "AllocTRES": "",
        "NodeList": "None assigned",
    }
    row = read(pending).rows.row(0, named=True)

    assert (row["allocation_start_utc"], row["allocation_end_utc"]) == (None, None)
    assert (row["gpu_count"], row["node_ids"]) == (16, None)


def test_a_job_that_still_runs_has_no_end() -> None:
    row = read({"State": "RUNNING", "End": "Unknown"}).rows.row(0, named=True)

    assert row["allocation_end_utc"] is None
    assert row["allocation_start_utc"] is not None


def test_a_job_cancelled_while_it_waited_never_started() -> None:
    """Slurm gives it a start and an end, both of the moment it was cancelled, and no node."""
    cancelled = {"State": "CANCELLED by 1001", "Start": JOB["End"], "NodeList": "None assigned"}
    row = read(cancelled).rows.row(0, named=True)

    assert (row["job_state"], row["allocation_start_utc"]) == ("cancelled", None)


def test_tasks_of_an_array_have_their_raw_number_and_what_the_scheduler_shows() -> None:
    waiting = {"JobID": "40_[3-9%2]", "JobIDRaw": "40", "State": "PENDING", "Start": "Unknown"}
    rows = read({"JobID": "40_2", "JobIDRaw": "42"}, waiting | {"End": "Unknown"}).rows

    assert rows.select("job_id", "scheduler_job_id").rows() == [
        ("42", "40_2"),
        ("40", "40_[3-9%2]"),
    ]


def test_a_requeued_job_is_one_row_for_each_submission() -> None:
    """sacct(1): if a job is requeued, the submit time is reset; --duplicates shows both."""
    first = {"State": "PREEMPTED", "End": "2026-07-01T09:00:00"}
    again = {"Submit": "2026-07-01T09:00:00", "Start": "2026-07-01T09:30:00", "Restarts": "1"}

    rows = read(first, again).rows

    assert rows["job_state"].to_list() == ["preempted", "completed"]
    assert rows["requeue_count"].to_list() == [0, 1]


def test_steps_are_left_out_and_counted() -> None:
    parsed = read({}, {"JobID": "17.batch"}, {"JobID": "17.0"}, {"JobID": "40_2.extern"})

    assert parsed.rows.height == 1
    assert [one.reason for one in parsed.left_out] == ["3 steps are parts of their jobs"]


@pytest.mark.parametrize(
    "stamp", ["2026-07-01T12:00:00+00:00", "2026-07-01T08:00:00-0400", "1782907200"]
)
def test_a_stamp_with_an_offset_or_in_seconds_is_taken_at_its_word(stamp: str) -> None:
    rows = read({"Submit": stamp, "Eligible": "Unknown"}).rows

    assert rows["submitted_at_utc"].item() == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_trailing_bars_of_parsable_output_are_no_field() -> None:
    text = "\n".join(f"{line}|" for line in (FIELDS, "|".join(JOB.values()))).encode()

    assert read_sacct(text, ZONE).rows.equals(read({}).rows)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"JobID": "x"}, "JobID: a number is expected, found 'x'"),
        ({"State": "DONE"}, "State: a state of Slurm is expected, found 'DONE'"),
        ({"Submit": "Unknown"}, "Submit: an instant is expected, found 'Unknown'"),
        ({"Submit": "2026-11-01T01:30:00"}, "America/New_York shows once, found '2026-11-01T01"),
        ({"Submit": "2026-03-08T02:30:00"}, "America/New_York shows once, found '2026-03-08T02"),
        ({"Submit": "2026-07-01T08:00:00+02999999999999"}, "Submit: an instant is expected"),
        ({"Submit": "2026-07-01"}, "Submit: an instant is expected"),
        ({"Start": "yesterday"}, "Start: an instant is expected"),
        ({"Start": "2026-07-01T07:00:00"}, "a start after the submission is expected"),
        ({"End": "2026-07-01T08:05:00"}, "an end after the start is expected"),
        ({"Priority": "high"}, "Priority: a number is expected, found 'high'"),
        ({"AllocTRES": "gres/gpu=8,gres/gpu:h100=4"}, "one count of GPUs is expected"),
        ({"AllocTRES": "gres/gpu=many"}, "gres/gpu with a count is expected"),
        ({"NodeList": "gpu[01-"}, "a list of nodes is expected"),
        ({"Partition": "train\x1b[31m"}, "a name in printable characters is expected"),
        ({"NodeList": "gpu1\x00"}, "a list of nodes is expected"),
        ({"JobName": "a|b"}, "17 fields are expected, found 18"),
    ],
)
def test_a_job_that_cannot_be_is_refused_with_its_line_and_the_next_is_taken(
    job: dict[str, str], reason: str
) -> None:
    parsed = read(job, {"JobID": "18", "JobIDRaw": "18"})

    (refused,) = parsed.refused
    assert reason in refused.reason
    assert refused.place == "line 2"
    assert parsed.rows["job_id"].to_list() == ["18"]


def test_one_submission_twice_is_refused_at_both_places() -> None:
    parsed = read({}, {"State": "FAILED"})

    assert [one.place for one in parsed.refused] == ["line 2", "line 3"]
    assert parsed.rows.is_empty()


@pytest.mark.parametrize("fields", ["JobID|State", "JobID|Submit|Start|End|State|State", ""])
def test_a_file_without_the_fields_that_are_needed_is_refused_whole(fields: str) -> None:
    with pytest.raises(DataRefusedError, match="the fields JobID, Submit, Start, End, State"):
        read_sacct(fields.encode(), ZONE)


@pytest.mark.parametrize("stamp", ["178299007300", "0", "1969-12-31T00:00:00"])
def test_an_instant_outside_any_accounting_is_refused(stamp: str) -> None:
    (refused,) = read({"Eligible": stamp}).refused

    assert "Eligible: an instant is expected" in refused.reason
