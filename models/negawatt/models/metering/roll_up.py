"""From short intervals to longer ones, and to the series that baselines read.

Here: any core_ table of interval energy. Not here: how the energy was measured.
"""

import math
from datetime import UTC

import numpy as np
import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

MINUTES_PER_DAY = 1440
_OWNERS = ("site_id", "node_id", "gpu_uuid", "job_id", "meter_id")


def roll_up(frame: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """Add up interval energies over longer intervals.

    Energies are summed. An interval of which a part is missing, or is NULL, has the energy NULL:
    the sum of the rest is not its energy. Coverage is weighted by time, a missing part counting 0,
    so that it still says how much was measured. Power keeps the least and the greatest value read;
    its mean is energy over duration. Different methods are joined with ``+``.

    Args:
        frame: Rows of a core_ table: any of site_id, node_id, gpu_uuid, job_id, meter_id; then
            interval_start_utc, interval_end_utc, coverage_ratio, and energy_j or
            energy_kwh, and method, power_w_min, power_w_mean, power_w_max, sampled_energy_j and
            energy_disagreement_ratio if there are. NaN counts as NULL.
        minutes: Length of the longer intervals [min]; divides the day. They start at midnight UTC.

    Returns:
        The same columns, sorted by owner and time; the sums do not depend on the order of rows.

    Raises:
        DataRefusedError: An interval would be split, or two intervals of one owner overlap.
        ValueError: ``minutes`` does not divide the day.

    Examples:
        >>> from datetime import datetime, timedelta
        >>> noon_utc = datetime(2026, 7, 1, 12, tzinfo=UTC)
        >>> halves = pl.DataFrame({"meter_id": "m", "interval_start_utc": [noon_utc,
        ...     noon_utc + timedelta(minutes=15)], "energy_kwh": [10.0, 20.0],
        ...     "coverage_ratio": [1.0, 0.5], "method": "meter"}).with_columns(
        ...     (pl.col.interval_start_utc + pl.duration(minutes=15)).alias("interval_end_utc"))
        >>> roll_up(halves, 30).select("energy_kwh", "coverage_ratio").row(0)
        (30.0, 0.75)
    """
    if minutes <= 0 or MINUTES_PER_DAY % minutes:
        raise ValueError(f"minutes must divide the day ({MINUTES_PER_DAY} min), got {minutes}")
    owners = [name for name in _OWNERS if name in frame.columns]
    energy = "energy_j" if "energy_j" in frame.columns else "energy_kwh"
    parts = _parts(frame, owners, energy, minutes)
    _refuse(parts, pl.col.interval_end_utc > pl.col.whole_end_utc, f"split at {minutes} min")
    _refuse(parts, pl.col.interval_start_utc < pl.col.previous_end_utc, "overlapped by another")

    sampled = ["sampled_energy_j"] if "sampled_energy_j" in frame.columns else []
    # Sums of lists, not of groups: a list is added in its order, whatever the number of threads.
    # Quotients of columns: Polars divides by a literal through its reciprocal: 3.6e6 / 3.6e6 < 1.
    is_whole = (pl.col.length_ms == pl.col.whole_ms) & (pl.col.unknown_count == 0)
    rolled = (
        parts.group_by(*owners, "whole_start_utc", "whole_end_utc", "whole_ms", maintain_order=True)
        .agg(
            *sampled,
            pl.col(energy),
            pl.col(energy).null_count().alias("unknown_count"),
            pl.col.length_ms.sum(),
            pl.col.covered_ms.sum(),
            pl.col("^method$").str.split("+").explode().unique().sort().str.join("+"),
            pl.col("^power_w_min$").min(),
            pl.col("^power_w_max$").max(),
        )
        .with_columns(
            pl.col.whole_start_utc.alias("interval_start_utc"),
            pl.col.whole_end_utc.alias("interval_end_utc"),
            pl.col.whole_start_utc.dt.date().alias("date"),
            pl.when(is_whole).then(pl.col(energy).list.sum()).alias(energy),
            (pl.col.covered_ms / pl.col.whole_ms).alias("coverage_ratio"),
        )
    )
    if "power_w_mean" in frame.columns:
        energy_per_ms = pl.col(energy) / pl.col.whole_ms
        rolled = rolled.with_columns((energy_per_ms * MS_PER_S).alias("power_w_mean"))
    if sampled:
        known = is_whole & (
            pl.col.sampled_energy_j.list.eval(pl.element().is_null()).list.any().not_()
        )
        rolled = rolled.with_columns(
            pl.when(known).then(pl.col.sampled_energy_j.list.sum()).alias("sampled_energy_j")
        )
        ratio = pl.col.sampled_energy_j / pl.col.energy_j - 1
        both = (pl.col.coverage_ratio == 1) & (pl.col.energy_j > 0)
        rolled = rolled.with_columns(pl.when(both).then(ratio).alias("energy_disagreement_ratio"))
    return rolled.select(frame.columns)


def shared_minutes(frame: pl.DataFrame, least: int) -> int:
    """Return the shortest length of intervals that those of every owner fill [min].

    Args:
        frame: Rows of core_site__interval_energy: intervals of whole minutes that divide the day.
        least: The length is not shorter than this [min].

    Examples:
        Meters of 10 and of 15 minutes both fill half hours.

        >>> from datetime import datetime, timedelta
        >>> noon_utc = datetime(2026, 7, 1, 12, tzinfo=UTC)
        >>> ends_utc = [noon_utc + timedelta(minutes=minutes) for minutes in (10, 15)]
        >>> two = pl.DataFrame({"interval_start_utc": noon_utc, "interval_end_utc": ends_utc})
        >>> shared_minutes(two, 5)
        30
    """
    length = pl.col.interval_end_utc - pl.col.interval_start_utc
    own = math.lcm(*frame.select(length.dt.total_minutes().unique()).to_series())
    return next(
        minutes
        for minutes in range(own, MINUTES_PER_DAY + 1, own)
        if minutes >= least and MINUTES_PER_DAY % minutes == 0
    )


def to_load_series(frame: pl.DataFrame, interval_minutes: int, meter_id: str) -> LoadSeries:
    """Return the energy of one meter or job on a regular grid, without holes.

    Args:
        frame: Rows of core_site__interval_energy or core_job__interval_energy.
        interval_minutes: Length of the grid's intervals [min]; shorter ones are rolled up.
        meter_id: The meter, or the job.

    Returns:
        From the first interval to the last; NaN with coverage 0 where there is none.

    Raises:
        DataRefusedError: The frame has no interval of this meter, or one longer than the grid's.
    """
    owner = _owner_of(frame)
    found = each_load_series(frame.filter(pl.col(owner) == meter_id), interval_minutes)
    if not found:
        raise DataRefusedError(
            thing=f"meter {meter_id!r}",
            expected="at least one interval",
            found="none",
            remedy="import its readings, or name another meter",
        )
    return found[meter_id]


def each_load_series(frame: pl.DataFrame, interval_minutes: int) -> dict[str, LoadSeries]:
    """Return the energy of every meter or job by its name, as ``to_load_series`` has it.

    All are rolled up at once: one after the other takes as long for each as for all.
    """
    owner = _owner_of(frame)
    rolled = roll_up(frame, interval_minutes)
    return {
        own.item(0, owner): _on_grid(own, interval_minutes, own.item(0, owner))
        for own in rolled.partition_by(owner, maintain_order=True)
    }


def _owner_of(frame: pl.DataFrame) -> str:
    return "meter_id" if "meter_id" in frame.columns else "job_id"


def _on_grid(rolled: pl.DataFrame, interval_minutes: int, meter_id: str) -> LoadSeries:
    start_utc = rolled.item(0, "interval_start_utc").astimezone(UTC)
    since_start_ms = (rolled["interval_start_utc"] - start_utc).dt.total_milliseconds()
    index = since_start_ms.to_numpy() // (interval_minutes * S_PER_MINUTE * MS_PER_S)
    energy_kwh = np.full(index[-1] + 1, np.nan)
    energy_kwh[index] = rolled["energy_kwh"].fill_null(np.nan).to_numpy()
    coverage_ratio = np.zeros(index[-1] + 1)
    coverage_ratio[index] = rolled["coverage_ratio"].to_numpy()
    return LoadSeries(
        meter_id=meter_id,
        start_utc=start_utc,
        interval_minutes=interval_minutes,
        energy_kwh=energy_kwh,
        coverage_ratio=coverage_ratio,
    )


def _parts(frame: pl.DataFrame, owners: list[str], energy: str, minutes: int) -> pl.DataFrame:
    """Return the rows sorted, each with the longer interval that it starts in."""
    length_ms = (pl.col.interval_end_utc - pl.col.interval_start_utc).dt.total_milliseconds()
    whole_start_utc = pl.col.interval_start_utc.dt.truncate(f"{minutes}m")
    return frame.sort(*owners, "interval_start_utc").with_columns(
        pl.col(energy).fill_nan(None),
        length_ms.alias("length_ms"),
        (pl.col.coverage_ratio * length_ms).round().cast(pl.Int64).alias("covered_ms"),
        pl.lit(minutes * S_PER_MINUTE * MS_PER_S).cast(pl.Int64).alias("whole_ms"),
        whole_start_utc.alias("whole_start_utc"),
        (whole_start_utc + pl.duration(minutes=minutes)).alias("whole_end_utc"),
        pl.col.interval_end_utc.shift().over(owners).alias("previous_end_utc"),
    )


def _refuse(parts: pl.DataFrame, is_wrong: pl.Expr, how: str) -> None:
    wrong = parts.filter(is_wrong)
    if wrong.is_empty():
        return
    start_utc, end_utc = wrong.select("interval_start_utc", "interval_end_utc").row(0)
    raise DataRefusedError(
        thing=f"interval {start_utc.isoformat()} to {end_utc.isoformat()}",
        expected="an interval inside one longer interval, met by no other of its owner",
        found=f"{how} ({wrong.height} such interval(s))",
        remedy="roll up to a multiple of the intervals' length, from one table at a time",
    )
