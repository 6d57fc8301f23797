"""The sum of a meter's intervals against its register.

Here: one comparison a day that needs no interpolation. Not here: the other checks
(meter_checks.py).
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.meter_day import OK, MeterDay
from negawatt.models.metering.pieces import instant_text


def register_findings(
    meters: list[MeterDay],
    registers: pl.DataFrame,
    facts: Mapping[str, MeterFacts],
    tolerance_ratio: float,
) -> list[Finding]:
    """Compare every meter that has a declared register with it.

    Args:
        meters: The meters' days.
        registers: Rows of raw_node__power_samples around them, in any order.
        facts: What the site declares of its meters.
        tolerance_ratio: How far the sum may miss, as share of what the register counted.
    """
    found = []
    known = registers.filter(
        pl.col.energy_total_kwh.is_finite() & (pl.col.reading_quality == OK)
    ).unique(["node_id", "meter_id", "observed_at_utc", "energy_total_kwh"])
    for meter in meters:
        declared = facts.get(meter.meter_id)
        if declared is None or declared.register_node_id is None:
            continue
        own = known.filter(
            (pl.col.node_id == declared.register_node_id)
            & (pl.col.meter_id == declared.register_meter_id)
        ).sort("observed_at_utc")
        found += register_against_intervals(
            meter,
            own["observed_at_utc"].dt.epoch("ms").to_numpy(),
            own["energy_total_kwh"].to_numpy(),
            tolerance_ratio,
        )
    return found


def register_against_intervals(
    meter: MeterDay,
    read_ms: NDArray[np.int64],
    register_kwh: NDArray[np.float64],
    tolerance_ratio: float,
) -> list[Finding]:
    """Report a sum of intervals that the register cannot have counted.

    At the start of the first interval and at the end of the last the register stood between the
    reading before and the reading after. So it counted at least the last reading before the end
    less the first after the start, and at most the first after the end less the last before the
    start. The sum must lie between, give or take the tolerance. Of a day, the intervals from the
    first to the last are compared that have a reading of the register on either side; where the
    energy of one of them is not known, nothing is compared.

    Args:
        meter: The meter's day.
        read_ms: When the register was read, since 1970 [ms], ascending, shape (m,).
        register_kwh: What it showed [kWh], shape (m,).
        tolerance_ratio: How far the sum may miss, as share of what the register counted.

    Returns:
        At most one finding; a register that falls is one.
    """
    edge_ms: NDArray[np.int64] = np.append(meter.start_ms, meter.start_ms[-1] + meter.length_ms)
    before = np.searchsorted(read_ms, edge_ms, side="right") - 1
    after = np.searchsorted(read_ms, edge_ms, side="left")
    usable = np.flatnonzero((before >= 0) & (after < len(read_ms)))
    if len(usable) < 2:  # noqa: PLR2004  # an interval has two edges
        return []
    first, last = int(usable[0]), int(usable[-1])
    steps_kwh = np.diff(register_kwh[before[first] : after[last] + 1])
    if (steps_kwh < 0).any():
        fell_ms = read_ms[before[first] + 1 + int(np.argmax(steps_kwh < 0))]
        return [
            _finding(
                meter,
                f"expected a register that only rises, found it lower at {instant_text(fell_ms)}",
                {"fell_at_utc": instant_text(fell_ms), "largest_fall_kwh": -float(steps_kwh.min())},
            )
        ]
    sum_kwh = float(meter.energy_kwh[first:last].sum())
    least_kwh = max(float(register_kwh[before[last]] - register_kwh[after[first]]), 0.0)
    most_kwh = float(register_kwh[after[last]] - register_kwh[before[first]])
    slack_kwh = tolerance_ratio * most_kwh
    if np.isnan(sum_kwh) or least_kwh - slack_kwh <= sum_kwh <= most_kwh + slack_kwh:
        return []
    span = [instant_text(edge_ms[edge]) for edge in (first, last)]
    return [
        _finding(
            meter,
            f"expected intervals that add up to the {least_kwh:g} to {most_kwh:g} kWh that the "
            f"register counted from {span[0]} to {span[1]}, found {sum_kwh:g} kWh",
            {
                "interval_kwh": sum_kwh,
                "register_least_kwh": least_kwh,
                "register_most_kwh": most_kwh,
                "first_utc": span[0],
                "end_utc": span[1],
                "tolerance_ratio": tolerance_ratio,
            },
        )
    ]


def _finding(meter: MeterDay, message: str, evidence: Mapping[str, object]) -> Finding:
    return Finding(
        code=FindingCode.METER_REGISTER_DISAGREES,
        severity=Severity.WARNING,
        subject=f"meter_id {meter.meter_id!r}",
        message=message,
        evidence=evidence,
    )
