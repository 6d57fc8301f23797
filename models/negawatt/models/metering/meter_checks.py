"""Validation of interval meters: what no meter can have read, or a sound one hardly reads.

Here: the checks of one meter's day, each at most one finding with its evidence; readings stay as
they are. Not here: what is missing or refused (site_intervals.py), the register
(register_check.py), where the lines are (validation.toml).

Source:
    Baseline specification, section 10: validation by missing, duplicate, out of range, spike,
    interval sum against register, flat line.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.domain.units import MS_PER_S
from negawatt.models.metering.meter_day import MeterDay, meter_day
from negawatt.models.metering.pieces import instant_text
from negawatt.models.metering.site_intervals import newest_versions
from negawatt.models.metering.validation_limits import ValidationLimits

_NEIGHBORS = 2  # on either side: a step that lasts two intervals is no spike
_UNDECLARED = MeterFacts()


def days_of_meters(readings: pl.DataFrame, day: Interval, *, as_of_utc: datetime) -> list[MeterDay]:
    """Return the readings of a site's meters over a day, as they were known at an instant.

    Args:
        readings: Rows of raw_meter__readings that ``site_interval_energy`` accepts.
        day: The span.
        as_of_utc: Readings that became available later are not seen.

    Returns:
        One for each meter whose intervals are of one length, as they are within a day.
    """
    starts_in_day = pl.col.interval_start_utc.is_between(day.start_utc, day.end_utc, closed="left")
    newest = newest_versions(readings, "meter_id", as_of_utc).filter(starts_in_day)
    length = pl.col.interval_end_utc - pl.col.interval_start_utc
    newest = newest.filter(length.n_unique().over("meter_id") == 1)
    return [
        meter_day(rows, day)
        for rows in newest.sort("meter_id").partition_by("meter_id", maintain_order=True)
    ]


def meter_findings(
    meters: list[MeterDay],
    facts: Mapping[str, MeterFacts],
    limits: ValidationLimits,
    zone: tzinfo,
) -> list[Finding]:
    """Return at most one finding of a kind about each meter's day.

    Args:
        meters: From ``days_of_meters``.
        facts: What the site declares of its meters; of others nothing is declared.
        limits: Where the lines are.
        zone: The site's clock, for stamps of local time.
    """
    found = []
    for meter in meters:
        declared = facts.get(meter.meter_id, _UNDECLARED)
        found += out_of_range(meter, declared)
        found += spikes(meter, limits.spike_ratio_max)
        if declared.constant_load is False:
            found += flat_line(meter, limits.flat_h_min)
        found += clock_trouble(meter, limits.clock_early_s_max, zone)
    return found


def out_of_range(meter: MeterDay, declared: MeterFacts) -> list[Finding]:
    """Report energy above what the service can carry, and below zero where nothing flows back.

    Neither is judged where it was not declared.
    """
    kwh = meter.measured_kwh
    highest_kw = declared.service_rating_kw
    highest_kwh = np.inf if highest_kw is None else highest_kw * meter.length_h
    lowest_kwh = 0.0 if declared.exports is False else -np.inf
    is_wrong = (kwh > highest_kwh) | (kwh < lowest_kwh)
    if not is_wrong.any():
        return []
    worst = int(np.nanargmax(np.where(is_wrong, np.abs(kwh), np.nan)))
    power_kw = kwh[worst] / meter.length_h
    expected = [
        *(["no export"] if declared.exports is False else []),
        *([] if highest_kw is None else [f"at most {highest_kw:g} kW"]),
    ]
    return [
        _finding(
            meter,
            FindingCode.READING_OUT_OF_RANGE,
            is_wrong,
            f"expected {' and '.join(expected)}, found {int(is_wrong.sum())} interval(s) outside, "
            f"the worst of {power_kw:g} kW at {instant_text(meter.start_ms[worst])}",
            {
                "worst_kw": float(power_kw),
                "service_rating_kw": highest_kw,
                "exports": declared.exports,
            },
        )
    ]


def spike_ratio(energy_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return how many times each interval is the highest of the two before and the two after.

    .. math:: r_t = e_t / \max(e_{t-2}, e_{t-1}, e_{t+1}, e_{t+2})

    A step of a real load has a neighbor of its own height as soon as it lasts two intervals, and
    so a ratio near 1.

    Args:
        energy_kwh: Energy of adjacent intervals [kWh], NaN where not known, shape (n,).

    Returns:
        The ratio, shape (n,); NaN where a neighbor is not known or does not exist, or all are zero.

    Examples:
        A step from 1 to 5 is none, a single 9 among 1 is one.

        >>> spike_ratio(np.array([1.0, 1.0, 5.0, 5.0, 5.0, 1.0, 1.0])).tolist()
        [nan, nan, 1.0, 1.0, 1.0, nan, nan]
        >>> spike_ratio(np.array([1.0, 1.0, 9.0, 1.0, 1.0])).tolist()
        [nan, nan, 9.0, nan, nan]
    """
    padded = np.pad(energy_kwh, _NEIGHBORS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBORS + 1)
    highest_kwh = np.delete(windows, _NEIGHBORS, axis=1).max(axis=1)
    level_kwh = np.where(highest_kwh > 0, highest_kwh, np.nan)
    ratio: NDArray[np.float64] = energy_kwh / level_kwh
    return ratio


def spikes(meter: MeterDay, ratio_max: float) -> list[Finding]:
    """Report single intervals far above the two before and the two after them."""
    ratio = spike_ratio(meter.measured_kwh)
    is_spike = ratio > ratio_max
    if not is_spike.any():
        return []
    worst = int(np.nanargmax(ratio))
    return [
        _finding(
            meter,
            FindingCode.METER_SPIKE,
            is_spike,
            f"expected no interval above {ratio_max:g} times the two before and after it, found "
            f"{int(is_spike.sum())}, the worst of {ratio[worst]:.3g} times at "
            f"{instant_text(meter.start_ms[worst])}",
            {
                "worst_kwh": float(meter.energy_kwh[worst]),
                "worst_ratio": round(float(ratio[worst]), 6),
                "ratio_max": ratio_max,
            },
        )
    ]


def flat_line(meter: MeterDay, h_min: float) -> list[Finding]:
    """Report the longest run of one value other than zero, where it lasts ``h_min`` [h] or more."""
    kwh = meter.measured_kwh
    first = np.flatnonzero(np.r_[True, kwh[1:] != kwh[:-1]])  # NaN differs from itself
    count = np.diff(np.r_[first, len(kwh)])
    is_value = np.isfinite(kwh[first]) & (kwh[first] != 0)
    longest = int(np.argmax(np.where(is_value, count, 0)))
    begin, end = first[longest], first[longest] + count[longest]
    value_kwh, lasted_h = float(kwh[begin]), float(count[longest] * meter.length_h)
    if not is_value[longest] or lasted_h < h_min:
        return []
    is_flat = np.zeros(len(kwh), dtype=bool)
    is_flat[begin:end] = True
    return [
        _finding(
            meter,
            FindingCode.METER_FLAT,
            is_flat,
            f"expected a load that changes within {h_min:g} h, found {value_kwh:g} kWh in each "
            f"interval for {lasted_h:g} h from {instant_text(meter.start_ms[begin])}",
            {"energy_kwh": value_kwh, "lasted_h": lasted_h, "h_min": h_min},
        )
    ]


def clock_trouble(meter: MeterDay, early_s_max: float, zone: tzinfo) -> list[Finding]:
    """Report stamps that cannot be right: readings had too early, or the hour that clocks skip.

    A meter that stamps local time, read as if its clock never changed, lacks exactly the hour that
    the site's clock skips in spring; all after it is an hour off. (In autumn it states two values
    for one interval, which is refused.)
    """
    is_early = meter.early_ms > early_s_max * MS_PER_S
    is_skipped = _skipped_hour(meter, zone)
    if not (is_early | is_skipped).any():
        return []
    words = []
    if is_early.any():
        words.append(
            f"{int(is_early.sum())} reading(s) that were had up to "
            f"{np.nanmax(meter.early_ms) / MS_PER_S:g} s before their interval ended"
        )
    if is_skipped.any():
        first_utc = instant_text(meter.start_ms[np.argmax(is_skipped)])
        words.append(f"no reading for just the time that the site's clock skips, {first_utc}")
    return [
        _finding(
            meter,
            FindingCode.METER_CLOCK_SUSPECT,
            is_early | is_skipped,
            f"expected stamps of one clock that keeps time, found {' and '.join(words)}",
            {"early_count": int(is_early.sum()), "skipped_count": int(is_skipped.sum())},
        )
    ]


def _skipped_hour(meter: MeterDay, zone: tzinfo) -> NDArray[np.bool_]:
    """Return the missing intervals, where they are just those that the site's clock skips."""
    is_skipped = np.zeros(len(meter.start_ms), dtype=bool)
    missing = np.flatnonzero(~meter.is_there)
    for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
        if len(run) and _skip_ms(int(meter.start_ms[run[0]]), zone) == len(run) * meter.length_ms:
            is_skipped[run] = True
    return is_skipped


def _skip_ms(moment_ms: int, zone: tzinfo) -> int:
    """Return how far a clock is put forward at an instant [ms]."""
    after = datetime.fromtimestamp(moment_ms / MS_PER_S, UTC)
    before = after - timedelta(milliseconds=1)
    offsets = [moment.astimezone(zone).utcoffset() or timedelta() for moment in (before, after)]
    return (offsets[1] - offsets[0]) // timedelta(milliseconds=1)


def _finding(
    meter: MeterDay,
    code: FindingCode,
    is_found: NDArray[np.bool_],
    message: str,
    evidence: Mapping[str, object],
) -> Finding:
    return Finding(
        code=code,
        severity=Severity.WARNING,
        subject=f"meter_id {meter.meter_id!r}",
        message=message,
        evidence={
            "interval_count": int(is_found.sum()),
            "first_utc": instant_text(meter.start_ms[int(np.argmax(is_found))]),
            **evidence,
        },
    )
