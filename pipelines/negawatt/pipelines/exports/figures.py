"""The figures of a report: each chart as SVG with the words for those who cannot see it.

Here: which chart is drawn, from which rows, and its alternative text. Not here: rows
(chart_rows.py), drawing (charts.py), captions (the template).
"""

import polars as pl
from altair.utils.schemapi import debug_mode

from negawatt.models.settlement.statement import StatementBody
from negawatt.pipelines.exports import bar_charts, chart_rows, charts
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.boundary import boundary_svg
from negawatt.pipelines.exports.words import MOST_JOBS, Words, percent
from negawatt.warehouse.sites import Site

_FEWEST_METHODS = 2


@debug_mode(arg=False)  # parts of a chart are not checked as they are made: see style.to_svg
def figures(body: StatementBody, site: Site, load: pl.DataFrame, words: Words) -> dict[str, str]:
    """Return the boundary and the charts that the statement has figures for, as SVG by name.

    Args:
        body: What is reported.
        site: Facts about the site, for the boundary.
        load: Rows of core_site__interval_energy of the settlement meter around the event.
        words: How the report writes.
    """
    drawn = {"boundary": boundary_svg(body, site), **_event(body, load, words)}
    methods = chart_rows.method_rows(body, words)
    if methods.height >= _FEWEST_METHODS:
        listed = "; ".join(f"{row[0]}: {row[-1]}" for row in methods.iter_rows())
        drawn["methods"] = style.to_svg(
            bar_charts.methods_chart(methods), f"Bar chart of the reduction by method. {listed}."
        )
    days = chart_rows.day_rows(body)
    if not days.is_empty():
        drawn["days"] = _days(body, days, words)
    errors = chart_rows.placebo_rows(body)
    if not errors.is_empty():
        drawn["placebo"] = _placebo(body, errors, words)
    jobs = chart_rows.job_rows(body, words, MOST_JOBS)
    if not jobs.is_empty():
        listed = "; ".join(f"{job}: {text}" for job, text in jobs.select("job", "text").iter_rows())
        drawn["jobs"] = style.to_svg(
            bar_charts.jobs_chart(jobs), f"Bar chart of the reduction by job. {listed}."
        )
    return drawn


def _event(body: StatementBody, load: pl.DataFrame, words: Words) -> dict[str, str]:
    """Return the event's chart, and the same as flat as a first page has room for."""
    place = chart_rows.axis_ms(words)
    power = chart_rows.power_rows(load, chart_rows.chart_span(body.event), place)
    baseline = chart_rows.baseline_rows(body, place)
    spans, levels = (
        chart_rows.span_rows(body.event, place),
        _levels(body, power, baseline, words),
    )
    verdict = body.verdicts.cap
    limit = "No limit was set."
    if verdict.limit_kw is not None:
        limit = (
            f"The limit of {words.estimate(verdict.limit_kw)} kW was kept in "
            f"{percent(verdict.within_limit_ratio)} of the known intervals."
        )
    said = (
        "Line chart of metered power and adjusted baseline around the event. Mean reduction "
        f"{words.estimate(body.verdicts.baseline.delivered_kw_mean)} kW. {limit}"
    )
    title = f"Local time on {words.day(body.event.interval.start_utc)} ({words.offset})"
    return {
        name: style.to_svg(
            charts.event_chart(power, baseline, spans, levels, height=height, time_title=title),
            said,
        )
        for name, height in (("event", charts.HEIGHT), ("summary", charts.SUMMARY_HEIGHT))
    }


def _levels(
    body: StatementBody, power: pl.DataFrame, baseline: pl.DataFrame, words: Words
) -> list[charts.Level]:
    last_ms = baseline["time_ms"][-1]
    duration_h = body.event.interval.duration_h
    baseline_kw_mean = float(body.totals.adjusted_baseline_kwh) / duration_h
    levels = [
        charts.Level(
            name="Adjusted baseline",
            text=f"event mean {words.estimate(baseline_kw_mean)} kW",
            power_kw=baseline["baseline_kw"][-1],
            from_ms=last_ms,
            color=style.BLUE,
        )
    ]
    if (limit_kw := body.verdicts.cap.limit_kw) is not None:
        levels.append(
            charts.Level(
                name="Limit",
                text=f"{words.estimate(limit_kw)} kW",
                power_kw=limit_kw,
                from_ms=last_ms,
                color=style.VERMILLION,
            )
        )
    known = power.drop_nulls("power_kw")
    if not known.is_empty():
        mean_kw = float(body.totals.metered_kwh) / duration_h
        levels.append(
            charts.Level(
                name="Metered power",
                text=f"event mean {words.estimate(mean_kw)} kW",
                power_kw=known["power_kw"][-1],
                from_ms=known["time_ms"][-1],
                color=style.INK,
            )
        )
    return levels


def _days(body: StatementBody, days: pl.DataFrame, words: Words) -> str:
    mean_kw = float(body.totals.adjusted_baseline_kwh) / body.event.interval.duration_h
    text = f"Adjusted baseline\nmean {words.estimate(mean_kw)} kW"
    listed = "; ".join(
        f"{day} {use}: {words.estimate(power_kw)} kW" for day, use, power_kw in days.iter_rows()
    )
    return style.to_svg(
        charts.days_chart(days, mean_kw, text),
        f"Dot chart of the mean power of each candidate day over the event's hours. {listed}.",
    )


def _placebo(body: StatementBody, errors: pl.DataFrame, words: Words) -> str:
    reduction_kwh = float(body.totals.reduction_kwh)
    text = f"the event, {words.estimate(reduction_kwh)} kWh"
    lowest, highest = (
        words.estimate(min(errors["error_kwh"])),
        words.estimate(max(errors["error_kwh"])),
    )
    return style.to_svg(
        bar_charts.placebo_chart(errors, reduction_kwh, text),
        f"Strip chart: on {errors.height} ordinary days the method claims between {lowest} and "
        f"{highest} kWh; in {text}.",
    )
