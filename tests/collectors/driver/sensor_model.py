"""What a GPU's power sensor and energy counter say of a true power: the oracle for the driver stub.

A sensor renews its value every period; each is the mean of the true power over the window before,
shown after a lag, times the sensor's gain. The counter is renewed every refresh. Not here: the
library that states the same in C (libnvidia_ml.c), which tests hold against this.

Source of the periods and windows: Yang, Adamek, Armour, "Part-time power measurements", SC'24,
arXiv 2312.02741: an H100's instant value is the mean of 25 ms in every 100 ms.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SquareWave:
    """True power: low for a share of each period, then high; it begins with low at 0 s.

    Attributes:
        low_w: Lower power [W].
        high_w: Upper power [W].
        period_s: From one fall to the next [s].
        low_ratio: Share of the period at the lower power.
    """

    low_w: float
    high_w: float
    period_s: float
    low_ratio: float

    def energy_j(self, start_s: float, end_s: float) -> float:
        """Return the integral of the power from one instant to another [J]."""
        return self._since_zero_j(end_s) - self._since_zero_j(start_s)

    def _since_zero_j(self, moment_s: float) -> float:
        count, rest_s = divmod(moment_s, self.period_s)
        low_s = self.low_ratio * self.period_s
        whole_j = count * (self.low_w * low_s + self.high_w * (self.period_s - low_s))
        return whole_j + self.low_w * min(rest_s, low_s) + self.high_w * max(rest_s - low_s, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """How true power becomes a reading.

    Attributes:
        period_s: From one value to the next [s].
        window_s: What each value is the mean of [s].
        lag_s: From the end of the window to when the value is shown [s].
        gain_ratio: What the sensor makes of each watt.
    """

    period_s: float
    window_s: float
    lag_s: float = 0.0
    gain_ratio: float = 1.0

    def power_milliwatt(self, truth: SquareWave, moment_s: float) -> int:
        """Return what is read at an instant [mW]."""
        end_s = math.floor((moment_s - self.lag_s) / self.period_s) * self.period_s
        mean_w = truth.energy_j(end_s - self.window_s, end_s) / self.window_s
        return round(1000 * self.gain_ratio * mean_w)


def counter_millijoule(
    truth: SquareWave,
    moment_s: float,
    *,
    refresh_s: float,
    start_j: float,
    gain_ratio: float = 1.0,
) -> int:
    """Return what an energy counter shows at an instant [mJ], if it was never reset."""
    refreshed_s = math.floor(moment_s / refresh_s) * refresh_s
    return math.floor(1000 * (start_j + gain_ratio * truth.energy_j(0.0, refreshed_s)) + 1e-6)
