"""What a plan may hold beside an ordinary day, as data: failures, traffic, cheats, storage.

Here: their parameters. Every one of them is off unless a plan asks for it, and all but the
battery and the second site happen in both worlds. Not here: what makes them happen
(negawatt.models.simulation.outages, .extra_jobs, .traffic, .storage).
"""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from negawatt.models.domain.interval import Interval
from negawatt.models.simulation.equipment import PlanPart, Ratio

Positive = Annotated[float, Field(gt=0)]


class Span(PlanPart):
    """A span of time in which something happens.

    Attributes:
        start_utc: First instant.
        end_utc: First instant after.
    """

    start_utc: datetime
    end_utc: datetime

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        self.interval  # noqa: B018 - refuses naive instants and an end before the start
        return self

    @property
    def interval(self) -> Interval:
        """The span in UTC."""
        return Interval(self.start_utc.astimezone(UTC), self.end_utc.astimezone(UTC))


class TrafficChange(Span):
    """Requests to all services change by a factor for a while.

    Attributes:
        factor: Load over what it would have been; a service never exceeds full load.
    """

    factor: float = Field(ge=0)


class Inflation(Span):
    """The hall is made to draw more before an event: busier work and filler jobs.

    Attributes:
        busier_ratio: Rise of batch power and of service load over what they would have been.
        filler_gpu_ratio: GPUs that filler jobs ask for, over the GPUs of the hall.
    """

    busier_ratio: Ratio
    filler_gpu_ratio: Ratio


class BigJob(Span):
    """One large job that starts and, undisturbed, ends at given times.

    Attributes:
        gpu_ratio: Its GPUs over the GPUs of the hall, in whole nodes of the reserved pool.
    """

    gpu_ratio: Ratio


class Burst(Span):
    """Many batch jobs are submitted within a span.

    Attributes:
        gpu_ratio: GPUs they ask for, over the GPUs of the hall.
    """

    gpu_ratio: Ratio


class Churn(Span):
    """Many nodes fail within a span.

    Attributes:
        node_ratio: Share of all nodes that fail.
    """

    node_ratio: Ratio


class FailureModel(PlanPart):
    """Failures of nodes, which kill what runs on them.

    Attributes:
        per_1000_node_days: Failures per thousand node-days. Kokolis et al., "Revisiting
            Reliability in Large-Scale Machine Learning Research Clusters" (HPCA 2025,
            arXiv 2410.21680) report 6.5 and 2.3 for two clusters of A100 nodes.
        repair_median_h: Median time until a node is back [h]; a choice.
        repair_log_sd: Standard deviation of its logarithm; a choice.
    """

    per_1000_node_days: float = Field(default=0.0, ge=0)
    repair_median_h: Positive = 2.5
    repair_log_sd: float = Field(default=0.8, ge=0)


class Battery(PlanPart):
    """A battery behind the site meter, which gives in events and is charged again afterwards.

    Attributes:
        discharge_kw: Its power in an event [kW].
        recharge_delay_h: From the end of an event until it is charged [h].
        recharge_h: How long it is charged [h].
        efficiency_ratio: Energy out over energy in.
    """

    discharge_kw: Positive
    recharge_delay_h: Positive = 4.0
    recharge_h: Positive = 3.0
    efficiency_ratio: float = Field(default=0.88, gt=0, le=1)


class SecondSite(PlanPart):
    """Another site of the same operator, which can take work over.

    Attributes:
        site_id: Its name.
        base_kw: Its own mean load [kW].
        site_per_gpu_ratio: Rise of its load per watt of GPU power that comes to it.
        transfer_s: Time without progress while a job moves [s].
    """

    site_id: str
    base_kw: Positive
    site_per_gpu_ratio: float = Field(default=1.25, ge=1)
    transfer_s: int = Field(default=240, ge=0)


class Incidents(PlanPart):
    """All that happens beside an ordinary day; None is "does not happen"."""

    traffic: TrafficChange | None = None
    inflation: Inflation | None = None
    big_job: BigJob | None = None
    burst: Burst | None = None
    churn: Churn | None = None
