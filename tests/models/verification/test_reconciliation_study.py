"""What reconciliation finds in simulated halls, whose physics it does not know: the page's table.

Six halls of 32 GPUs over 29 days with an event on the last, each with what may go wrong planted by
hand. The truth is the simulation's: hosts, losses, cooling that lags and follows the weather, and
small loads by the hour of the day, which the overhead has no term for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import J_PER_KWH, MILLIJOULE_PER_J
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.site import outdoor_temp_c
from negawatt.models.verification.reconciliation import (
    OutdoorReading,
    ReconciliationInputs,
    reconciliation_findings,
)

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[3] / "docs" / "methods" / "reconciliation.md"
SEEDS = range(1, 7)
STEP = timedelta(minutes=5)
RAMP = timedelta(minutes=20)


@dataclass(frozen=True, kw_only=True, eq=False)
class Hall:
    """A hall as its operator sees it.

    Attributes:
        plan: Its plan.
        meter_kwh: Each minute at the meter.
        gpu_kwh: Each five minutes of all GPUs, NaN where a counter was reset.
        outdoor: Hourly temperatures.
    """

    plan: HallPlan
    meter_kwh: np.ndarray
    gpu_kwh: np.ndarray
    outdoor: tuple[OutdoorReading, ...]

    @property
    def event(self) -> Interval:
        """The last event's window."""
        return self.plan.events[-1].window

    def position(self, step: timedelta) -> slice:
        """Return the event's place in a series of a step."""
        start, end = self.event.start_utc, self.event.end_utc
        return slice((start - self.plan.start_utc) // step, (end - self.plan.start_utc) // step)


def hall(seed: int) -> Hall:
    record = simulate(demo_plan(seed, nodes=4))
    plan = record.plan
    edges_s = np.arange(0, plan.days * 86_400 + 1, STEP // timedelta(seconds=1))
    counters = record.energy_total_millijoule[np.searchsorted(record.grid.edge_s, edges_s)]
    gpu_kwh = np.diff(counters, axis=0) / (MILLIJOULE_PER_J * J_PER_KWH)
    return Hall(
        plan=plan,
        meter_kwh=np.asarray(record.meter_energy_kwh),
        gpu_kwh=np.where(gpu_kwh < 0, np.nan, gpu_kwh).sum(axis=1),
        outdoor=tuple(
            OutdoorReading(at_utc=plan.start_utc + timedelta(hours=n), outdoor_c=float(value))
            for n, value in enumerate(outdoor_temp_c(plan)[::60])
        ),
    )


def found(one: Hall) -> tuple[Finding, ...]:
    start_utc, event = one.plan.start_utc, one.event
    gpu_kwh = one.gpu_kwh[: one.position(STEP).stop]
    gpus, meter = (
        LoadSeries(
            meter_id=name,
            start_utc=start_utc,
            interval_minutes=minutes,
            energy_kwh=values,
            coverage_ratio=np.ones(len(values)),
        )
        for name, minutes, values in (("gpus", 5, gpu_kwh), ("meter", 1, one.meter_kwh))
    )
    return reconciliation_findings(
        ReconciliationInputs(gpu_load=gpus, outdoor=one.outdoor),
        meter,
        Event(event_id="e", revision=1, site_id="s", program_id="p", interval=event),
        dispatch=Interval(event.start_utc - RAMP, event.end_utc),
        other_event_windows=[other.window for other in one.plan.events[:-1]],
    )


def battery(one: Hall) -> Hall:
    """A battery behind the meter gives 5 % of the load throughout the event."""
    meter_kwh, window = one.meter_kwh.copy(), one.position(timedelta(minutes=1))
    meter_kwh[window] -= 0.05 * meter_kwh[window].mean()
    return replace(one, meter_kwh=meter_kwh)


def frozen(one: Hall) -> Hall:
    """The readings of all GPUs stay at their mean of the two hours before."""
    gpu_kwh, window = one.gpu_kwh.copy(), one.position(STEP)
    gpu_kwh[window] = gpu_kwh[window.start - 24 : window.start].mean()
    return replace(one, gpu_kwh=gpu_kwh)


@pytest.fixture(scope="module")
def findings() -> Mapping[str, list[tuple[Finding, ...]]]:
    halls = [hall(seed) for seed in SEEDS]
    cases = {
        "nothing": halls,
        "nothing; temperatures not known": [replace(one, outdoor=()) for one in halls],
        "a battery gives 5 % of the load": [battery(one) for one in halls],
        "readings of GPUs are frozen": [frozen(one) for one in halls],
        "the meter's clock is 5 minutes late": [
            replace(one, meter_kwh=np.roll(one.meter_kwh, 5)) for one in halls
        ],
    }
    return {name: [found(one) for one in each] for name, each in cases.items()}


def test_the_page_says_what_is_found(findings: Mapping[str, list[tuple[Finding, ...]]]) -> None:
    rows = []
    for name, each in findings.items():
        ratios = [float(main.evidence["residual_ratio"]) for main, *_ in each]  # type: ignore[arg-type]  # a number
        high = sum(one[0].code is FindingCode.RECONCILIATION_RESIDUAL_HIGH for one in each)
        late = sum(clock.evidence["lag_s"] == 300.0 for _, *clocks in each for clock in clocks)
        assert sum(len(one) - 1 for one in each) == late
        rows.append(
            f"| {name} | {min(ratios):+.1%} to {max(ratios):+.1%} | {high} of {len(each)} | "
            f"{late} of {len(each)} |"
        )

    page = PAGE.read_text(encoding="utf-8")

    assert not [row for row in rows if row not in page], "\n".join(rows)


def test_ordinary_windows_leave_less_than_the_event(
    findings: Mapping[str, list[tuple[Finding, ...]]],
) -> None:
    """An event's load and hour are not ordinary: what is ordinary is no band of its residual."""
    mains = [main for main, *_ in findings["nothing"]]
    inside = sum(
        abs(main.evidence["residual_ratio"]) <= main.evidence["ordinary_window_90_ratio"]  # type: ignore[arg-type]  # numbers
        for main in mains
    )
    widths = [float(main.evidence["ordinary_window_90_ratio"]) for main in mains]  # type: ignore[arg-type]  # a number

    page = PAGE.read_text(encoding="utf-8")

    assert (
        f"{min(widths):.2%} to {max(widths):.2%} here, held the event's residual in "
        f"{inside} of {len(mains)}" in page.replace("\n", " ")
    )
