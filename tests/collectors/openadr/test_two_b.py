"""OpenADR 2.0b: its events in the form of 3.1, and a VEN and a VTN on loopback end to end."""

import copy
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
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
            event(signal("SIMPLE", "level", 1.0)) | {"active_period": {"tolerance": "PT5M"}},
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


@pytest.mark.slow
@pytest.mark.skipif(not OPENADR2.is_dir(), reason="needs openleadr, which `make check` installs")
def test_an_event_of_a_2_0b_vtn_is_answered_sealed_and_cancelled(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "openadr2.toml").write_text(
        f'site_id = "hall-1"\nroot = "tables"\n[vtn]\n'
        f'url = "http://127.0.0.1:{port}/OpenADR2/Simple/2.0b"\n'
        'ven_name = "ven-1"\nanswer = "optIn"\n'
        f'[[programs]]\nmarket_context = "{CONTEXT}"\nprogram_id = "pjm_economic_3day"\n'
        "[programs.levels]\n1 = { committed_kw = 500.0 }\n"
    )
    vtn_file = Path(__file__).parent / "vtn_two_b.py"
    command = (Path(sys.executable).parent / "negawatt", "listen", "openadr2")
    with program(vtn_file, port) as vtn:
        until(lambda: _answers(port), timeout_s=20)
        with program(*command, tmp_path / "openadr2.toml", "--json") as listener:
            until(lambda: len(rows(tmp_path)) == 1, timeout_s=30)
            assert vtn.stdin is not None
            assert vtn.stdout is not None
            answer = vtn.stdout.readline()
            while not answer.startswith("answer"):
                answer = vtn.stdout.readline()
            vtn.stdin.write("\n")
            vtn.stdin.flush()
            until(lambda: len(rows(tmp_path)) == 2, timeout_s=30)
            listener.terminate()
            out, err = listener.communicate(timeout=20)

    found = [(row["limit_kw"], row["committed_kw"], row["cancelled"]) for row in rows(tmp_path)]
    assert found == [(750.25, 500.0, False), (750.25, 500.0, True)]
    assert answer == "answer ev-1 optIn\n"
    assert listener.returncode == 0, err
    assert json.loads(out[out.index("{") :])["counts"] == {"accepted": 2}
    assert rows(tmp_path)[0]["event_start_utc"] == datetime(2126, 7, 1, 21, tzinfo=UTC)


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
