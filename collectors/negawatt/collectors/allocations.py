"""Which job held which GPU, as the labels of exporters show it, from scrape to scrape.

Pure: what each read says, in; rows of ``raw_job__allocations``, out. A start is the first read that
showed the job, an end the first that showed the GPU without it: each is late by at most one
interval. A read that failed says nothing. Not here: labels (sources.dcgm_fields), sealing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from negawatt.collectors.sources.protocol import Batch

_Held = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A job on a GPU of a node, until it left.

    Attributes:
        job_id: The scheduler's name of the job.
        gpu_uuid: The GPU.
        node_id: The node.
        start_utc: The first read that showed it.
        end_utc: The first read that no longer did; None while it is there.
    """

    job_id: str
    gpu_uuid: str
    node_id: str
    start_utc: datetime
    end_utc: datetime | None = None


class AllocationWatch:
    """Follows the jobs on the GPUs of one node.

    Args:
        node_id: The node.
        open_since_utc: Jobs and GPUs that an earlier run saw together, and since when.
    """

    def __init__(
        self, node_id: str, open_since_utc: Mapping[_Held, datetime] | None = None
    ) -> None:
        self._node_id = node_id
        self._changed: list[Allocation] = []
        self.open_since_utc: dict[_Held, datetime] = dict(open_since_utc or {})

    @property
    def has_changed(self) -> bool:
        """Whether ``take`` would return anything."""
        return bool(self._changed)

    def observe(self, batch: Batch, observed_at_utc: datetime) -> None:
        """Take in what a read says of the GPUs that it names."""
        for uuid, jobs in batch.jobs.items():
            gone = [held for held in self.open_since_utc if held[1] == uuid and held[0] not in jobs]
            for held in gone:
                self._change(held, self.open_since_utc.pop(held), observed_at_utc)
            for job_id in sorted(jobs):
                if (job_id, uuid) not in self.open_since_utc:
                    self.open_since_utc[job_id, uuid] = observed_at_utc
                    self._change((job_id, uuid), observed_at_utc, None)

    def take(self) -> list[Allocation]:
        """Return what began or ended since the last call, and forget it."""
        changed, self._changed = self._changed, []
        return changed

    def _change(self, held: _Held, start_utc: datetime, end_utc: datetime | None) -> None:
        self._changed.append(
            Allocation(
                job_id=held[0],
                gpu_uuid=held[1],
                node_id=self._node_id,
                start_utc=start_utc,
                end_utc=end_utc,
            )
        )
