"""The time steps of a simulation: minutes, and finer ones on the event day.

Here: the grid and means over its minutes. Not here: local time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.plan import HallPlan

HOURS_PER_DAY = 24
S_PER_DAY = HOURS_PER_DAY * S_PER_H
FINE_STEP_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class StepGrid:
    """Consecutive steps from the start of the simulation to its end.

    Attributes:
        edge_s: Edges of the steps, seconds from the start [s], shape (n_steps + 1,).
    """

    edge_s: NDArray[np.int64]

    @property
    def start_s(self) -> NDArray[np.int64]:
        """Start of each step [s], shape (n_steps,)."""
        return self.edge_s[:-1]

    @property
    def step_s(self) -> NDArray[np.int64]:
        """Length of each step [s], shape (n_steps,)."""
        return np.diff(self.edge_s)

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.edge_s) - 1

    def steps_of_day(self, day: int) -> slice:
        """Return the steps of one UTC day."""
        first, last = np.searchsorted(self.edge_s, [day * S_PER_DAY, (day + 1) * S_PER_DAY])
        return slice(int(first), int(last))

    def steps_between(self, start_s: int, end_s: int) -> slice:
        """Return the steps that a span of time touches."""
        first = int(np.searchsorted(self.edge_s, start_s, side="right")) - 1
        until = int(np.searchsorted(self.edge_s, end_s, side="left"))
        return slice(max(first, 0), min(until, self.n_steps))

    def minute_means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average a quantity over minutes.

        Args:
            values: One value for each step, in the last axis, shape (..., n_steps).

        Returns:
            One value for each minute, in the same unit, shape (..., n_minutes).

        Examples:
            >>> grid = StepGrid(np.array([0, 60, 70, 80, 90, 100, 110, 120]))
            >>> grid.minute_means(np.array([5.0, 1, 2, 3, 4, 5, 6]))
            array([5. , 3.5])
        """
        first_steps = np.flatnonzero(self.start_s % S_PER_MINUTE == 0)
        sums = np.add.reduceat(values, first_steps, axis=-1)
        counts = np.diff(np.append(first_steps, self.n_steps))
        means: NDArray[np.float64] = sums / counts
        return means


def step_grid(plan: HallPlan) -> StepGrid:
    """Return the grid of a plan: 60 s steps, and 10 s steps on the event day.

    Examples:
        >>> plan = HallPlan(site_id="hall", seed=7, start_utc="2026-06-02T00:00:00Z", days=3)
        >>> step_grid(plan).n_steps
        11520
    """
    fine_from_s, fine_until_s = plan.event_day * S_PER_DAY, (plan.event_day + 1) * S_PER_DAY
    edges = (
        np.arange(0, fine_from_s, S_PER_MINUTE),
        np.arange(fine_from_s, fine_until_s, FINE_STEP_S),
        np.arange(fine_until_s, plan.days * S_PER_DAY + 1, S_PER_MINUTE),
    )
    return StepGrid(np.concatenate(edges).astype(np.int64))
