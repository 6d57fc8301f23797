"""A statement as an OpenADR report: figures by hand, quality and band of each interval, the VTN."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.main import app
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, DeviceMissingError
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.openadr_report import Addressee, asked_by, openadr_report
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.collectors.openadr.loopback_vtn import CLIENT, LoopbackVtn, Spec, loopback_vtn
from tests.pipelines.exports.conftest import EVENT, HOUR, START_UTC

pytestmark = pytest.mark.slow  # each report is held against its schema

TO = Addressee(vtn_event_id="o-7", interval_id=3, client_name="ven-1", resource_name="hall-1")


def values(report: dict[str, Any], kind: str) -> list[Any]:
    """Return the value of one type in each interval."""
    (resource,) = report["resources"]
    return [
        payload["values"][0]
        for interval in resource["intervals"]
        for payload in interval["payloads"]
        if payload["type"] == kind
    ]


def sure(report: dict[str, Any]) -> dict[str, tuple[float, int]]:
    return {
        one["payloadType"]: (one["accuracy"], one["confidence"])
        for one in report["payloadDescriptors"]
        if "accuracy" in one
    }


def test_each_settled_interval_keeps_the_id_of_the_interval_that_was_asked_for(
    statement: Statement, load: pl.DataFrame
) -> None:
    """100 kWh expected and 60 metered in each of four hours: 40 less, at 60 kW."""
    report = openadr_report(statement, load, TO)

    (resource,) = report["resources"]
    assert (report["eventID"], report["clientName"]) == ("o-7", "ven-1")
    assert [one["id"] for one in resource["intervals"]] == [3] * 4
    assert resource["intervals"][1]["intervalPeriod"] == {
        "start": "2026-07-15T19:00:00Z",
        "duration": "PT3600S",
    }
    found = {kind: values(report, kind) for kind in ("USAGE", "BASELINE", "DELTA_USAGE", "DEMAND")}
    assert found == {
        "USAGE": [60.0] * 4, "BASELINE": [100.0] * 4, "DELTA_USAGE": [-40.0] * 4,
        "DEMAND": [60.0] * 4,
    }  # fmt: skip
    assert values(report, "NEGAWATT_STATEMENT") == [statement.statement_digest]


def test_each_interval_has_its_own_band_and_the_widest_half_is_the_accuracy(
    statement: Statement, load: pl.DataFrame, restated: Callable[..., Statement]
) -> None:
    """Reductions of 40 with bands of 2, 5, 1 and 3 to either side, at 90 %."""
    assert statement.body.band is not None
    halves = (2.0, 5.0, 1.0, 3.0)
    band = replace(
        statement.body.band,
        interval_lower_kwh=tuple(40 - half for half in halves),
        interval_upper_kwh=tuple(40 + half for half in halves),
    )

    report = openadr_report(restated(band=band), load, TO)

    assert values(report, "DELTA_USAGE_LOWER") == [-42.0, -45.0, -41.0, -43.0]
    assert values(report, "DELTA_USAGE_UPPER") == [-38.0, -35.0, -39.0, -37.0]
    assert sure(report) == {"BASELINE": (5.0, 90), "DELTA_USAGE": (5.0, 90)}


def test_without_a_band_nothing_is_said_of_accuracy(
    load: pl.DataFrame, restated: Callable[..., Statement]
) -> None:
    report = openadr_report(restated(band=None), load, TO)

    assert sure(report) == {}
    assert values(report, "DELTA_USAGE_LOWER") == []


def test_quality_is_that_of_the_readings_of_the_interval(
    statement: Statement, load: pl.DataFrame
) -> None:
    """The second hour is an estimate, the third not wholly covered, the fourth was not read."""
    at = [pl.col("interval_start_utc") == START_UTC + n * HOUR for n in range(4)]
    marked = load.with_columns(
        method=pl.when(at[1]).then(pl.lit("estimated")).otherwise("method"),
        coverage_ratio=pl.when(at[2]).then(0.9).otherwise("coverage_ratio"),
        energy_kwh=pl.when(at[3]).then(None).otherwise("energy_kwh"),
    )

    report = openadr_report(statement, marked, TO)

    assert values(report, "DATA_QUALITY") == ["OK", "ESTIMATED", "ESTIMATED", "MISSING"]
    assert (
        values(openadr_report(statement, load.filter(~at[0]), TO), "DATA_QUALITY")[0] == "MISSING"
    )


def test_energy_given_back_is_refused_as_usage_cannot_say_it(
    statement: Statement, load: pl.DataFrame, restated: Callable[..., Statement]
) -> None:
    first = statement.body.lines[0]
    given = replace(
        first, metered_kwh=-first.metered_kwh,
        reduction_kwh=first.adjusted_baseline_kwh + first.metered_kwh,
    )  # fmt: skip

    with pytest.raises(DataRefusedError, match="USAGE"):
        openadr_report(restated(lines=(given, *statement.body.lines[1:])), load, TO)
    with pytest.raises(DataRefusedError, match="settled intervals"):
        openadr_report(restated(lines=()), load, TO)


def test_a_version_that_voids_its_statement_has_no_figure_to_send(
    statement: Statement, load: pl.DataFrame
) -> None:
    with pytest.raises(DataRefusedError, match="a version that voids it"):
        openadr_report(replace(statement, stage=Stage.VOID), load, TO)


@pytest.mark.parametrize("option", [["--vtn-event", "o-7"], ["--vtn-interval", "2"]])
def test_the_vtns_event_and_its_interval_are_named_together(
    settled: Layout, option: list[str]
) -> None:
    command = ["export-openadr", "e1", "-w", str(settled.root), "--as", "ven-1", *option]

    with pytest.raises(ConfigurationError, match="--vtn-interval"):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_the_command_writes_the_interval_that_it_was_told(settled: Layout, tmp_path: Path) -> None:
    command = ["export-openadr", "e1", "-w", str(settled.root), "--as", "ven-1", "--vtn-event"]
    out = tmp_path / "report.json"

    CliRunner().invoke(app, [*command, "o-7", "--vtn-interval", "2", "--out", str(out)])

    (resource,) = json.loads(out.read_text())["resources"]
    assert [one["id"] for one in resource["intervals"]] == [2] * 4


def test_a_dry_run_neither_writes_nor_sends(settled: Layout, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = ["export-openadr", "e1", "-w", str(settled.root), "--as", "ven-1", "--dry-run"]

    said = CliRunner().invoke(
        app, [*command, "--vtn-event", "o-7", "--vtn-interval", "2", "--out", str(out)]
    )

    assert "would be in" in said.output
    assert not out.exists()


def test_an_event_that_came_from_no_vtn_needs_the_vtns_id(layout: Layout) -> None:
    with pytest.raises(DataRefusedError, match="--vtn-event"):
        asked_by(layout, EVENT)


def test_an_event_is_traced_to_the_vtns_id_by_the_message_that_it_cites(layout: Layout) -> None:
    event = heard(layout)

    assert asked_by(layout, event) == ("o-7", 2)


def heard(layout: Layout) -> Any:  # noqa: ANN401 - an event
    """Let an event be there as the listener leaves it: its row, and the message that it cites."""
    event = replace(EVENT, event_id="o-7.2", revision=1)
    row = dict.fromkeys(schema("raw_grid__events")) | {
        "event_id": "o-7.2", "revision": 1, "site_id": "s1", "program_id": EVENT.program_id,
        "event_start_utc": EVENT.interval.start_utc, "event_end_utc": EVENT.interval.end_utc,
        "ramp_minutes": 0.0, "event_kind": "economic", "cancelled": False,
        "event_source": f"openadr 3.1 message sha256 {'a' * 64}",
        "available_at_utc": EVENT.interval.start_utc - HOUR,
    }  # fmt: skip
    told = dict.fromkeys(schema("raw_grid__messages")) | {
        "message_sha256": "a" * 64, "message_topic": "openadr/event/o-7", "message_id": "o-7",
        "message_outcome": "accepted", "message_text": "{}", "message_byte_count": 2,
        "available_at_utc": EVENT.interval.start_utc - HOUR,
    }  # fmt: skip
    for name, values in (("raw_grid__events", row), ("raw_grid__messages", told)):
        seal_rows(layout, name, "s1", "hand", pl.DataFrame([values], schema=schema(name)))
    return event


@pytest.fixture
def spec_path(shared_data: Path) -> Path:
    return shared_data.parent / "specs" / "openadr3_3.1.1.yaml"


@pytest.fixture
def vtn(spec_path: Path) -> Iterator[LoopbackVtn]:
    with loopback_vtn(spec_path) as one:
        yield one
    assert one.violations == []


@pytest.mark.shared
def test_a_report_is_one_of_the_document(
    spec_path: Path, statement: Statement, load: pl.DataFrame
) -> None:
    report = openadr_report(statement, load, TO)
    spec = Spec(spec_path)

    assert spec.of("reportRequest", report) == []
    assert spec.of("reportRequest", report | {"eventID": "o 7"}) != []


@pytest.mark.slow
@pytest.mark.shared
def test_the_command_sends_a_report_and_the_next_one_takes_its_place(
    tmp_path: Path, settled: Layout, vtn: LoopbackVtn
) -> None:
    (tmp_path / "secret").write_text(CLIENT[1])
    (tmp_path / "openadr.toml").write_text(
        f'site_id = "s1"\nroot = "."\n[vtn]\nurl = "{vtn.url}"\nclient_name = "ven-1"\n'
        f'[vtn.oauth]\nclient_id = "{CLIENT[0]}"\nclient_secret_file = "secret"\n'
        '[[programs]]\nvtn_program_id = "44"\nprogram_id = "pjm_economic_3day"\n'
    )
    arguments = [
        "export-openadr",
        "e1",
        "-w",
        str(settled.root),
        "--vtn-event",
        "o-7",
        "--vtn-interval",
        "0",
    ]
    send = [*arguments, "--send", str(tmp_path / "openadr.toml"), "--json"]

    results = [CliRunner().invoke(app, send) for _ in range(2)]

    said = [json.loads(result.output) for result in results]
    ((report_id, report),) = vtn.objects["reports"].items()
    assert [one["report_id"] for one in said] == [report_id] * 2
    assert values(report, "DELTA_USAGE") == [-40.0] * 4
    assert json.loads(Path(said[0]["file"]).read_text())["eventID"] == "o-7"
    nameless = CliRunner().invoke(app, arguments)
    assert isinstance(nameless.exception, ConfigurationError)
    vtn.forced = 403
    denied = CliRunner().invoke(app, send)
    assert isinstance(denied.exception, DeviceMissingError)
    assert "403" in str(denied.exception)
