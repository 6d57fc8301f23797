"""The sum of a meter's intervals against its register.

Here: one comparison a day that needs no interpolation, one from reading to reading, and readings
that contradict each other. Not here: the other checks (meter_checks.py).
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
    for meter in meters:
        declared = facts.get(meter.meter_id)
        if declared is None or declared.register_node_id is None:
            continue
        told = registers.filter(is_of_register(declared))
        own = in_order(told)
        found += _contradictions(meter, told)
        found += register_against_intervals(
            meter,
            own["observed_at_utc"].dt.epoch("ms").to_numpy(),
            own["energy_total_kwh"].to_numpy(),
            tolerance_ratio,
            exports=declared.exports,
        )
    return found


def is_of_register(declared: MeterFacts) -> pl.Expr:
    """Say which rows of raw_node__power_samples are usable readings of a meter's register."""
    return (
        (pl.col("node_id") == declared.register_node_id)
        & (pl.col("meter_id") == declared.register_meter_id)
        & pl.col("energy_total_kwh").is_finite()
        & (pl.col("reading_quality") == OK)
    )


def in_order(reads: pl.DataFrame) -> pl.DataFrame:
    """Return when one register was read and what it showed, each once, oldest first.

    Nothing tells which of two values at one moment is right: neither is returned.
    """
    values = reads.select("observed_at_utc", "energy_total_kwh").unique()
    return values.filter(pl.len().over("observed_at_utc") == 1).sort("observed_at_utc")


def register_against_intervals(
    meter: MeterDay,
    read_ms: NDArray[np.int64],
    register_kwh: NDArray[np.float64],
    tolerance_ratio: float,
    *,
    exports: bool | None = None,
) -> list[Finding]:
    """Report a sum of intervals that the register cannot have counted.

    At the start of the first interval and at the end of the last the register stood between the
    reading before and the reading after. So it counted at least the last reading before the end
    less the first after the start, and at most the first after the end less the last before the
    start. The sum must lie between, give or take the tolerance. Of a day, the intervals from the
    first to the last are compared that have a reading of the register on either side; where the
    energy of one of them is not known, nothing is compared; nor where one is below zero and energy
    may flow back, because nothing says then what the register counts.

    Args:
        meter: The meter's day.
        read_ms: When the register was read, since 1970 [ms], ascending, shape (m,).
        register_kwh: What it showed [kWh], shape (m,).
        tolerance_ratio: How far the sum may miss, as share of what the register counted.
        exports: Energy can flow back through the meter; None where nobody declared it.

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
    if _flows_back(meter.energy_kwh[first:last], exports):
        return []
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


def register_between_reads(
    meter: MeterDay,
    read_ms: NDArray[np.int64],
    register_kwh: NDArray[np.float64],
    tolerance_ratio: float,
    *,
    exports: bool | None = None,
) -> list[Finding]:
    """Report intervals that two readings of a register, weeks apart perhaps, cannot have counted.

    What the register counted between them is at least the energy of the intervals that lie wholly
    between them, and at most that and the two intervals in which they were made, give or take the
    tolerance. Where the energy of one of these is not known, nothing is compared; nor where one is
    below zero and energy may flow back.

    Args:
        meter: The meter's intervals from the one of the first reading to the one of the last.
        read_ms: When the register was read, since 1970 [ms], ascending, shape (2,).
        register_kwh: What it showed [kWh], shape (2,).
        tolerance_ratio: How far the count may miss, as share of itself.
        exports: Energy can flow back through the meter; None where nobody declared it.

    Returns:
        At most one finding; a register that falls is one.

    Examples:
        Two hours of 10 kWh between 00:30 and 03:30, and two in which the readings were made.

        >>> from negawatt.models.domain.units import MS_PER_S, S_PER_H
        >>> hour_ms = S_PER_H * MS_PER_S
        >>> hours = MeterDay(meter_id="m", start_ms=np.arange(4) * hour_ms, length_ms=hour_ms,
        ...     energy_kwh=np.full(4, 10.0), is_ok=np.full(4, True), is_there=np.full(4, True),
        ...     early_ms=np.zeros(4))
        >>> half_past = np.array([0.5, 3.5]) * hour_ms
        >>> register_between_reads(hours, half_past, np.array([100.0, 130.0]), 0.002)
        []
        >>> (finding,) = register_between_reads(hours, half_past, np.array([100.0, 141.0]), 0.002)
        >>> finding.evidence["register_kwh"], finding.evidence["interval_most_kwh"]
        (41.0, 40.0)
    """
    edge_ms = np.append(meter.start_ms, meter.start_ms[-1] + meter.length_ms)
    outer = np.searchsorted(edge_ms, read_ms[0], "right") - 1, np.searchsorted(edge_ms, read_ms[1])
    inner = np.searchsorted(edge_ms, read_ms[0]), np.searchsorted(edge_ms, read_ms[1], "right") - 1
    if outer[0] < 0 or outer[1] >= len(edge_ms):
        return []
    if _flows_back(meter.energy_kwh[outer[0] : outer[1]], exports):
        return []
    least_kwh = float(meter.energy_kwh[inner[0] : inner[1]].sum())
    most_kwh = float(meter.energy_kwh[outer[0] : outer[1]].sum())
    counted_kwh = float(register_kwh[1] - register_kwh[0])
    slack_kwh = tolerance_ratio * abs(counted_kwh)
    is_known = not np.isnan(most_kwh)
    if counted_kwh >= 0 and (
        not is_known or least_kwh - slack_kwh <= counted_kwh <= most_kwh + slack_kwh
    ):
        return []
    span = [instant_text(moment) for moment in read_ms]
    expected = f"{least_kwh:g} to {most_kwh:g} kWh by the intervals" if is_known else "no fall"
    return [
        _finding(
            meter,
            f"expected {expected} from {span[0]} to {span[1]}, found {counted_kwh:g} kWh counted "
            "by the register",
            {
                "register_kwh": counted_kwh,
                "interval_least_kwh": least_kwh if is_known else None,
                "interval_most_kwh": most_kwh if is_known else None,
                "first_utc": span[0],
                "end_utc": span[1],
                "tolerance_ratio": tolerance_ratio,
            },
        )
    ]


def _contradictions(meter: MeterDay, told: pl.DataFrame) -> list[Finding]:
    """Report the moments at which one register showed several values."""
    values = told.group_by("observed_at_utc").agg(
        least_kwh=pl.col("energy_total_kwh").min(), most_kwh=pl.col("energy_total_kwh").max()
    )
    apart = values.filter(pl.col("least_kwh") < pl.col("most_kwh")).sort("observed_at_utc")
    if apart.is_empty():
        return []
    first = apart.row(0, named=True)
    return [
        Finding(
            code=FindingCode.READING_REPEATED,
            severity=Severity.WARNING,
            subject=f"meter_id {meter.meter_id!r}",
            message="expected a register that shows one value at a time, found several at "
            f"{apart.height} moment(s), the first at {first['observed_at_utc'].isoformat()}: "
            f"{first['least_kwh']:g} to {first['most_kwh']:g} kWh; none of them is used",
            evidence={
                "conflict_count": apart.height,
                "first_utc": first["observed_at_utc"].isoformat(),
                "first_least_kwh": first["least_kwh"],
                "first_most_kwh": first["most_kwh"],
            },
        )
    ]


def _flows_back(energy_kwh: NDArray[np.float64], exports: bool | None) -> bool:  # noqa: FBT001 - of a private function
    return exports is not False and bool((energy_kwh < 0).any())


def _finding(meter: MeterDay, message: str, evidence: Mapping[str, object]) -> Finding:
    return Finding(
        code=FindingCode.METER_REGISTER_DISAGREES,
        severity=Severity.WARNING,
        subject=f"meter_id {meter.meter_id!r}",
        message=message,
        evidence=evidence,
    )
