"""OpenADR 2.0b: its events in the form of 3.1, and a VEN and a VTN on loopback end to end."""

import copy
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.dsx.message import Outcome
from negawatt.collectors.openadr.config_two_b import TwoBConfig
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.translate import ProgramTerms
from negawatt.collectors.openadr.two_b import as_three
from negawatt.collectors.openadr.ven_two_b import message_of
from negawatt.collectors.raw_schema import GRID_EVENTS, MARKET_PRICES
from tests.collectors.openadr.test_listen import free_port, rows, until
from tests.collectors.openadr.vtn_events import NOW_UTC, START_UTC, message, terms

OPENADR2 = Path(sys.prefix) / "openadr2"
LISTEN = (Path(sys.executable).parent / "negawatt", "listen", "openadr2")
AN_HOUR = timedelta(hours=1)
CONTEXT = "http://utility.example/summer"


def signal(label: str, kind: str, value: float, **measurement: str) -> dict[str, Any]:
    interval = {"dtstart": START_UTC, "duration": AN_HOUR, "uid": 0, "signal_payload": value}
    return {
        "signal_name": label, "signal_type": kind, "intervals": [interval],
        "measurement": measurement or None,
    }  # fmt: skip


def event(*signals: dict[str, Any], number: int = 0, **about: object) -> dict[str, Any]:
    descriptor = {
        "event_id": "ev-1", "modification_number": number, "market_context": CONTEXT,
        "event_status": "far", "created_date_time": NOW_UTC, "modification_date_time": NOW_UTC,
        "test_event": False,
    } | about  # fmt: skip
    return {
        "event_descriptor": descriptor,
        "active_period": {"dtstart": START_UTC, "duration": AN_HOUR},
        "event_signals": list(signals),
    }


def taken(*events: dict[str, Any], **more: Any) -> tuple[list[Outcome], Intake]:  # noqa: ANN401 - of ProgramTerms
    program = ProgramTerms(program_id="p", levels={1: ("committed_kw", 500.0)}, **more)
    one = Intake(terms({"summer": program}), Memory())
    return [one.take(message(as_three(each, {CONTEXT: "summer"}))) for each in events], one


@pytest.mark.parametrize(
    ("scale", "value", "limit_kw"),
    [("none", 750_250.0, 750.25), ("k", 750.25, 750.25), ("M", 0.75, 750.0)],
)
def test_a_set_point_in_any_scale_is_a_limit_in_kilowatt(
    scale: str, value: float, limit_kw: float
) -> None:
    told = signal("LOAD_DISPATCH", "setpoint", value, name="powerReal", scale=scale)

    (outcome,), one = taken(event(told))

    assert outcome == Outcome.ACCEPTED
    assert [row[9] for row in one.rows[GRID_EVENTS]] == [limit_kw]


def test_signals_of_one_interval_are_one_event_and_a_cancelled_one_is_withdrawn() -> None:
    """The second version has the time of the first, and the next number."""
    signals = (
        signal("SIMPLE", "level", 1.0),
        signal("LOAD_DISPATCH", "setpoint", 750.0)
        | {"powerReal": {"item_units": "W", "si_scale_code": "k"}},
    )

    outcomes, one = taken(event(*signals), event(*signals, number=1, event_status="cancelled"))

    assert outcomes == [Outcome.ACCEPTED] * 2
    found = [(row[0], row[1], row[7], row[9], row[12]) for row in one.rows[GRID_EVENTS]]
    assert found == [("ev-1.0", 1, 500.0, 750.0, False), ("ev-1.0", 2, 500.0, 750.0, True)]


def test_a_price_has_its_currency_and_a_duration_of_zero_has_no_end() -> None:
    price = signal("ELECTRICITY_PRICE", "price", 0.17, name="currencyPerKWh", unit="USD")
    endless = signal("SIMPLE", "level", 1.0)
    endless["intervals"][0]["duration"] = timedelta(0)

    (priced,), one = taken(event(price), price_series="s")
    (open_ended,), other = taken(event(endless))

    assert (priced, open_ended) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert [row[4:6] for row in one.rows[MARKET_PRICES]] == [("USD", "kWh")]
    assert GRID_EVENTS not in other.rows


def test_intervals_without_a_start_follow_each_other_from_that_of_the_event() -> None:
    """As the profile has them: two of 15 and 45 minutes; beside a baseline one level deeper."""
    told = signal("SIMPLE", "level", 1.0)
    told["intervals"] = [
        {"duration": timedelta(minutes=minutes), "uid": number, "signal_payload": 1.0}
        for number, minutes in enumerate((15, 45))
    ]
    deeper = event(told) | {"event_signals": {"event_signals": [told], "event_baseline": {}}}

    for one in (event(told), deeper):
        (outcome,), intake = taken(one)

        assert outcome == Outcome.ACCEPTED
        starts = [row[4:6] for row in intake.rows[GRID_EVENTS]]
        assert starts == [
            (START_UTC, START_UTC + timedelta(minutes=15)),
            (START_UTC + timedelta(minutes=15), START_UTC + AN_HOUR),
        ]


def test_an_id_of_digits_is_text_and_another_kind_of_id_is_none() -> None:
    told = event(signal("SIMPLE", "level", 1.0))

    told["event_descriptor"]["event_id"] = 939393
    assert as_three(told, {CONTEXT: "summer"})["id"] == "939393"
    told["event_descriptor"]["event_id"] = 1.5
    with pytest.raises(TypeError, match="text"):
        as_three(told, {CONTEXT: "summer"})


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (event(signal("LOAD_CONTROL", "x-loadControlCapacity", 1.0)), Outcome.PAYLOAD_UNKNOWN),
        (event(signal("SIMPLE", "level", 1.0), test_event=True), Outcome.PAYLOAD_UNKNOWN),
        (event(signal("SIMPLE", "level", 2.0)), Outcome.LEVEL_UNKNOWN),
        (event(signal("LOAD_DISPATCH", "setpoint", 1.0)), Outcome.UNIT_UNKNOWN),
        (
            event(signal("LOAD_DISPATCH", "setpoint", 1.0, name="powerReactive", unit="VAR")),
            Outcome.UNIT_UNKNOWN,
        ),
        (
            event(signal("SIMPLE", "level", 1.0))
            | {"active_period": {"dtstart": START_UTC, "tolerance": "PT5M"}},
            Outcome.TIME_UNKNOWN,
        ),
        (event(signal("SIMPLE", "level", 1.0), market_context="http://x"), Outcome.NOT_TAKEN),
    ],
)
def test_what_is_not_known_is_refused(told: dict[str, Any], outcome: Outcome) -> None:
    (found,), one = taken(told)

    assert found == outcome
    assert GRID_EVENTS not in one.rows


@contextmanager
def program(*command: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside the lock of 2.0b."""
    with subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *map(str, command)], env={**os.environ, "PYTHONPATH": str(OPENADR2)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


needs_openleadr = pytest.mark.skipif(
    not OPENADR2.is_dir(), reason="needs openleadr, which `make check` installs"
)


def configured(folder: Path, port: int) -> Path:
    path = folder / "openadr2.toml"
    path.write_text(
        f'site_id = "hall-1"\nroot = "tables"\n[vtn]\n'
        f'url = "http://127.0.0.1:{port}/OpenADR2/Simple/2.0b"\n'
        'ven_name = "ven-1"\nanswer = "optIn"\n'
        f'[[programs]]\nmarket_context = "{CONTEXT}"\nprogram_id = "pjm_economic_3day"\n'
        "[programs.levels]\n1 = { committed_kw = 500.0 }\n"
    )
    return path


@pytest.mark.slow
@needs_openleadr
def test_an_event_of_a_2_0b_vtn_is_answered_sealed_and_cancelled_also_without_a_word(
    tmp_path: Path,
) -> None:
    """The first of two events is cancelled, and the second is only left out of the list."""
    port = free_port()
    with program(Path(__file__).parent / "vtn_two_b.py", port) as vtn:
        until(lambda: _answers(port), timeout_s=20)
        with program(*LISTEN, configured(tmp_path, port), "--json") as listener:
            until(lambda: len(rows(tmp_path)) == 2, timeout_s=30)
            assert vtn.stdin is not None
            assert vtn.stdout is not None
            answers = {_line_of_answer(vtn.stdout), _line_of_answer(vtn.stdout)}
            for count in (3, 4):
                vtn.stdin.write("\n")
                vtn.stdin.flush()
                until(lambda n=count: len(rows(tmp_path)) == n, timeout_s=30)  # type: ignore[misc]  # mypy takes the default for an argument
            listener.terminate()
            out, err = listener.communicate(timeout=20)

    found = sorted((row["event_id"], row["revision"], row["cancelled"]) for row in rows(tmp_path))
    assert found == [
        ("ev-1.0", 1, False), ("ev-1.0", 2, True), ("ev-2.0", 1, False), ("ev-2.0", 2, True),
    ]  # fmt: skip
    assert answers == {"answer ev-1 optIn\n", "answer ev-2 optIn\n"}
    assert listener.returncode == 0, err
    assert json.loads(out[out.index("{") :])["counts"] == {"accepted": 4}
    (first, *_) = rows(tmp_path)
    assert (first["limit_kw"], first["committed_kw"]) == (750.25, 500.0)
    assert first["event_start_utc"] == datetime(2126, 7, 1, 21, tzinfo=UTC)


def _line_of_answer(lines: Iterable[str]) -> str:
    return next(line for line in lines if line.startswith("answer"))


@pytest.mark.slow
@needs_openleadr
def test_entities_in_an_answer_are_refused_before_they_reach_a_parser_that_dies_of_them(
    tmp_path: Path,
) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'

    class Vtn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(laughs)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Vtn) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with program(*LISTEN, configured(tmp_path, server.server_port)) as listener:
            _, err = listener.communicate(timeout=30)
        server.shutdown()

    assert listener.returncode == 3, err
    assert "expected a registration" in err


@pytest.mark.slow
@pytest.mark.shared
@needs_openleadr
def test_each_published_sample_is_read_or_refused_for_its_reason(shared_data: Path) -> None:
    """19 of the 2.0b samples hold events, of one signal each with three intervals or with two.

    Three may start up to three minutes late, at the VEN's choice, so that nobody can say when.
    """
    samples = shared_data / "formats" / "openadr" / "openadr20_sample_xml.zip"
    with program(Path(__file__).parent / "read_two_b.py", samples) as reader:
        out, err = reader.communicate(timeout=30)

    assert reader.returncode == 0, err
    found = json.loads(out)
    assert len(found) == 19
    random = {"Sample_oadrDistributeEvent", "Sample_oadrDistributeEvent_W_Baseline",
              "Sample_oadrDistributeEvent_W_GML"}  # fmt: skip
    assert {name: one["outcome"] for name, one in found.items() if name in random} == dict.fromkeys(
        random, "time_unknown"
    )
    others = [one for name, one in found.items() if name not in random]
    assert {one["outcome"] for one in others} == {"accepted"}
    # Three minutes of levels 1, 1, 2 from 15:38:14, one after the other.
    assert found["sample_oadrPayload_20b"]["asks"] == [
        ["2013-06-12T15:38:14+00:00", "2013-06-12T15:39:14+00:00", 100.0],
        ["2013-06-12T15:39:14+00:00", "2013-06-12T15:40:14+00:00", 100.0],
        ["2013-06-12T15:40:14+00:00", "2013-06-12T15:41:14+00:00", 200.0],
    ]


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_whatever_takes_the_place_of_a_part_an_event_is_read_or_refused() -> None:
    """Each part of an event in turn is another thing, or is not there; the last one is whole."""
    junk: tuple[object, ...] = (
        None,
        "",
        "x",
        -1,
        1e400,
        [],
        {},
        {"a": []},
        float("nan"),
        True,
        10**400,
        "\ud800",
    )
    told = event(
        signal("SIMPLE", "level", 1.0),
        signal("LOAD_DISPATCH", "setpoint", 750.0, name="powerReal", scale="k"),
    )
    config = TwoBConfig.model_validate(
        {
            "site_id": "hall-1",
            "root": "tables",
            "vtn": {"url": "http://127.0.0.1", "ven_name": "v", "answer": "optOut"},
            "programs": [
                {
                    "market_context": CONTEXT,
                    "program_id": "p",
                    "levels": {1: {"committed_kw": 500.0}},
                }
            ],
        }
    )
    found = Counter[Outcome]()
    for path in [*parts(told), ()]:
        for other in (*junk, ...) if path else (...,):
            one = Intake(config.terms(), Memory())
            made = message_of(changed(told, path, other), config, SystemClock())
            found[one.take(made)] += 1

    assert found[Outcome.NOT_UNDERSTOOD] > 50
    assert found[Outcome.ACCEPTED] > 10
    assert sum(found.values()) > 300


def parts(told: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part below the top."""
    items = told.items() if isinstance(told, dict) else enumerate(told)  # type: ignore[arg-type]  # a dict or a list
    for key, one in items:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from parts(one, (*path, key))


def changed(told: dict[str, Any], path: tuple[Any, ...], other: object) -> dict[str, Any]:
    """Return a copy with another thing in one place; with ... nothing is there."""
    made = copy.deepcopy(told)
    place: Any = made
    for key in path[:-1]:
        place = place[key]
    if path and other is ...:
        del place[path[-1]]
    elif path:
        place[path[-1]] = other
    return made
