"""The pages of docs/programs, written from the program files, each with one worked example.

Here: what a page says, and the index. Not here: the figures of the examples; the engine computes
them, and tests/models/baselines/test_golden_baselines.py holds them against a reference.

    python -m tests.docs.program_pages      writes all pages again
"""

from collections.abc import Iterator
from importlib.resources import files
from itertools import groupby, takewhile

from negawatt.cli.rule_words import rule_lines
from negawatt.models.baselines.calendar import program_clock
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.result import BaselineResult, DayTable, DayUse
from negawatt.models.baselines.rule import BaselineRule
from tests.docs.console import ROOT
from tests.golden import reference_programs as reference
from tests.models.baselines.sites import load_for, notified_at_utc, site_for, window_of

FOLDER = ROOT / "docs" / "programs"
_FILES = "../../models/negawatt/models/baselines/programs"
_SITE = """
## What a site states

Programs that ask for more than the load name it under "asks for"; `negawatt baseline --site FILE`
reads it from a TOML file. Every key may be left out; what a program needs and does not find it
refuses by name.

```toml
temperature = "weather.csv"          # columns interval_start_utc and temperature_c
generator = "generator.csv"          # a load file: output as positive energy
control_group = { load = "group.csv", control_count = 200, treated_count = 40 }
nomination = { load = "schedule.csv", locked_at = 2026-07-15T10:00:00Z }
loss_factor = 1.05
peak_load_contribution_kw = 1050.0
winter_peak_load_kw = 900.0
firm_service_level_kw = 400.0
declared_maximum_base_load_kw = 1000.0
average_peak_demand_kw = 950.0
system_peak_starts = [2025-07-01T20:00:00Z]
outage_days = [2026-06-01]
shutdown_days = [2026-06-02]
other_program_windows = [{ start = 2026-06-03T16:00:00Z, end = 2026-06-03T18:00:00Z }]
undispatched_windows = [{ start = 2026-06-04T16:00:00Z, end = 2026-06-04T18:00:00Z }]
denied_windows = [{ start = 2026-06-05T16:00:00Z, end = 2026-06-05T18:00:00Z }]
instructed_at = 2026-07-15T19:30:00Z
gate_closed_at = 2026-07-15T19:00:00Z
```""".splitlines()
_ROWS = 6  # of intervals that an example shows
_WRITTEN = "<!-- written by tests/docs/program_pages.py: change the program file instead -->"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    return {f"{program_id}.md": page(program_id) for program_id in list_programs()} | {
        "README.md": index()
    }


def index() -> str:
    """Return the list of all programs, by market."""
    lines = [
        _WRITTEN,
        "# Programs",
        "",
        "Every tariff is a file of data; each page below says what the file holds, what it rests",
        "on, and works one example. No manual was read in full: facts that nobody read are counted",
        "as low, and what to check stands beside each.",
    ]
    rules = sorted(map(load_program, list_programs()), key=lambda rule: (rule.market, rule.name))
    for market, of_market in groupby(rules, key=lambda rule: rule.market):
        lines += ["", f"## {'Of no market' if market == 'none' else market}", ""]
        lines += ["| program | rule | facts | to check | low |", "| --- | --- | --- | --- | --- |"]
        for rule in of_market:
            low = sum(fact.confidence.is_low for fact in rule.facts)
            counts = f"{len(rule.facts)} | {len(rule.unverified_facts)} | {low}"
            lines.append(f"| [{rule.program_id}]({rule.program_id}.md) | {rule.name} | {counts} |")
    return "\n".join([*lines, *_SITE]) + "\n"


def page(program_id: str) -> str:
    """Return the page of one program."""
    rule = load_program(program_id)
    return "\n".join([*_head(rule), *_rule(rule), *_facts(rule), *_example(rule)]) + "\n"


def _head(rule: BaselineRule) -> Iterator[str]:
    content = files("negawatt.models.baselines") / "programs" / f"{rule.program_id}.toml"
    text = content.read_text(encoding="utf-8").splitlines()
    yield _WRITTEN
    yield f"# {rule.name}"
    yield ""
    market = "of no market" if rule.market == "none" else rule.market
    yield f"`{rule.program_id}`, {market}; [program file]({_FILES}/{rule.program_id}.toml)."
    yield ""
    for line in takewhile(lambda line: line.startswith("#"), text):
        yield line.removeprefix("#").removeprefix(" ")
    yield ""


def _rule(rule: BaselineRule) -> Iterator[str]:
    yield "## The rule"
    yield ""
    yield "```text"
    yield from takewhile(lambda line: not line.startswith("Facts"), rule_lines(rule))
    yield "```"
    yield ""


def _facts(rule: BaselineRule) -> Iterator[str]:
    yield "## What it rests on"
    yield ""
    yield "| parameter | what the program says | how well it is known | check |"
    yield "| --- | --- | --- | --- |"
    for fact in rule.facts:
        low = "**low**: " if fact.confidence.is_low else ""
        yield (
            f"| `{fact.parameter}` | {fact.statement} | {low}{fact.confidence.words} "
            f"({fact.source_id}) | {fact.check} |"
        )
    yield ""
    for source in rule.sources:
        title = f"[{source.document}]({source.url})" if source.url else source.document
        yield f"- {source.source_id}: {title}, {source.section}"
    yield ""


def _example(rule: BaselineRule) -> Iterator[str]:
    result = compute_baseline(
        rule,
        load_for(rule),
        window_of(rule),
        other_event_windows=[window_of(rule, reference.OTHER)],
        notified_at_utc=notified_at_utc(rule),
        site=site_for(rule),
    )
    yield "## A worked example"
    yield ""
    yield (
        f"Wednesday 15 July 2026, 16:00 to 19:00 in {rule.settlement_clock.tz} "
        f"({rule.settlement_clock.mode} time); another"
    )
    yield "event at the same hours of Monday 13 July. The load and all other inputs are invented"
    yield "([how](../../tests/golden/programs/README.md))."
    yield ""
    for table in result.tables:
        yield from _days(rule, result, table)
    for step in result.steps:
        yield f"- {step.name}: {step.value:.3f} {step.unit}"
    yield from _adjustment(result)
    yield from _intervals(rule, result)


def _days(rule: BaselineRule, result: BaselineResult, table: DayTable) -> Iterator[str]:
    zone = program_clock(rule.settlement_clock).zone
    use = {day.candidate_date: day for day in result.days}
    clock = table.interval_start_utc[0].astimezone(zone)
    dropped = sum(day.use is DayUse.DROPPED for day in result.days)
    yield f"Days that were ranked ({dropped} others were dropped, each with its reason):"
    yield ""
    yield f"| day | use | mean in the event's hours [kW] | {clock:%H:%M} [kWh] |"
    yield "| --- | --- | --- | --- |"
    for row, day in enumerate(table.days):
        power_kw = use[day].window_power_kw_mean
        shown = "" if power_kw is None else f"{power_kw:.3f}"
        yield f"| {day:%a} {day} | {use[day].use} | {shown} | {table.window_kwh[row, 0]:.3f} |"
    yield ""


def _adjustment(result: BaselineResult) -> Iterator[str]:
    made = result.adjustment
    if made.applied_value is None:
        yield f"- adjustment: {made.note or 'none'}"
    else:
        unit = " kW" if made.kind == "additive" else ""
        yield (
            f"- adjustment: {made.window_metered_kw:.3f} kW metered or expected against "
            f"{made.window_baseline_kw:.3f} kW of the baseline:"
        )
        yield f"  {made.uncapped_value:.6f}{unit}, {made.applied_value:.6f}{unit} after the cap"
    yield ""


def _intervals(rule: BaselineRule, result: BaselineResult) -> Iterator[str]:
    zone = program_clock(rule.settlement_clock).zone
    yield "| start | baseline [kWh] | adjusted [kWh] | metered [kWh] | reduction [kWh] |"
    yield "| --- | --- | --- | --- | --- |"
    columns = (
        result.baseline_kwh,
        result.adjusted_baseline_kwh,
        result.metered_kwh,
        result.reduction_kwh,
    )
    for start_utc, *values_kwh in list(zip(result.interval_start_utc, *columns, strict=True))[
        :_ROWS
    ]:
        shown = " | ".join(f"{value_kwh:z.3f}" for value_kwh in values_kwh)
        yield f"| {start_utc.astimezone(zone):%H:%M} | {shown} |"
    if len(result.interval_start_utc) > _ROWS:
        yield f"| ... | {' | '.join('...' for _ in columns)} |"
    totals = " | ".join(f"{column.sum():z.3f}" for column in columns)
    yield f"| all {len(result.interval_start_utc)} | {totals} |"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
