"""What the charts draw, as frames: the statement's figures and the load, on a local time axis.

Powers are energies over the length of their interval; nothing is estimated or filled. A chart's
time axis is milliseconds of the site's wall clock at the offset of the event's start, so that it
runs on through a clock change. Not here: how it is drawn (charts.py).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MS_PER_S
from negawatt.models.settlement.statement import StatementBody
from negawatt.pipelines.exports.words import Words, method_name, visible

BEFORE = timedelta(hours=4)
AFTER = timedelta(hours=3)
"""As far as a settlement looks after an event."""
_POWER = {"time_ms": pl.Int64(), "power_kw": pl.Float64()}
_BASELINE = {
    "time_ms": pl.Int64(),
    "baseline_kw": pl.Float64(),
    "lower_kw": pl.Float64(),
    "upper_kw": pl.Float64(),
}
_METHODS = {
    "method": pl.String(),
    "reduction_kwh": pl.Float64(),
    "lower_kwh": pl.Float64(),
    "upper_kwh": pl.Float64(),
    "is_settled": pl.Boolean(),
    "text": pl.String(),
}


def axis_ms(words: Words) -> Callable[[datetime], int]:
    """Return the function from an instant to its place on the time axis [ms]."""
    offset = words.reference_utc.astimezone(words.zone).utcoffset() or timedelta(0)
    return lambda moment_utc: round((moment_utc + offset).timestamp() * MS_PER_S)


def chart_span(event: Event) -> Interval:
    """Return the span that the event's chart shows."""
    return Interval(event.interval.start_utc - BEFORE, event.interval.end_utc + AFTER)


def power_rows(
    load: pl.DataFrame, span: Interval, place: Callable[[datetime], int]
) -> pl.DataFrame:
    """Return the steps of the metered power over a span.

    Where energy is missing or not known, a row without power breaks the line.

    Args:
        load: Rows of core_site__interval_energy of one meter.
        span: What is shown.
        place: From ``axis_ms``.
    """
    rows: list[tuple[int, float | None]] = []
    end_utc = None
    for start_utc, next_utc, energy_kwh in _within(load, span).iter_rows():
        if end_utc is not None and start_utc > end_utc:
            rows.append((place(end_utc), None))
        known = energy_kwh is not None
        interval_h = Interval(start_utc, next_utc).duration_h
        rows.append((place(start_utc), energy_kwh / interval_h if known else None))
        end_utc = next_utc
    if end_utc is not None:
        rows.append((place(end_utc), rows[-1][1]))
    return pl.DataFrame(rows, schema=_POWER, orient="row")


def baseline_rows(body: StatementBody, place: Callable[[datetime], int]) -> pl.DataFrame:
    """Return the steps of the adjusted baseline and of the band around it.

    The band of the reduction of an interval, moved onto the metered energy, is the band of what
    would have been used.
    """
    rows = []
    for position, line in enumerate(body.lines):
        interval_h = Interval(line.interval_start_utc, line.interval_end_utc).duration_h
        metered_kwh = float(line.metered_kwh)
        lower_kwh = body.band.interval_lower_kwh[position] if body.band else None
        upper_kwh = body.band.interval_upper_kwh[position] if body.band else None
        rows.append(
            (
                place(line.interval_start_utc),
                float(line.adjusted_baseline_kwh) / interval_h,
                None if lower_kwh is None else (metered_kwh + lower_kwh) / interval_h,
                None if upper_kwh is None else (metered_kwh + upper_kwh) / interval_h,
            )
        )
    rows.append((place(body.lines[-1].interval_end_utc), *rows[-1][1:]))
    return pl.DataFrame(rows, schema=_BASELINE, orient="row")


def method_rows(body: StatementBody, words: Words) -> pl.DataFrame:
    """Return the reduction under every computed method, the settled one first with its band."""
    computed = body.sensitivity.computed if body.sensitivity else ()
    rows = []
    for method in computed:
        is_settled = method.method_id == body.rule_id
        band = body.band if is_settled else None
        name = method_name(method.method_id) + (" (settled)" if is_settled else "")
        rows.append(
            (
                name,
                method.reduction_kwh,
                band.lower_kwh if band else None,
                band.upper_kwh if band else None,
                is_settled,
                f"{words.estimate(method.reduction_kwh)} kWh",
            )
        )
    return pl.DataFrame(rows, schema=_METHODS, orient="row")


def day_rows(body: StatementBody) -> pl.DataFrame:
    """Return the candidate days whose power is known, oldest first."""
    rows = [
        (f"{day.candidate_date:%b} {day.candidate_date.day}", day.use.value, power_kw)
        for day in sorted(body.days, key=lambda day: day.candidate_date)
        if (power_kw := day.window_power_kw_mean) is not None
    ]
    return pl.DataFrame(
        rows,
        schema={"day": pl.String(), "use": pl.String(), "power_kw": pl.Float64()},
        orient="row",
    )


def placebo_rows(body: StatementBody) -> pl.DataFrame:
    """Return the error of the method on each ordinary day."""
    placebo = body.placebo
    return pl.DataFrame(
        {"error_kwh": placebo.errors_kwh if placebo else ()}, schema={"error_kwh": pl.Float64()}
    )


def job_rows(body: StatementBody, words: Words, most: int) -> pl.DataFrame:
    """Return the largest reductions by job, and what they leave of the meter's.

    Characters that are not seen are written out: a control character ends the chart's engine.
    """
    made = body.attribution
    known = [job for job in made.jobs if job.reduction_kwh is not None] if made else []
    rows = [
        (visible(job.job_id), job.reduction_kwh, "job", f"{words.estimate(job.reduction_kwh)} kWh")
        for job in known[:most]
    ]
    if made and made.residual_kwh is not None:
        text = f"{words.estimate(made.residual_kwh)} kWh"
        rows.append(("Not explained", made.residual_kwh, "residual", text))
    names = ("job", "reduction_kwh", "kind", "text")
    kinds = (pl.String(), pl.Float64(), pl.String(), pl.String())
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


def span_rows(event: Event, place: Callable[[datetime], int]) -> pl.DataFrame:
    """Return the event window, and the ramp that was asked for before it."""
    start_utc, end_utc = event.interval.start_utc, event.interval.end_utc
    ramp_utc = start_utc - timedelta(minutes=event.ramp_minutes)
    rows = [(place(ramp_utc), place(start_utc), "ramp")] if event.ramp_minutes else []
    rows.append((place(start_utc), place(end_utc), "event"))
    return pl.DataFrame(
        rows,
        schema={"start_ms": pl.Int64(), "end_ms": pl.Int64(), "kind": pl.String()},
        orient="row",
    )


def gaps(load: pl.DataFrame, span: Interval) -> list[tuple[datetime, datetime]]:
    """Return the spans in which the power is not known, oldest first."""
    known = _within(load, span).drop_nulls("energy_kwh")
    starts = [*known["interval_start_utc"].to_list(), span.end_utc]
    ends = [span.start_utc, *known["interval_end_utc"].to_list()]
    return [(end, start) for end, start in zip(ends, starts, strict=True) if start > end]


def _within(load: pl.DataFrame, span: Interval) -> pl.DataFrame:
    return (
        load.filter(
            (pl.col.interval_start_utc >= span.start_utc)
            & (pl.col.interval_end_utc <= span.end_utc)
        )
        .sort("interval_start_utc")
        .select("interval_start_utc", "interval_end_utc", "energy_kwh")
    )
