"""What verification looks at beside the load at the meter and the jobs' loads, as values.

Every part may be None, which says that it was not declared or not measured; an empty one states
that there is none. Here: types only. Not here: where they are kept (negawatt.warehouse), and what
follows from them (delivery.py, leakage.py, on_site.py, cost.py, mechanism.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.corroboration import RecordedEstimate
from negawatt.models.verification.reconciliation import ReconciliationInputs


class OnSiteKind(StrEnum):
    """What stands behind the settlement meter and is no load."""

    GENERATION = "generation"
    STORAGE = "storage"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnSiteMeter:
    """A meter of generation or storage behind the settlement meter.

    Attributes:
        meter_id: The meter.
        kind: What it measures.
        output: What it gave [kWh per interval]; negative where a battery was charged. None where
            it is declared and was not measured.
    """

    meter_id: str
    kind: OnSiteKind
    output: LoadSeries | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeclaredSite:
    """Another site of the same operator.

    Attributes:
        site_id: The site.
        load: Load at its settlement meter; None where it is declared and was not measured.
    """

    site_id: str
    load: LoadSeries | None


class ControlKind(StrEnum):
    """What an operator's dispatch log says was done to a job."""

    CAP = "cap"
    PAUSE = "pause"
    HOLD = "hold"
    MIGRATE = "migrate"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAction:
    """One line of the dispatch log.

    Attributes:
        at_utc: When.
        job_id: The job.
        kind: What was done.
    """

    at_utc: datetime
    job_id: str
    kind: ControlKind


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far one job had come.

    Attributes:
        job_id: The job.
        flexibility_tier: 0 none, 1 light cap, 2 cap, 3 may be paused; None where not known.
        at_utc: When it was looked at, oldest first, length n.
        work_s: Full-speed seconds of work done until then [s], length n.

    Raises:
        ValueError: Not as many instants as work, or instants that do not rise.
    """

    job_id: str
    flexibility_tier: int | None
    at_utc: tuple[datetime, ...]
    work_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.at_utc) != len(self.work_s):
            raise ValueError(
                f"at_utc and work_s must be as many, got {len(self.at_utc)} and {len(self.work_s)}"
            )
        if any(
            after <= before for before, after in zip(self.at_utc, self.at_utc[1:], strict=False)
        ):
            raise ValueError(
                f"progress of job {self.job_id!r} must be told oldest first, each once"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPerformance:
    """How fast one job went in the event, as its operator states it.

    Attributes:
        job_id: The job.
        flexibility_tier: 0 none, 1 light cap, 2 cap, 3 may be paused; None where not known.
        throughput_ratio: Throughput over the event as share of that without it; above 1 where it
            was faster.

    Raises:
        ValueError: A ratio below zero, or NaN.
    """

    job_id: str
    flexibility_tier: int | None
    throughput_ratio: float

    def __post_init__(self) -> None:
        if not self.throughput_ratio >= 0:
            raise ValueError(f"throughput_ratio must be 0 or more, got {self.throughput_ratio}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """Everything that verification needs besides the load.

    Attributes:
        commitment_tolerance_kw: Shortfall of an interval that the program tolerates [kW].
        limit_tolerance_kw: Power above the limit that the program tolerates [kW].
        counts_on_site: The program counts generation and storage as reduction; None where nobody
            said so.
        on_site: Generation and storage behind the meter; None where not declared.
        other_sites: The operator's other sites; None where not declared.
        actions: The dispatch log around the event; None where none was logged.
        progress: Work done by jobs around the event; None where not measured.
        performance: What the operator states of jobs' speed in the event; None where nothing.
        it_load: Power of all GPUs of the site together; None where they are not measured.
        node_loads: Power of the GPUs of each node, by node.
        estimate: What another method says that the site would have drawn; None where none was
            recorded.
        reconciliation: What GPUs drew before and in the event; None where they are not measured.
    """

    commitment_tolerance_kw: float = 0.0
    limit_tolerance_kw: float = 0.0
    counts_on_site: bool | None = None
    on_site: tuple[OnSiteMeter, ...] | None = None
    other_sites: tuple[DeclaredSite, ...] | None = None
    actions: tuple[ControlAction, ...] | None = None
    progress: tuple[JobProgress, ...] | None = None
    performance: tuple[JobPerformance, ...] | None = None
    it_load: LoadSeries | None = None
    node_loads: Mapping[str, LoadSeries] = field(default_factory=dict)
    estimate: RecordedEstimate | None = None
    reconciliation: ReconciliationInputs | None = None

    def sibling_loads(self) -> Mapping[str, LoadSeries] | None:
        """Return the measured loads of the other sites; None unless all declared were measured."""
        if self.other_sites is None:
            return None
        loads = {site.site_id: site.load for site in self.other_sites if site.load is not None}
        return loads if len(loads) == len(self.other_sites) else None

    def outputs(self) -> Mapping[str, LoadSeries] | None:
        """Return the measured outputs on the site; None unless all declared were measured."""
        if self.on_site is None:
            return None
        found = {meter.meter_id: meter.output for meter in self.on_site if meter.output is not None}
        return found if len(found) == len(self.on_site) else None


NO_CONTEXT = Context()
"""Nothing was declared and nothing but load was measured."""
