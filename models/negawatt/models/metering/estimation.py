"""Estimates for intervals that nobody measured, for programs that allow them.

Here: short gaps by interpolation, longer ones by like days, each flagged by its method; raw_ and
core_ tables hold none of them. Not here: who may use them (estimates.py and the program's file).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MS_PER_S, S_PER_H
from negawatt.models.metering.site_intervals import METERED

INTERPOLATED = "interpolated"
LIKE_DAYS = "like_days"
_ESTIMATED = ("interval_start_utc", "interval_end_utc", "energy_kwh", "method")
_WEEKS = 8  # as far back as a settlement reads


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimationRule:
    """How a program has gaps of the event's days filled: table ``estimates`` of its file.

    Attributes:
        interpolated_h_max: Longest gap that is filled by a straight line [h].
        like_day_count: Days that are averaged for a longer one; with fewer it stays open.
    """

    interpolated_h_max: float
    like_day_count: int

    def __post_init__(self) -> None:
        if not 0 <= self.interpolated_h_max < float("inf"):
            raise ValueError(
                f"interpolated_h_max must be 0 h or more, got {self.interpolated_h_max}"
            )
        if not 1 <= self.like_day_count <= _WEEKS:
            raise ValueError(f"like_day_count must be 1 to {_WEEKS}, got {self.like_day_count}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grid:
    """Intervals of one meter, whether there or not; NaN where their energy is not known [kWh]."""

    first_ms: int
    length_ms: int
    known_kwh: NDArray[np.float64]
    measured_kwh: NDArray[np.float64]

    def start_utc(self, index: int) -> datetime:
        return datetime.fromtimestamp((self.first_ms + index * self.length_ms) / MS_PER_S, UTC)

    def index_of(self, moment_utc: datetime) -> int | None:
        """Return the interval that starts at an instant, None where there is none."""
        index, rest = divmod(
            round(moment_utc.timestamp() * MS_PER_S) - self.first_ms, self.length_ms
        )
        return index if rest == 0 and 0 <= index < len(self.known_kwh) else None

    def range_of(self, window: Interval) -> tuple[int, int]:
        """Return the first interval that touches a window, and the first after it."""
        start_ms, end_ms = (
            round(edge.timestamp() * MS_PER_S) - self.first_ms
            for edge in (window.start_utc, window.end_utc)
        )
        return start_ms // self.length_ms, -(-end_ms // self.length_ms)


def with_estimates(
    energy: pl.DataFrame,
    within: Interval,
    rule: EstimationRule,
    *,
    zone: tzinfo,
    other_events: Sequence[Interval] = (),
) -> pl.DataFrame:
    r"""Fill the gaps of one meter in a window.

    A gap of n intervals between energies a and b, of ``interpolated_h_max`` or less, gets

    .. math:: e_i = a + (b - a) \frac{i}{n + 1}, \qquad i = 1, \dots, n

    and the method ``interpolated``. Every interval of a longer one, or of one at the end of the
    data, gets the mean of the last ``like_day_count`` measured intervals at the same local time of
    the same day of the week, and the method ``like_days``; intervals of other events do not count.
    Where there are too few, the interval stays not known. A gap is what no row covers in full; its
    length counts beyond the window.

    Args:
        energy: Rows of core_site__interval_energy of one meter, with intervals of one length.
        within: Only gaps in this window are filled.
        rule: The program's rule.
        zone: The clock of like times.
        other_events: Windows whose load is not ordinary.

    Returns:
        The rows, sorted by time; those that were filled have coverage 1.

    Source:
        Standards for validating, editing and estimating monthly and interval data (California,
        revision 2.0), interval estimation: a straight line for two hours or less, else the average
        of like days.

    Examples:
        >>> from datetime import UTC, datetime, timedelta
        >>> noon, hour = datetime(2026, 7, 1, 12, tzinfo=UTC), timedelta(hours=1)
        >>> starts = [noon, noon + 3 * hour]
        >>> rows = pl.DataFrame({"meter_id": "m", "interval_start_utc": starts,
        ...     "interval_end_utc": [start + hour for start in starts], "energy_kwh": [10.0, 16.0],
        ...     "coverage_ratio": 1.0, "method": "metered"})
        >>> rule = EstimationRule(interpolated_h_max=2.0, like_day_count=4)
        >>> filled = with_estimates(rows, Interval(noon, noon + 4 * hour), rule, zone=UTC)
        >>> filled.select("energy_kwh", "method").rows()
        [(10.0, 'metered'), (12.0, 'interpolated'), (14.0, 'interpolated'), (16.0, 'metered')]
    """
    if energy.is_empty():
        return energy
    grid = _grid(energy, within)
    filled: dict[int, tuple[float, str]] = {}
    first, end = grid.range_of(within)
    unknown = np.flatnonzero(np.isnan(grid.known_kwh))
    for run in np.split(unknown, np.flatnonzero(np.diff(unknown) > 1) + 1):
        wanted = run[(run >= first) & (run < end)].tolist()
        if not wanted:
            continue
        line = _line(grid, run, rule)
        for index in wanted:
            if line is not None:
                filled[index] = float(line[index - run[0]]), INTERPOLATED
            elif (mean := _like_days(grid, index, rule, zone, other_events)) is not None:
                filled[index] = mean, LIKE_DAYS
    return _joined(energy, grid, filled)


def _grid(energy: pl.DataFrame, within: Interval) -> _Grid:
    starts = energy["interval_start_utc"].dt.epoch("ms").to_numpy()
    length_ms = int(energy["interval_end_utc"].dt.epoch("ms")[0] - starts[0])
    edges_ms = [round(edge.timestamp() * MS_PER_S) for edge in (within.start_utc, within.end_utc)]
    first_ms = min(int(starts.min()), edges_ms[0] // length_ms * length_ms)
    count = -(-(max(int(starts.max()) + length_ms, edges_ms[1]) - first_ms) // length_ms)
    known_kwh, measured_kwh = np.full((2, count), np.nan)
    whole = energy.with_columns(
        pl.when(pl.col.coverage_ratio == 1).then(pl.col.energy_kwh.fill_nan(None))
    )
    at = (starts - first_ms) // length_ms
    known_kwh[at] = whole["energy_kwh"].fill_null(float("nan")).to_numpy()
    is_measured = (energy["method"] == METERED).to_numpy()
    measured_kwh[at] = np.where(is_measured, known_kwh[at], np.nan)
    return _Grid(
        first_ms=first_ms, length_ms=length_ms, known_kwh=known_kwh, measured_kwh=measured_kwh
    )


def _line(grid: _Grid, run: NDArray[np.intp], rule: EstimationRule) -> NDArray[np.float64] | None:
    """Return the straight line over a gap, None where it is too long or has one side only."""
    before, after = int(run[0]) - 1, int(run[-1]) + 1
    is_long = len(run) * grid.length_ms > rule.interpolated_h_max * S_PER_H * MS_PER_S
    if is_long or before < 0 or after == len(grid.known_kwh):
        return None
    line: NDArray[np.float64] = np.linspace(
        grid.known_kwh[before], grid.known_kwh[after], len(run) + 2
    )
    return line[1:-1]


def _like_days(
    grid: _Grid,
    index: int,
    rule: EstimationRule,
    zone: tzinfo,
    other_events: Sequence[Interval],
) -> float | None:
    local = grid.start_utc(index).astimezone(zone)
    values: list[float] = []
    for week in range(1, _WEEKS + 1):
        like = grid.index_of((local - timedelta(weeks=week)).astimezone(UTC))
        if like is None or np.isnan(grid.measured_kwh[like]):
            continue
        if not any(first <= like < end for first, end in map(grid.range_of, other_events)):
            values.append(float(grid.measured_kwh[like]))
        if len(values) == rule.like_day_count:
            return float(np.mean(values))
    return None


def _joined(
    energy: pl.DataFrame, grid: _Grid, filled: dict[int, tuple[float, str]]
) -> pl.DataFrame:
    """Put estimates in the place of rows that were not known."""
    starts = [grid.start_utc(index) for index in filled]
    rows = pl.DataFrame(
        {
            "interval_start_utc": starts,
            "interval_end_utc": [grid.start_utc(index + 1) for index in filled],
            "energy_kwh": [value for value, _ in filled.values()],
            "method": [method for _, method in filled.values()],
        },
        schema={name: energy.schema[name] for name in _ESTIMATED},
    ).with_columns(coverage_ratio=1.0, date=pl.col.interval_start_utc.dt.date())
    owner = energy.select(pl.all().exclude(*rows.columns)).head(1)
    estimated = rows.join(owner, how="cross").select(energy.columns)
    kept = energy.join(estimated, on="interval_start_utc", how="anti")
    return pl.concat([kept, estimated]).sort("interval_start_utc")
