"""From metered minutes to statement, report and bundle: one large event, and a month of many.

The reference of one event is the settlement alone, a pure function of values: what is above 1 is
reading, writing, drawing and proving. The reference of a month is one event after another.
"""

import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from benchmarks.conftest import best_s
from benchmarks.settled_halls import PROGRAM, metered_halls
from negawatt.models.settlement.settle import settle_event
from negawatt.models.simulation import readings
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.pipelines import run
from negawatt.pipelines.exports.bundle import Wanted, write_bundle
from negawatt.pipelines.settlement import gather_inputs

EVENT_LIMIT_S = 10.0
MONTH_LIMIT_S = 120.0
SITE_COUNT, EVENT_DAYS = 20, (16, 17, 18, 22, 23, 24, 25, 26, 29, 30)


def test_one_event_of_512_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = simulate(demo_plan(1, nodes=64))
    event_id, end_utc = record.plan.events[-1].event_id, record.plan.end_utc
    rows = readings.event_rows(record, PROGRAM)
    layout = metered_halls(tmp_path, record, {record.plan.site_id: rows})

    start_s = time.perf_counter()
    run.run_event_settlement(layout, event_id, fixed_utc=end_utc)
    settled_s = time.perf_counter() - start_s
    write_bundle(layout, event_id, Wanted(signed_at_utc=end_utc))
    whole_s = time.perf_counter() - start_s

    inputs = gather_inputs(layout, event_id).inputs
    alone_s = best_s(lambda: settle_event(inputs), repeats=3)
    with capsys.disabled():
        print(
            f"\nan event of {len(record.gpus)} GPUs: statement and report {settled_s:.1f} s, with "
            f"bundle {whole_s:.1f} s (limit {EVENT_LIMIT_S:.0f} s): {whole_s / alone_s:.1f} of the "
            f"settlement alone"
        )
    assert whole_s < EVENT_LIMIT_S


def test_a_month_of_200_events_of_20_sites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = simulate(demo_plan(1, nodes=3))
    start_utc = record.plan.events[-1].start_utc
    (template,) = readings.event_rows(record, PROGRAM)[-1:].to_dicts()
    events = {}
    for number in range(SITE_COUNT):
        site_id = f"site-{number:02d}"
        rows = [
            template
            | {
                "site_id": site_id,
                "event_id": f"{site_id}-{day}",
                **{
                    name: value.replace(day=day)
                    for name, value in template.items()
                    if name in {"event_start_utc", "event_end_utc", "notified_at_utc"} and value
                },
            }
            for day in EVENT_DAYS
        ]
        events[site_id] = pl.DataFrame(rows, schema=readings.event_rows(record, PROGRAM).schema)
    layout = metered_halls(tmp_path, record, events)
    event_ids = [one for rows in events.values() for one in rows["event_id"]]

    start_s = time.perf_counter()
    settled = run.run_many_settlements(layout, event_ids, fixed_utc=start_utc + timedelta(days=1))
    month_s = time.perf_counter() - start_s

    refused = [one.refusal for one in settled if one.refusal]
    with capsys.disabled():
        print(
            f"\n{len(settled)} events of {SITE_COUNT} sites: {month_s:.0f} s "
            f"(limit {MONTH_LIMIT_S:.0f} s), {month_s / len(settled):.2f} s an event"
        )
    assert not refused
    assert month_s < MONTH_LIMIT_S
