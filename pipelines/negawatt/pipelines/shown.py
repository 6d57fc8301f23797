"""What Dagster's UI shows of the rows that a run wrote: counts, coverage, findings, a small plot.

All of it is gathered from rows as they pass by, and decides nothing. Not here: the report
(exports), and what is checked (checks.py).
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import dagster as dg
import polars as pl

from negawatt.models.domain.findings import Severity
from negawatt.models.domain.units import S_PER_H

WIDTH, HEIGHT = 600, 120
MOST_POINTS: Final = 288
MOST_DAYS: Final = 31
_COLORS: Final = ("#2563eb", "#ea580c", "#16a34a", "#9333ea")
_METER: Final = ("site_id", "meter_id")
_GRAVEST_FIRST: Final = tuple(reversed(Severity))
_COVERED: Final = "coverage_ratio"


class Shown:
    """What is shown of one table, gathered part by part.

    Attributes:
        row_count: Rows that passed by.
    """

    def __init__(self, table: str) -> None:
        """Take the table."""
        self.row_count = 0
        self._table = table
        self._covered = self._known = 0.0
        self._power: list[pl.DataFrame] = []
        self._event: list[pl.DataFrame] = []
        self._findings: Counter[tuple[str, str]] = Counter()

    def add(self, rows: pl.DataFrame) -> None:
        """Take a part of the table's rows."""
        self.row_count += rows.height
        if _COVERED in rows.columns:
            self._known += rows.height - rows[_COVERED].null_count()
            self._covered += float(rows[_COVERED].sum())
        if self._table == "core_site__interval_energy":
            self._power.append(hourly_power(rows))
        if self._table == "out_event__baseline" and rows.height:
            self._event.append(rows)
        if self._table in {"core_site__findings", "out_event__findings"}:
            self._findings.update(rows.select("severity", "finding_code").iter_rows())

    def metadata(self, day_count: int = 1) -> dict[str, dg.MetadataValue]:
        """Return what is shown of rows of so many days; of more than a month without a plot.

        Dagster keeps it once for each day.
        """
        found: dict[str, dg.MetadataValue] = {"row_count": dg.MetadataValue.int(self.row_count)}
        if self._known:
            mean = dg.MetadataValue.float(round(self._covered / self._known, 6))
            found["coverage_ratio_mean"] = mean
        if self._power and day_count <= MOST_DAYS:
            found["power"] = dg.MetadataValue.md(power_plot(pl.concat(self._power)))
        for rows in self._event:
            found["event"] = dg.MetadataValue.md(event_plot(rows))
        if self._findings:
            found["findings"] = dg.MetadataValue.md(findings_table(self._findings))
        return found


def hourly_power(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the mean power of each meter and hour [kW]: site_id, meter_id, hour, power_kw.

    An hour of which an interval is not known has the mean of the others.
    """
    length_h = (
        pl.col("interval_end_utc") - pl.col("interval_start_utc")
    ).dt.total_seconds() / S_PER_H
    known = rows.filter(pl.col("energy_kwh").is_not_null())
    return (
        known.group_by(*_METER, pl.col("interval_start_utc").dt.truncate("1h").alias("hour"))
        .agg((pl.col("energy_kwh").sum() / length_h.sum()).alias("power_kw"))
        .sort(*_METER, "hour")
    )


def power_plot(power: pl.DataFrame) -> str:
    """Return a plot of the hourly power of up to four meters over the same hours, as Markdown.

    Args:
        power: What ``hourly_power`` returns, of any sites and days.
    """
    if power.is_empty():
        return plot({}, "kW")
    hour = pl.col("hour")
    hours = power.select(pl.datetime_range(hour.min(), hour.max(), "1h").alias("hour"))
    size_h = -(-hours.height // MOST_POINTS)
    of_meter = power.select(_METER).unique().sort(_METER).head(len(_COLORS))
    several_sites = of_meter["site_id"].n_unique() > 1
    lines = {}
    for site_id, meter_id in of_meter.iter_rows():
        known = power.filter(site_id=site_id, meter_id=meter_id)
        every = hours.join(known, on="hour", how="left", maintain_order="left")
        thinned = every.group_by_dynamic("hour", every=f"{size_h}h").agg(pl.col("power_kw").mean())
        name = f"{meter_id} of {site_id}" if several_sites else meter_id
        lines[name] = thinned["power_kw"].to_list()
    return plot(lines, "kW")


def event_plot(baseline: pl.DataFrame) -> str:
    """Return a plot of what was metered in an event beside the settled baseline, as Markdown.

    Args:
        baseline: Rows of out_event__baseline of one event, those of the settled rule first.
    """
    settled = baseline.filter(rule_id=baseline["rule_id"][0]).sort("interval_start_utc")
    names = ("adjusted_baseline_kwh", "metered_kwh")
    return plot({name: settled[name].to_list() for name in names}, "kWh an interval")


def findings_table(findings: Mapping[tuple[str, str], int]) -> str:
    """Return counts of findings as Markdown, most of the gravest first.

    Examples:
        >>> print(findings_table({("info", "b"): 3, ("blocking", "a"): 1, ("warning", "c"): 2}))
        | severity | finding | count |
        | --- | --- | --- |
        | blocking | a | 1 |
        | warning | c | 2 |
        | info | b | 3 |
    """
    rows = sorted(
        findings.items(),
        key=lambda one: (_GRAVEST_FIRST.index(Severity(one[0][0])), -one[1], one[0][1]),
    )
    lines = [f"| {severity} | {code} | {count} |" for (severity, code), count in rows]
    return "\n".join(("| severity | finding | count |", "| --- | --- | --- |", *lines))


def plot(lines: Mapping[str, Sequence[float | None]], unit: str) -> str:
    """Return lines over the same span as an image in Markdown, with a caption.

    The image is a few kilobytes of SVG inside the text: nothing is loaded. Lines break where a
    value is not known.

    Args:
        lines: Values at even steps, by name; at most four are drawn.
        unit: Of the values.

    Examples:
        >>> text = plot({"feeder": [100.0, 40.0, None, 100.0]}, "kW")
        >>> text.splitlines()[0]
        'feeder (#2563eb); 40 to 100 kW'
    """
    known = [value for values in lines.values() for value in values if value is not None]
    if not known:
        return "nothing is known"
    low, high = min(known), max(known)
    drawn = list(zip(_COLORS, lines.items(), strict=False))
    body = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{points}"/>'
        for color, (_, values) in drawn
        for points in _pieces(values, min(low, 0.0), high)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{body}</svg>'
    )
    caption = ", ".join(f"{name} ({color})" for color, (name, _) in drawn)
    encoded = base64.b64encode(svg.encode()).decode()
    return (
        f"{caption}; {low:.4g} to {high:.4g} {unit}\n\n![plot](data:image/svg+xml;base64,{encoded})"
    )


def _pieces(values: Sequence[float | None], low: float, high: float) -> Iterable[str]:
    """Yield the points of each stretch of known values."""
    step = WIDTH / max(1, len(values) - 1)
    scale = (HEIGHT - 4) / ((high - low) or 1.0)
    piece: list[str] = []
    for number, value in enumerate([*values, None]):
        if value is not None:
            piece.append(f"{number * step:.1f},{HEIGHT - 2 - (value - low) * scale:.1f}")
        elif piece:
            yield " ".join(piece)
            piece = []
