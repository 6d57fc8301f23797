"""Interval energy of meters and jobs from versioned readings: raw_ to core_, as of an instant.

Here: which version counts, and which intervals are refused. Not here: whether a program accepts
the meter, and longer intervals (roll_up.py).
"""

from datetime import datetime

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE
from negawatt.models.metering.pieces import instant_text
from negawatt.models.metering.roll_up import MINUTES_PER_DAY, roll_up

METERED = "metered"
_MS_PER_MINUTE = S_PER_MINUTE * MS_PER_S
_MS_PER_DAY = MINUTES_PER_DAY * _MS_PER_MINUTE
_REMEDY = "correct the readings and import them again"


def site_interval_energy(
    readings: pl.DataFrame, day: Interval, site_id: str, *, as_of_utc: datetime
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the energy of every meter of a site over a day, as it was known at an instant.

    Of the versions of an interval, the newest counts that was available by ``as_of_utc``. A
    meter's intervals must be of one length, on a grid that starts at midnight UTC; those shorter
    than a minute are added up to minutes, by the rules of ``roll_up``; longer ones are kept. An
    energy that is NULL stays NULL, with coverage 0. ``method`` is ``metered``, or the first word of
    the quality of a reading where that is not ``ok``. Nothing is put where an interval is missing.

    Args:
        readings: Rows of raw_meter__readings, in any order; NaN counts as NULL.
        day: The span; intervals that start in it are returned.
        site_id: The site.
        as_of_utc: Readings that became available later are not seen.

    Returns:
        Rows of core_site__interval_energy, sorted by meter and time, and for each meter at most
        one finding about missing intervals.

    Raises:
        DataRefusedError: Intervals overlap, are of several lengths, are off the grid, or one
            version of one interval states two values.
    """
    return _interval_energy(readings, "meter_id", day, site_id, as_of_utc)


def job_interval_energy(
    readings: pl.DataFrame, day: Interval, site_id: str, *, as_of_utc: datetime
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the energy of every job of a site over a day, as it was known at an instant.

    The rules are those of ``site_interval_energy``. A job need not run all day: intervals are
    missing only between its first and its last.

    Args:
        readings: Rows of raw_job__readings, in any order; NaN counts as NULL.
        day: The span; intervals that start in it are returned.
        site_id: The site.
        as_of_utc: Readings that became available later are not seen.

    Returns:
        Rows of core_job__interval_energy, sorted by job and time, and findings.

    Raises:
        DataRefusedError: As ``site_interval_energy``.
    """
    return _interval_energy(readings, "job_id", day, site_id, as_of_utc)


def newest_versions(readings: pl.DataFrame, owner: str, as_of_utc: datetime) -> pl.DataFrame:
    """Return one row per interval: the version that was newest at an instant.

    Args:
        readings: Rows of raw_meter__readings or raw_job__readings.
        owner: ``meter_id`` or ``job_id``.
        as_of_utc: Versions that became available later are not seen.

    Raises:
        DataRefusedError: Two different rows have one owner, interval and time of availability.
    """
    key = [owner, "interval_start_utc", "available_at_utc"]
    known = readings.filter(pl.col.available_at_utc <= as_of_utc).unique()
    twice = known.filter(pl.struct(key).is_duplicated()).sort(key)
    if not twice.is_empty():
        raise _refusal(owner, twice, "one value for each version of an interval", "two")
    return known.sort(key).unique([owner, "interval_start_utc"], keep="last", maintain_order=True)


def _interval_energy(
    readings: pl.DataFrame, owner: str, day: Interval, site_id: str, as_of_utc: datetime
) -> tuple[pl.DataFrame, list[Finding]]:
    starts_in_day = pl.col.interval_start_utc.is_between(day.start_utc, day.end_utc, closed="left")
    newest = newest_versions(readings, owner, as_of_utc).filter(starts_in_day)
    length_ms = (pl.col.interval_end_utc - pl.col.interval_start_utc).dt.total_milliseconds()
    rows = newest.with_columns(pl.col.energy_kwh.fill_nan(None), length_ms.alias("length_ms")).sort(
        owner, "interval_start_utc"
    )
    _refuse_wrong_intervals(rows, owner)

    word = pl.col.reading_quality.str.split(" ").list.first()  # behind it stands the source's code
    core = rows.select(
        pl.lit(site_id).alias("site_id"),
        pl.col.interval_start_utc.dt.date().alias("date"),
        *(owner, "interval_start_utc", "interval_end_utc", "energy_kwh"),
        pl.col.energy_kwh.is_not_null().cast(pl.Float64).alias("coverage_ratio"),
        pl.when(word == "ok").then(pl.lit(METERED)).otherwise(word).alias("method"),
        "length_ms",
    )
    is_short = pl.col.length_ms < _MS_PER_MINUTE
    minutes = roll_up(core.filter(is_short).drop("length_ms"), 1)
    longer = core.filter(~is_short).drop("length_ms")
    energy = pl.concat([minutes, longer]).sort(owner, "interval_start_utc")
    return energy, _missing(rows, owner, day)


def _refuse_wrong_intervals(rows: pl.DataFrame, owner: str) -> None:
    """Raise the first thing that is wrong with the intervals of any owner."""
    starts_before_previous_ends = pl.col.interval_start_utc < (
        pl.col.interval_end_utc.shift().over(owner)
    )
    length_ms = pl.col.length_ms
    fits_minute = (length_ms < _MS_PER_MINUTE) & (_MS_PER_MINUTE % length_ms == 0)
    fits_day = (length_ms % _MS_PER_MINUTE == 0) & (_MS_PER_DAY % length_ms == 0)
    checks = (
        (length_ms <= 0, "an end after its start", "an interval of no length"),
        (starts_before_previous_ends, "intervals apart from each other", "two that overlap"),
        (length_ms != length_ms.first().over(owner), "intervals of one length", "another"),
        (~(fits_minute | fits_day), "a length that divides a minute or a day", "another"),
        (
            pl.col.interval_start_utc.dt.epoch("ms") % length_ms != 0,
            "a whole number of intervals since midnight UTC",
            "a start between",
        ),
    )
    for is_wrong, expected, found in checks:
        wrong = rows.filter(is_wrong)
        if not wrong.is_empty():
            raise _refusal(owner, wrong, expected, found)


def _refusal(owner: str, wrong: pl.DataFrame, expected: str, found: str) -> DataRefusedError:
    row = wrong.row(0, named=True)
    start_utc, end_utc = row["interval_start_utc"], row["interval_end_utc"]
    return DataRefusedError(
        thing=f"{owner} {row[owner]!r}",
        expected=expected,
        found=f"{found}: {start_utc.isoformat()} to {end_utc.isoformat()} "
        f"({wrong.height} such row(s))",
        remedy=_REMEDY,
    )


def _missing(rows: pl.DataFrame, owner: str, day: Interval) -> list[Finding]:
    """Report the intervals that are missing: of a meter in the day, of a job while it ran."""
    findings = []
    for one in rows.partition_by(owner, maintain_order=True):
        starts = one["interval_start_utc"].dt.epoch("ms")
        length_ms = one.item(0, "length_ms")
        if owner == "meter_id":
            ends_ms = [round(edge.timestamp() * MS_PER_S) for edge in (day.start_utc, day.end_utc)]
        else:
            ends_ms = [starts.item(0), starts.item(-1) + length_ms]
        expected = pl.Series(range(ends_ms[0], ends_ms[1], length_ms), dtype=pl.Int64)
        missing = expected.filter(~expected.is_in(starts.implode()))
        if missing.is_empty():
            continue
        findings.append(_gap_finding(owner, one, len(expected), missing))
    return findings


def _gap_finding(owner: str, one: pl.DataFrame, expected: int, missing: pl.Series) -> Finding:
    first_utc = instant_text(missing.item(0))
    return Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject=f"{owner} {one.item(0, owner)!r}",
        message=f"expected {expected} intervals, found {expected - len(missing)}; the first that "
        f"is missing starts at {first_utc}",
        evidence={
            "expected_count": expected,
            "missing_count": len(missing),
            "first_missing_utc": first_utc,
        },
    )
