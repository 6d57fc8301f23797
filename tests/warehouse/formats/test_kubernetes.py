"""Objects by hand after the API references of Kueue (v1beta1, Workload) and Volcano (PodGroup)."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.kubernetes import read_kubernetes


def condition(kind: str, minute: int, status: str = "True", reason: str = "") -> dict[str, str]:
    at = f"2026-07-01T12:{minute:02}:00Z"
    return {"type": kind, "status": status, "lastTransitionTime": at, "reason": reason}


WORKLOAD: dict[str, Any] = {
    "apiVersion": "kueue.x-k8s.io/v1beta2",
    "kind": "Workload",
    "metadata": {
        "name": "job-pretrain-7f3d1",
        "namespace": "ml",
        "creationTimestamp": "2026-07-01T12:00:00Z",
        "ownerReferences": [{"kind": "Job", "name": "pretrain"}],
    },
    "spec": {
        "queueName": "train",
        "priority": 100,
        "podSets": [
            {
                "count": 4,
                "template": {
                    "spec": {
                        "containers": [
                            {"resources": {"limits": {"nvidia.com/gpu": "8"}}},
                            {"resources": {"requests": {"cpu": "1"}}},
                        ]
                    }
                },
            }
        ],
    },
    "status": {
        "conditions": [condition("QuotaReserved", 5), condition("Admitted", 6)],
        "requeueState": {"count": 2},
    },
}
POD_GROUP: dict[str, Any] = {
    "apiVersion": "scheduling.volcano.sh/v1beta1",
    "kind": "PodGroup",
    "metadata": {
        "name": "pg-1",
        "namespace": "ml",
        "creationTimestamp": "2026-07-01T12:00:00Z",
        "ownerReferences": [{"kind": "Job", "name": "tune"}],
    },
    "spec": {"queue": "default", "minResources": {"nvidia.com/gpu": "16"}},
    "status": {"phase": "Running", "conditions": [condition("Scheduled", 3)]},
}


def content(*items: object) -> bytes:
    return json.dumps({"kind": "List", "items": items}).encode()


def test_a_workload_that_runs_has_its_queue_time_priority_and_gpus() -> None:
    row = read_kubernetes(content(WORKLOAD)).rows.row(0, named=True)

    assert (row["job_id"], row["scheduler_job_id"]) == ("ml/pretrain", "ml/job-pretrain-7f3d1")
    assert row["submitted_at_utc"] == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert row["eligible_at_utc"] == datetime(2026, 7, 1, 12, 5, tzinfo=UTC)
    assert row["allocation_start_utc"] == datetime(2026, 7, 1, 12, 6, tzinfo=UTC)
    assert row["allocation_end_utc"] is None
    assert (row["job_state"], row["job_priority"], row["partition_name"]) == (
        "running",
        100,
        "train",
    )
    assert (row["gpu_count"], row["requeue_count"]) == (32, 2)


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ([], "pending"),
        ([condition("Admitted", 6, "False")], "pending"),
        ([condition("Evicted", 8), condition("Admitted", 8, "False")], "evicted"),
        ([condition("Admitted", 6), condition("Finished", 9, reason="Succeeded")], "succeeded"),
    ],
)
def test_conditions_that_hold_say_the_state(conditions: list[object], state: str) -> None:
    item = deepcopy(WORKLOAD)
    item["status"]["conditions"] = conditions

    assert read_kubernetes(content(item)).rows["job_state"].item() == state


def test_a_pod_group_has_its_start_and_no_end() -> None:
    row = read_kubernetes(json.dumps(POD_GROUP).encode()).rows.row(0, named=True)

    assert (row["job_id"], row["gpu_count"], row["job_state"]) == ("ml/tune", 16, "running")
    assert row["allocation_start_utc"] == datetime(2026, 7, 1, 12, 3, tzinfo=UTC)
    assert row["allocation_end_utc"] is None


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("metadata", "creationTimestamp"), "2026-07-01T12:00:00", "an instant with an offset"),
        (("metadata", "creationTimestamp"), 3, "a Workload as its API defines it is expected"),
        (("metadata", "namespace"), None, "text is expected, found"),
        (("spec", "priority"), "high", "a number is expected, found 'high'"),
        (("spec", "podSets"), None, "a Workload as its API defines it is expected"),
        (("spec", "queueName"), ["a"], "text is expected, found ['a']"),
        (("status", "requeueState"), {"count": -1}, "a count is expected, found -1"),
        (("status", "conditions"), [condition("Admitted", 6) | {"lastTransitionTime": "x"}], "'x'"),
    ],
)
def test_an_object_that_is_not_as_its_api_says_is_refused_and_the_next_is_taken(
    path: tuple[str, str], value: object, reason: str
) -> None:
    item = deepcopy(WORKLOAD)
    item[path[0]][path[1]] = value
    parsed = read_kubernetes(content(item, POD_GROUP))

    (refused,) = parsed.refused
    assert reason in refused.reason
    assert refused.place == "item 0"
    assert parsed.rows["job_id"].to_list() == ["ml/tune"]


def test_other_kinds_are_left_out() -> None:
    parsed = read_kubernetes(content({"apiVersion": "v1", "kind": "Pod"}, 3, WORKLOAD))

    assert [one.found for one in parsed.left_out] == ["v1 Pod", "None None"]
    assert parsed.rows.height == 1


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"3", b'{"items": 3}', b"[" * 100_000])
def test_what_is_no_object_is_refused_whole(text: bytes) -> None:
    with pytest.raises(DataRefusedError, match="a JSON object, as kubectl"):
        read_kubernetes(text)


def test_the_workload_of_kubernetes_itself_is_another_kind_and_left_out() -> None:
    """scheduling.k8s.io has a Workload and a PodGroup too, without a queue."""
    others = [one | {"apiVersion": "scheduling.k8s.io/v1alpha2"} for one in (WORKLOAD, POD_GROUP)]

    parsed = read_kubernetes(content(*others, WORKLOAD | {"apiVersion": "kueue.x-k8s.io/v1beta1"}))

    assert [one.found for one in parsed.left_out] == [
        "scheduling.k8s.io Workload",
        "scheduling.k8s.io PodGroup",
    ]
    assert (parsed.rows.height, parsed.refused) == (1, ())
