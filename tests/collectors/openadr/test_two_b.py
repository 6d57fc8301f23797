"""OpenADR 2.0b: its events in the form of 3.1, and a VEN and a VTN on loopback end to end."""

import copy
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.message import Outcome
from negawatt.collectors.openadr.config_two_b import TwoBConfig
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.translate import ProgramTerms
from negawatt.collectors.openadr.two_b import as_three, event_id
from negawatt.collectors.openadr.ven_two_b import message_of
from negawatt.collectors.raw_schema import GRID_EVENTS, MARKET_PRICES
from tests.collectors.openadr.vtn_events import NOW_UTC, START_UTC, gone, message, terms

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


def test_resources_and_groups_are_targets_and_the_ven_itself_is_none() -> None:
    told = event(signal("SIMPLE", "level", 1.0))
    told["targets"] = [{"ven_id": "v"}, {"resource_id": "hall-1"}, {"group_id": 7}]

    assert as_three(told, {CONTEXT: "summer"})["targets"] == ["hall-1", "7"]


def test_an_id_of_digits_is_text_and_another_kind_of_id_is_none() -> None:
    told = event(signal("SIMPLE", "level", 1.0))

    told["event_descriptor"]["event_id"] = 939393
    assert as_three(told, {CONTEXT: "summer"})["id"] == "939393"
    for other in (None, True, 1.5):
        told["event_descriptor"]["event_id"] = other
        assert event_id(told) == ""  # a list of events that holds such a one is read all the same
        assert taken(told)[0] == [Outcome.NOT_UNDERSTOOD]


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
    config = configured((CONTEXT, "p"))
    found = Counter[Outcome]()
    for path in [*parts(told), ()]:
        for other in (*junk, ...) if path else (...,):
            one = Intake(config.terms(), Memory())
            made = message_of(changed(told, path, other), config, SystemClock())
            found[one.take(made)] += 1

    assert found[Outcome.NOT_UNDERSTOOD] > 50
    assert found[Outcome.ACCEPTED] > 10
    assert sum(found.values()) > 300


def configured(*markets: tuple[str, str]) -> TwoBConfig:
    """Return a configuration with the program of each market context."""
    return TwoBConfig.model_validate(
        {
            "site_id": "hall-1",
            "root": "tables",
            "vtn": {"url": "http://127.0.0.1", "ven_name": "v", "answer": "optOut"},
            "programs": [
                {
                    "market_context": context,
                    "program_id": program_id,
                    "levels": {1: {"committed_kw": 500.0}},
                }
                for context, program_id in markets
            ],
        }
    )


def test_an_event_keeps_its_program_where_another_one_is_configured_before_it() -> None:
    before = configured((CONTEXT, "summer"))
    after = configured(("http://utility.example/winter", "winter"), (CONTEXT, "summer"))
    told = event(signal("SIMPLE", "level", 1.0))
    one = Intake(before.terms(), Memory())
    one.take(message_of(told, before, SystemClock()))

    other = Intake(after.terms(), Memory.of_json(one.memory.to_json()))
    is_new = other.is_new(message_of(told, after, SystemClock()))
    other.take(gone("ev-1"))

    assert not is_new
    found = [(row[0], row[1], row[3], row[12]) for row in other.rows[GRID_EVENTS]]
    assert found == [("ev-1.0", 2, "summer", True)]


def test_one_market_context_has_one_program() -> None:
    with pytest.raises(ValidationError, match="another market_context for each program"):
        configured((CONTEXT, "p"), (CONTEXT, "q"))


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
