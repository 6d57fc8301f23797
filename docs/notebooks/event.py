"""A marimo notebook that looks at an event: ``marimo edit docs/notebooks/event.py``.

It asks the warehouse that NEGAWATT_WAREHOUSE names, or else that of the demonstration. Each question
is plain SQL, to be changed. Not here: anything that is settled.
"""

import marimo

app = marimo.App(width="medium", app_title="An event")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import marimo as mo

    from negawatt.warehouse.connection import query
    from negawatt.warehouse.layout import Layout

    layout = Layout(Path(os.environ.get("NEGAWATT_WAREHOUSE", "negawatt-data/demo")))

    def ask(sql):
        """Answer a question about the warehouse as a frame."""
        return query(layout, sql)

    def quoted(name):
        """Return a name as SQL text."""
        return "'" + name.replace("'", "''") + "'"

    return alt, ask, mo, quoted


@app.cell
def _(ask, mo):
    statements = ask(
        """
        SELECT event_id, arg_max(statement_stage, statement_version) AS stage,
               max(statement_version) AS version
        FROM out_settlement__statements GROUP BY event_id ORDER BY event_id
        """
    )
    event = mo.ui.dropdown(
        statements["event_id"].to_list(), value=statements["event_id"][-1], label="Event"
    )
    mo.vstack([mo.md("# An event"), event, statements])
    return event, statements


@app.cell
def _(ask, event, mo, quoted):
    intervals = ask(
        f"""
        SELECT interval_start_utc, metered_kwh::DOUBLE AS metered_kwh,
               adjusted_baseline_kwh::DOUBLE AS adjusted_baseline_kwh, reduction_kwh
        FROM out_settlement__statement_lines
        JOIN out_settlement__statements USING (statement_id, statement_version)
        WHERE event_id = {quoted(event.value)}
        QUALIFY statement_version = max(statement_version) OVER () ORDER BY interval_start_utc
        """
    )
    delivered_kwh = float(intervals["reduction_kwh"].sum())
    mo.md(f"**{delivered_kwh:,.2f} kWh** delivered in {len(intervals)} intervals.")
    return delivered_kwh, intervals


@app.cell
def _(alt, intervals):
    energy = (
        alt.Chart(
            intervals.unpivot(["adjusted_baseline_kwh", "metered_kwh"], index="interval_start_utc")
        )
        .mark_bar(stroke="black")
        .encode(
            alt.X("utchoursminutes(interval_start_utc):O", title="Start of the interval, UTC"),
            alt.XOffset("variable:N"),
            alt.Y("value:Q", title="Energy [kWh]"),
            alt.Fill("variable:N", title=None, scale=alt.Scale(range=["white", "#0072b2"])),
        )
        .properties(width=420, height=220)
    )
    energy
    return (energy,)


@app.cell
def _(ask, event, quoted):
    methods = ask(
        f"""
        SELECT rule_id, round(sum(reduction_kwh), 2) AS reduction_kwh
        FROM out_event__baseline WHERE event_id = {quoted(event.value)}
        GROUP BY rule_id ORDER BY reduction_kwh DESC
        """
    )
    methods
    return (methods,)


@app.cell
def _(ask, event, quoted):
    jobs = ask(
        f"""
        WITH span AS (
            SELECT site_id, min(interval_start_utc) AS first, max(interval_end_utc) AS last
            FROM out_event__baseline WHERE event_id = {quoted(event.value)} GROUP BY site_id)
        SELECT job_id, round(sum(energy_kwh), 2) AS energy_kwh, min(coverage_ratio) AS worst_ratio
        FROM core_job__interval_energy JOIN span USING (site_id)
        WHERE interval_start_utc >= first AND interval_end_utc <= last
        GROUP BY job_id ORDER BY energy_kwh DESC
        """
    )
    jobs
    return (jobs,)


@app.cell
def _(ask, event, quoted):
    findings = ask(
        f"""
        SELECT finding_code, severity, count(*) AS findings FROM out_event__findings
        WHERE event_id = {quoted(event.value)} GROUP BY ALL ORDER BY ALL
        """
    )
    findings
    return (findings,)


if __name__ == "__main__":
    app.run()
