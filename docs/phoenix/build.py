"""Build ../phoenix.md and its charts from the published minutes: ``build.py DATA DOCS``.

The template holds the commands of the page as named shell blocks. They are run as they stand, in
their order, in a fresh warehouse; every figure is what they print or what their statements say.
Not here: words of the page (phoenix.md.j2), arithmetic of a settlement, how a chart looks.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jinja2
import polars as pl

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.models.verification.attribution import JobReduction
from negawatt.pipelines.exports import bar_charts, chart_rows, charts
from negawatt.pipelines.exports import chart_style as style
from negawatt.pipelines.exports.page import words_of
from negawatt.pipelines.exports.report import event_load
from negawatt.pipelines.exports.words import Words, number, percent
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import read_site
from negawatt.warehouse.statement_tables import latest_statement_json

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE / "phoenix.md.j2"
EVENTS = {"srp-hold": "phoenix-srp", "aps-step-1": "phoenix-aps", "aps-step-2": "phoenix-aps"}
STEPS = ("aps-step-1", "aps-step-2")
NAMES = {"srp-hold": "SRP", "aps-step-1": "APS step 1", "aps-step-2": "APS step 2"}
REFUSED = {"history"}
"""Blocks that are refused, which is what they show."""
_BLOCK = re.compile(r"^```sh (\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A statement with the load around its event and how its figures are written."""

    statement: Statement
    load: pl.DataFrame
    words: Words

    @property
    def body(self) -> StatementBody:
        """What is stated."""
        return self.statement.body


def build(data: Path, docs: Path) -> None:
    """Write phoenix.md, and the charts into phoenix/, below ``docs``."""
    template = TEMPLATE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        warehouse = Path(scratch) / "warehouse"
        printed = {
            name: _run(name, commands, data, warehouse)
            for name, commands in _BLOCK.findall(template)
        }
        _write(docs, template, printed, warehouse)


def _write(docs: Path, template: str, printed: dict[str, str], warehouse: Path) -> None:
    settled = {event: _settled(Layout(warehouse), event) for event in EVENTS}
    tables = {name: _table(text) for name, text in printed.items() if text.startswith("|")}
    page = _environment().from_string(template).render(_facts(printed, tables, settled))
    files = {"phoenix.md": page} | {
        f"{HERE.name}/{name}.svg": svg for name, svg in _charts(settled, tables["ramp"]).items()
    }
    (docs / HERE.name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (docs / name).write_text(text, encoding="utf-8")


def _run(name: str, commands: str, data: Path, warehouse: Path) -> str:
    """Run one block of the page and return what it prints."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PHOENIX": str(data.resolve()),
        "WAREHOUSE": str(warehouse),
    }
    shell = ["/bin/sh", "-c" if name in REFUSED else "-ec", commands]
    done = subprocess.run(  # noqa: S603 - the commands of our own page
        shell, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False
    )
    if (done.returncode != 0) != (name in REFUSED):
        sys.exit(f"block {name!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    printed = re.sub(r"\n\d+ rows\n\Z", "", done.stdout)
    return printed.replace(str(warehouse), "$WAREHOUSE").strip()


def _settled(layout: Layout, event: str) -> Settled:
    text = latest_statement_json(layout, f"{EVENTS[event]}.{event}")
    assert text is not None  # the block before has settled it  # noqa: S101
    statement, site = from_json(text.encode()), read_site(layout, EVENTS[event])
    return Settled(
        statement=statement,
        load=event_load(layout, statement, site),
        words=words_of(statement.body, site),
    )


def _table(printed: str) -> Rows:
    """Return the rows of a printed table by column name."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def _facts(
    printed: dict[str, str], tables: dict[str, Rows], settled: dict[str, Settled]
) -> dict[str, object]:
    """Return what the template fills in."""
    minutes = {(row["event_id"], row["method"]): row for row in tables["minutes"]}
    before, after = (minutes["srp-hold", f"{name}_event_hour"] for name in ("pre", "post"))
    srp = settled["srp-hold"].body
    srp_kwh = float(srp.totals.reduction_kwh)
    (dip,), (projection,) = tables["dip"], tables["projection"]
    return {
        "printed": printed,
        "folder": HERE.name,
        "minutes": minutes,
        "edges": _by_event(tables["edges"]),
        "dip": dip,
        "dip_ratio": float(dip["kwh_below_median"]) / srp_kwh,
        "projection": projection,
        "drift_kw": float(before["baseline_kw"]) - float(after["baseline_kw"]),
        "ramp": _by_event(tables["ramp"]),
        "ramp_ratio": 1 - _ramp_kwh(tables["ramp"], "srp-hold") / srp_kwh,
        "bodies": {event: one.body for event, one in settled.items()},
        "digests": {event: one.statement.statement_digest for event, one in settled.items()},
        "minute_count": sum(len(one.body.lines) for one in settled.values()),
        "minutes_after": {event: _minutes_after(one) for event, one in settled.items()},
        "series_minutes": settled["srp-hold"].load.height,
        "discrepancies": [f for f in srp.findings if f.code is FindingCode.DATASET_DISCREPANCY],
        "made": {step: settled[step].body.attribution for step in STEPS},
        "jobs": {step: _jobs(settled[step].body) for step in STEPS},
    }


def _by_event(rows: Rows) -> dict[str, dict[str, str]]:
    return {row["event_id"]: row for row in rows}


def _ramp_kwh(rows: Rows, event: str) -> float:
    """Return the reduction against the hour that holds the ramp [kWh]."""
    return float(_by_event(rows)[event]["reduction_kwh"])


def _minutes_after(one: Settled) -> int:
    """Return how many minutes were published after an event."""
    return one.load.filter(pl.col.interval_start_utc >= one.body.event.interval.end_utc).height


def _level_kw(body: StatementBody) -> float:
    return float(body.totals.adjusted_baseline_kwh) / body.event.interval.duration_h


def _jobs(body: StatementBody) -> dict[str, JobReduction]:
    assert body.attribution is not None  # the jobs were imported  # noqa: S101
    return {job.job_id: job for job in body.attribution.jobs}


def _charts(settled: dict[str, Settled], ramp: Rows) -> dict[str, str]:
    return {
        "srp": _event_chart([settled["srp-hold"]]),
        "aps": _event_chart([settled[step] for step in STEPS]),
        "methods": _methods_chart(settled, ramp),
        "jobs": _jobs_chart([settled[step].body for step in STEPS]),
    }


def _event_chart(steps: list[Settled]) -> str:
    """Draw the whole dispatch: the metered power, and each step with its baseline and limit."""
    first, last = steps[0], steps[-1]
    place = chart_rows.axis_ms(first.words)
    power = chart_rows.power_rows(first.load, chart_rows.chart_span(last.body.event), place)
    baselines = [chart_rows.baseline_rows(step.body, place) for step in steps]
    means_kw = " and ".join(
        number(float(step.body.totals.metered_kwh) / step.body.event.interval.duration_h, 1)
        for step in steps
    )
    spans = [chart_rows.span_rows(step.body.event, place) for step in steps]
    chart = charts.event_chart(
        power,
        pl.concat(rows for baseline in baselines for rows in (baseline, _break(baseline))),
        pl.concat([spans[0], *(rows.filter(kind="event") for rows in spans[1:])]),
        _levels(last, power, place(last.body.event.interval.end_utc), means_kw),
        time_title=f"Local time on {first.words.day(first.body.event.interval.start_utc)} "
        f"({first.words.offset}); gray: event windows, light gray: ramp",
    )
    return style.to_svg(chart, f"Line chart of GPU power; mean in the event {means_kw} kW.")


def _break(baseline: pl.DataFrame) -> pl.DataFrame:
    """Return the row without power that ends a line."""
    return pl.concat(
        [baseline.tail(1).select("time_ms"), baseline.clear(n=1).drop("time_ms")], how="horizontal"
    ).select(baseline.columns)


def _levels(last: Settled, power: pl.DataFrame, end_ms: int, means_kw: str) -> list[charts.Level]:
    body, known = last.body, power.drop_nulls("power_kw")
    limit_kw = body.verdicts.cap.limit_kw
    assert limit_kw is not None  # a target was set, and the hour before is known  # noqa: S101
    after_kw = _method_kwh(body, "post_event_hour") + float(body.totals.metered_kwh)
    after_kw /= body.event.interval.duration_h
    named = [
        ("Hour before", f"{_level_kw(body):.1f} kW", _level_kw(body), end_ms, style.BLUE),
        ("Hour after", f"{after_kw:.1f} kW", after_kw, end_ms, style.FAINT),
        ("Limit", f"{limit_kw:.1f} kW", limit_kw, end_ms, style.VERMILLION),
        ("GPU power", f"in window {means_kw} kW", *known.row(-1)[::-1], style.INK),
    ]
    return [
        charts.Level(name=name, text=text, power_kw=power_kw, from_ms=from_ms, color=color)
        for name, text, power_kw, from_ms, color in named
    ]


def _method_kwh(body: StatementBody, program_id: str) -> float:
    assert body.sensitivity is not None  # the site names alternatives  # noqa: S101
    (found,) = (
        method.reduction_kwh
        for method in body.sensitivity.computed
        if method.method_id.startswith(f"{program_id}@")
    )
    return found


def _methods_chart(settled: dict[str, Settled], ramp: Rows) -> str:
    rows = [
        (f"{NAMES[event]}: {name}", kwh, None, None, is_settled, f"{kwh:.1f} kWh")
        for event, one in settled.items()
        for name, kwh, is_settled in (
            ("hour before the ramp (settled)", _method_kwh(one.body, "pre_event_hour"), True),
            ("hour after", _method_kwh(one.body, "post_event_hour"), False),
            ("hour before the window, ramp in it", _ramp_kwh(ramp, event), False),
        )
    ]
    schema = chart_rows.method_rows(settled["srp-hold"].body, settled["srp-hold"].words).schema
    methods = pl.DataFrame(rows, schema=schema, orient="row")
    listed = "; ".join(f"{row[0]}: {row[-1]}" for row in rows)
    return style.to_svg(bar_charts.methods_chart(methods), f"Bar chart of reductions. {listed}.")


def _jobs_chart(steps: list[StatementBody]) -> str:
    rows = [
        (f"{step}: {name}", job.reduction_kwh, "job", f"{number(job.reduction_kwh, 1)} kWh")
        for step, body in enumerate(steps, start=1)
        for name, job in zip(_short_names(list(_jobs(body))), _jobs(body).values(), strict=True)
    ]
    names = ["job", "reduction_kwh", "kind", "text"]
    listed = "; ".join(f"step {row[0]}: {row[-1]}" for row in rows)
    chart = bar_charts.jobs_chart(pl.DataFrame(rows, schema=names, orient="row"))
    return style.to_svg(chart, f"Bar chart of reductions by job. {listed}.")


def _short_names(job_ids: list[str]) -> list[str]:
    """Return each job without its random ending where its model runs only once."""
    models = [job_id.partition("-")[0] for job_id in job_ids]
    return [
        model if models.count(model) == 1 else job_id
        for job_id, model in zip(job_ids, models, strict=True)
    ]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    return environment


if __name__ == "__main__":
    build(*(Path(argument) for argument in sys.argv[1:]))
