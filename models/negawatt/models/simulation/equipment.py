"""What a hall is made of, as data: GPUs, hosts, cooling, weather, instruments.

Here: their parameters, with defaults for H100 nodes, and the checks on them. Not here: the plan
that combines them (negawatt.models.simulation.plan) and the physics that reads them.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Ratio = Annotated[float, Field(ge=0, le=1)]
Watts = Annotated[float, Field(ge=0)]


class PlanPart(BaseModel):
    """A part of a plan: unchangeable, finite numbers, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GpuModel(PlanPart):
    """The GPU that fills the hall.

    Attributes:
        name: As an exporter prints it.
        idle_w: Power with a context but no work [W].
        limit_w: Default power limit [W].
        spread_ratio: Standard deviation of busy power between GPUs at the same work.
        noise_ratio: Standard deviation of busy power between steps of one GPU.
    """

    name: str = "NVIDIA H100 80GB HBM3"
    idle_w: Watts = 110.0
    limit_w: Watts = 700.0
    spread_ratio: Ratio = 0.02
    noise_ratio: Ratio = 0.015

    @model_validator(mode="after")
    def _idle_is_below_limit(self) -> Self:
        if self.idle_w >= self.limit_w:
            raise ValueError(f"idle_w below limit_w ({self.limit_w}), got {self.idle_w}")
        return self


class HostModel(PlanPart):
    """All in a node that is not a GPU: at rest, with its GPUs' power, and with how many work.

    ``idle_w + per_gpu_ratio * (power of its GPUs) + per_busy_gpu_w * (its GPUs at work)``

    The defaults give 2.2 kW for an idle and 7.0 kW for a training node of 8 GPUs; power logs
    published with MLPerf Training v4.0 for such nodes show 2.1 to 2.3 kW and 6.9 to 7.3 kW.

    Attributes:
        idle_w: Processors, memory, network and fans of one node at rest [W].
        per_gpu_ratio: Fans, memory and power supplies that follow the GPUs.
        per_busy_gpu_w: Processors, memory and network that work for each busy GPU [W].
    """

    idle_w: Watts = 1200.0
    per_gpu_ratio: Ratio = 0.11
    per_busy_gpu_w: Watts = 0.0


class OverheadModel(PlanPart):
    """Cooling and losses; cooling follows the load and the weather with a lag.

    Attributes:
        fixed_w: Lights, controls, pumps at their minimum [W].
        daily_w: Offices and other small loads at their daily peak; a fifth of it at night [W].
        loss_ratio: Distribution and UPS losses, at once, per watt of IT.
        cooling_ratio: Cooling per watt of IT in cool weather, after the lag.
        cooling_ratio_per_c: Rise of that ratio for each degree above ``free_cooling_c``.
        free_cooling_c: Outdoor temperature up to which cooling is cheapest [°C].
        lag_s: Time constant of the cooling [s].
    """

    fixed_w: Watts = 500.0
    daily_w: Watts = 0.0
    loss_ratio: Ratio = 0.03
    cooling_ratio: Ratio = 0.05
    cooling_ratio_per_c: Ratio = 0.003
    free_cooling_c: float = 18.0
    lag_s: float = Field(default=1200.0, gt=0)


class WeatherModel(PlanPart):
    """Outdoor temperature: a mean, a daily wave that peaks at 16:00 local, and warmer days.

    Attributes:
        mean_c: Mean [°C].
        daily_amplitude_c: Half of the daily range [°C].
        day_to_day_c: Standard deviation of the daily mean [°C].
    """

    mean_c: float = 25.0
    daily_amplitude_c: float = Field(default=5.5, ge=0)
    day_to_day_c: float = Field(default=2.5, ge=0)


class Instruments(PlanPart):
    """How wrong the instruments are.

    Attributes:
        gpu_gain_error_ratio: Each GPU's own sensor has a fixed gain within plus or minus this.
            Source: Yang, Adamek, Armour, arXiv 2312.02741 (about 5 %, fixed for each card).
        meter_gain_error_ratio: The site meter's fixed gain lies within plus or minus this; 0.005
            is accuracy class 0.5.
        meter_noise_ratio: Standard deviation of one minute's reading.
        telemetry_faults: In the history one driver is reset and one GPU's telemetry is lost for
            some minutes.
        losses_per_day: Further losses of telemetry a day in the hall, of a GPU or of a whole
            node, on every day.
    """

    gpu_gain_error_ratio: Ratio = 0.05
    meter_gain_error_ratio: Ratio = 0.005
    meter_noise_ratio: Ratio = 0.001
    telemetry_faults: bool = True
    losses_per_day: float = Field(default=0.0, ge=0)


class TrafficModel(PlanPart):
    """Requests to the services over what they can serve, on a weekday.

    Attributes:
        night_load: Lowest of the day.
        peak_load: Highest of the day.
        wander_sd: Standard deviation of the slow wander around the daily wave.
    """

    night_load: Ratio = 0.35
    peak_load: Ratio = 0.9
    wander_sd: Ratio = 0.02
