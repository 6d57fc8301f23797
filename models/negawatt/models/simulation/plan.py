"""What is simulated, as data: the site, its days, its equipment and its events.

Here: the plan, its checks, and reading one from TOML text. Not here: the equipment's parameters
(negawatt.models.simulation.equipment), the workloads that run
(negawatt.models.simulation.workloads) and anything that is drawn at random.
"""

import tomllib
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.models.domain.identifiers import checked_name
from negawatt.models.simulation.equipment import (
    GpuModel,
    HostModel,
    Instruments,
    OverheadModel,
    PlanPart,
    Ratio,
    TrafficModel,
    WeatherModel,
)
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.incidents import Battery, FailureModel, Incidents, SecondSite
from negawatt.models.simulation.workloads import JobMix

DAY = timedelta(days=1)


class HallPlan(PlanPart):
    """Everything that fixes a simulation; equal plans give equal bytes.

    Attributes:
        site_id: The site.
        seed: Source of every random draw.
        start_utc: Midnight UTC at which the first day starts.
        days: Length [days].
        time_zone: Clock of the people and of the traffic, an IANA name.
        nodes: Nodes in the hall: a quarter serve, an eighth are for development, the others batch.
        reserved_nodes: Nodes of those for batch that are kept for large training jobs.
        gpus_per_node: GPUs in each node.
        mix: Which batch jobs arrive.
        batch_load_ratio: GPU time that batch jobs ask for, over the batch nodes' capacity; the
            longest jobs are cut, which takes 2 to 3 % from it.
        backfill: The scheduler reserves GPUs for the job at the head of the queue and lets others
            pass only where their estimates do not delay it (EASY); else they pass until the head
            starves.
        traffic: Requests to the services.
        failures: Failures of nodes.
        noncompliant_ratio: Share of batch jobs that take no notice of a cap, though it is logged.
        log_holds: The operator's log lists held starts.
        gpu: The GPU model.
        host: The nodes without their GPUs.
        overhead: Cooling and losses.
        weather: Outdoor temperature.
        instruments: Errors of sensors and meter.
        battery: A battery behind the meter, if there is one.
        second_site: Where paused jobs go on instead of waiting, if there is such a site.
        incidents: What happens beside an ordinary day.
        events: Oldest first; the truth is known for the last one.

    Raises:
        pydantic.ValidationError: A value is outside its range, an event is outside the days, or
            an event's control touches another's.

    Examples:
        >>> plan = HallPlan(site_id="hall", seed=7, start_utc="2026-06-02T00:00:00Z", days=2)
        >>> plan.gpu_count, plan.end_utc.isoformat()
        (64, '2026-06-04T00:00:00+00:00')
    """

    site_id: str
    seed: int = Field(ge=0)
    start_utc: datetime
    days: int = Field(default=29, ge=1, le=400)
    time_zone: str = "America/New_York"
    nodes: int = Field(default=8, ge=3)
    reserved_nodes: int = Field(default=0, ge=0)
    gpus_per_node: int = Field(default=8, ge=1, le=16)
    mix: JobMix = JobMix.SMALL_HALL
    batch_load_ratio: float = Field(default=0.9, gt=0, le=3)
    backfill: bool = False
    traffic: TrafficModel = TrafficModel()
    failures: FailureModel = FailureModel()
    noncompliant_ratio: Ratio = 0.0
    log_holds: bool = True
    gpu: GpuModel = GpuModel()
    host: HostModel = HostModel()
    overhead: OverheadModel = OverheadModel()
    weather: WeatherModel = WeatherModel()
    instruments: Instruments = Instruments()
    battery: Battery | None = None
    second_site: SecondSite | None = None
    incidents: Incidents = Incidents()
    events: tuple[HallEvent, ...] = ()

    @field_validator("site_id")
    @classmethod
    def _is_a_name(cls, site_id: str) -> str:
        return checked_name("site", site_id)

    @field_validator("time_zone")
    @classmethod
    def _is_a_known_zone(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"an IANA time zone, got {time_zone!r}") from error
        return time_zone

    @field_validator("start_utc")
    @classmethod
    def _is_midnight_utc(cls, start_utc: datetime) -> datetime:
        if start_utc.utcoffset() != timedelta(0) or start_utc.time() != datetime.min.time():
            raise ValueError(f"midnight UTC, got {start_utc.isoformat()}")
        return start_utc.astimezone(UTC)

    @model_validator(mode="after")
    def _leaves_batch_nodes(self) -> Self:
        # A quarter serves and an eighth is for development, each at least one node.
        for_batch = self.nodes - max(1, self.nodes // 4) - max(1, self.nodes // 8)
        if self.reserved_nodes >= for_batch:
            raise ValueError(f"reserved_nodes below {for_batch}, got {self.reserved_nodes}")
        return self

    @model_validator(mode="after")
    def _incidents_fit(self) -> Self:
        incidents = self.incidents
        spans = (
            *(incidents.traffic, incidents.inflation, incidents.big_job),
            *(incidents.burst, incidents.churn),
        )
        for span in spans:
            if span is not None and not (
                self.start_utc <= span.interval.start_utc and span.interval.end_utc <= self.end_utc
            ):
                raise ValueError(
                    f"incidents from {self.start_utc.isoformat()} to {self.end_utc.isoformat()}, "
                    f"got {span.interval}"
                )
        if incidents.big_job is not None and self.reserved_nodes == 0:
            raise ValueError("reserved_nodes for the big job, got 0")
        return self

    @model_validator(mode="after")
    def _events_fit(self) -> Self:
        free_from_utc = self.start_utc
        for event in self.events:
            if event.controlled.start_utc < free_from_utc:
                raise ValueError(
                    f"event {event.event_id!r} controlled after {free_from_utc.isoformat()}, "
                    f"got {event.controlled.start_utc.isoformat()}"
                )
            free_from_utc = event.controlled.end_utc
        if free_from_utc > self.end_utc:
            raise ValueError(f"events that end by {self.end_utc.isoformat()}")
        if self.events and self.day_of(self.events[-1].controlled.start_utc) != self.event_day:
            raise ValueError("a last event that starts its ramp on its own UTC day")
        return self

    @property
    def end_utc(self) -> datetime:
        """First instant after the simulation."""
        return self.start_utc + self.days * DAY

    @property
    def gpu_count(self) -> int:
        """GPUs in the hall."""
        return self.nodes * self.gpus_per_node

    @property
    def zone(self) -> ZoneInfo:
        """The site's clock."""
        return ZoneInfo(self.time_zone)

    @property
    def event_day(self) -> int:
        """Index of the UTC day of the last event, the last day where there is none."""
        return self.day_of(self.events[-1].window.start_utc) if self.events else self.days - 1

    def day_of(self, moment_utc: datetime) -> int:
        """Return the index of the UTC day that holds an instant."""
        return (moment_utc - self.start_utc) // DAY

    def second_of(self, moment_utc: datetime) -> int:
        """Return whole seconds from the start of the simulation to an instant [s]."""
        return (moment_utc - self.start_utc) // timedelta(seconds=1)


def plan_from_toml(text: str, *, name: str) -> HallPlan:
    """Read a plan from TOML text.

    Args:
        text: The file's content.
        name: The file's name, for messages.

    Raises:
        ConfigurationError: The text is no TOML, a key is unknown, or a value is refused.

    Examples:
        >>> plan_from_toml("site = 'x'", name="hall.toml")
        Traceback (most recent call last):
            ...
        negawatt.models.domain.errors.ConfigurationError: hall.toml, key 'site_id': expected \
field required, found {'site': 'x'} (and 3 more); correct the key in the plan
    """
    try:
        return HallPlan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            thing=name, expected="a TOML file", found=str(error), remedy="correct the plan"
        ) from error
    except ValidationError as error:
        raise invalid_file(
            name,
            [dict(problem) for problem in error.errors()],
            remedy="correct the key in the plan",
        ) from error
