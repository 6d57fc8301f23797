"""What a site declares of one of its meters, and no reading says.

Not here: what is checked with it (negawatt.models.metering.meter_checks).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFacts:
    """The facts of one meter; what nobody declared is None, and is not checked.

    Attributes:
        service_rating_kw: Highest power that the service behind the meter can carry [kW].
        exports: Energy can flow back through the meter.
        constant_load: The load is truly constant for hours; False where it never is.
        register_node_id: ``node_id`` of the register's readings in raw_node__power_samples.
        register_meter_id: ``meter_id`` of those readings.

    Examples:
        >>> MeterFacts(service_rating_kw=500.0).exports is None
        True
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    service_rating_kw: float | None = None
    exports: bool | None = None
    constant_load: bool | None = None
    register_node_id: str | None = None
    register_meter_id: str | None = None

    def __post_init__(self) -> None:
        if self.service_rating_kw is not None and not 0 < self.service_rating_kw < float("inf"):
            raise ValueError(f"service_rating_kw must be more than 0, got {self.service_rating_kw}")
        if (self.register_node_id is None) != (self.register_meter_id is None):
            raise ValueError("register_node_id and register_meter_id name one register: give both")
