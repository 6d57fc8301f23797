"""Queues of Kubernetes: what ``kubectl get ... -o json`` prints of Kueue and Volcano.

Source: Kueue, API reference, kueue.x-k8s.io/v1beta1 and v1beta2, Workload; Volcano, API,
scheduling.volcano.sh/v1beta1, PodGroup. ``job_id`` is ``namespace/name`` of the object that owns
the workload, such as a Job. Which GPU a pod holds is in the labels of exporters
(negawatt.collectors). Not here: Slurm (sacct).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.accounting import Job, JobError, job_rows, stamp_of
from negawatt.warehouse.formats.parsed import Parsed, not_taken

_NUMBER = re.compile(r"-?[0-9]{1,15}")
_GPU = "nvidia.com/gpu"
_PHASES = {"Pending", "Inqueue", "Running", "Unknown", "Completed"}
_Object = Mapping[str, Any]


def read_kubernetes(content: bytes) -> Parsed:
    """Return the jobs of a list of Workloads or PodGroups.

    A Workload of Kueue is pending until it is admitted, then running until it has finished; one
    that was evicted waits again. A PodGroup of Volcano states no end.

    Args:
        content: JSON: a List, or one object.

    Returns:
        Rows of raw_job__accounting; refused objects; objects of other kinds.

    Raises:
        DataRefusedError: The file is no JSON object.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _no_file(str(error)) from error
    if not isinstance(document, dict):
        raise _no_file(type(document).__name__)
    items = document.get("items", [document])
    if not isinstance(items, list):
        raise _no_file(f"items of type {type(items).__name__}")
    found, refused, left_out = [], [], []
    for number, item in enumerate(items):
        place = f"item {number}"
        group, kind = _group_and_kind(item)
        read = _READERS.get((group, kind))
        if read is None:
            reason = "only Workloads of Kueue and PodGroups of Volcano are read"
            left_out.append(not_taken(place, f"{group} {kind}".strip(), reason))
            continue
        try:
            found.append((place, kind, read(item)))
        except JobError as error:
            refused.append(not_taken(place, kind, str(error)))
        except (TypeError, AttributeError, KeyError, ValueError, OverflowError) as error:
            reason = f"a {kind} as its API defines it is expected, found {error!r}"
            refused.append(not_taken(place, kind, reason))
    rows, doubled = job_rows(found)
    return Parsed(rows=rows, refused=(*refused, *doubled), left_out=tuple(left_out))


def _group_and_kind(item: object) -> tuple[str, str]:
    """Return whose kind an object is: Kubernetes has a Workload of its own."""
    about = item if isinstance(item, dict) else {}
    return str(about.get("apiVersion")).partition("/")[0], str(about.get("kind"))


def _no_file(found: str) -> DataRefusedError:
    return DataRefusedError(
        thing="Kubernetes file",
        expected="a JSON object, as kubectl get workloads.kueue.x-k8s.io -A -o json prints it",
        found=found,
        remedy="write it again",
    )


def _workload(item: _Object) -> Job:
    spec, status = item["spec"], item.get("status", {})
    conditions = _conditions(status)
    admitted, finished = conditions.get("Admitted"), conditions.get("Finished")
    state = "pending"
    if finished:
        state = _word(finished.get("reason") or "finished").lower()
    elif admitted:
        state = "running"
    elif "Evicted" in conditions:
        state = "evicted"
    return Job(
        **_names(item),
        job_state=state,
        partition_name=_text(spec.get("queueName")),
        job_priority=_maybe(_integer, spec.get("priority")),
        eligible_at_utc=_since(conditions.get("QuotaReserved")),
        allocation_start_utc=_since(admitted),
        allocation_end_utc=_since(finished),
        requeue_count=_maybe(_count, status.get("requeueState", {}).get("count")),
        gpu_count=sum(
            _count(group.get("count", 1)) * _pod_gpus(group["template"]["spec"])
            for group in spec["podSets"]
        ),
    )


def _pod_group(item: _Object) -> Job:
    spec, status = item["spec"], item.get("status", {})
    phase = status.get("phase", "Pending")
    if phase not in _PHASES:
        raise JobError(f"a phase of Volcano is expected, found {phase!r}")
    return Job(
        **_names(item),
        job_state=phase.lower(),
        partition_name=_text(spec.get("queue")),
        allocation_start_utc=_since(_conditions(status).get("Scheduled")),
        gpu_count=_maybe(_count, spec.get("minResources", {}).get(_GPU)),
    )


_READERS: Mapping[tuple[str, str], Callable[[_Object], Job]] = {
    ("kueue.x-k8s.io", "Workload"): _workload,
    ("scheduling.volcano.sh", "PodGroup"): _pod_group,
}


def _names(item: _Object) -> dict[str, Any]:
    """Return what the metadata of an object say."""
    metadata = item["metadata"]
    namespace, name = _word(metadata["namespace"]), _word(metadata["name"])
    owners = metadata.get("ownerReferences") or [{"name": name}]
    owner = _word(owners[0]["name"])
    return {
        "job_id": f"{namespace}/{owner}",
        "scheduler_job_id": f"{namespace}/{name}",
        "job_name": owner,
        "account_name": namespace,
        "submitted_at_utc": _instant(metadata["creationTimestamp"]),
    }


def _conditions(status: _Object) -> dict[str, _Object]:
    """Return the conditions that hold, by type."""
    found: Iterable[_Object] = status.get("conditions") or ()
    return {one["type"]: one for one in found if one["status"] == "True"}


def _since(condition: _Object | None) -> datetime | None:
    return None if condition is None else _instant(condition["lastTransitionTime"])


def _instant(text: str) -> datetime:
    stamp = stamp_of(text)
    if stamp.tzinfo is None:
        raise JobError(f"an instant with an offset is expected, found {text!r}")
    return stamp.astimezone(UTC)


def _pod_gpus(pod: _Object) -> int:
    return sum(
        _count(asked.get(_GPU, 0))
        for container in pod.get("containers", ())
        for resources in [container.get("resources", {})]
        for asked in [resources.get("limits") or resources.get("requests") or {}]
    )


def _word(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise JobError(f"text is expected, found {value!r}")


def _text(value: object) -> str | None:
    return None if value is None or value == "" else _word(value)


def _integer(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not _NUMBER.fullmatch(text):
        raise JobError(f"a number is expected, found {value!r}")
    return int(text)


def _count(value: object) -> int:
    number = _integer(value)
    if number < 0:
        raise JobError(f"a count is expected, found {value!r}")
    return number


def _maybe(read: Callable[[object], int], value: object) -> int | None:
    return None if value is None else read(value)
