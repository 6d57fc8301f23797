"""What events of a VTN become: rows, revisions, and reasons where they are refused."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.message import Outcome
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.translate import ProgramTerms
from negawatt.collectors.raw_schema import (
    GRID_EVENTS,
    GRID_MESSAGES,
    GRID_STRESS,
    MARKET_PRICES,
)
from tests.collectors.openadr.vtn_events import (
    NOW_UTC,
    START_UTC,
    descriptor,
    event,
    gone,
    interval,
    message,
    opened,
    terms,
    values,
)

LIMIT = "IMPORT_CAPACITY_LIMIT"
AN_HOUR = timedelta(hours=1)
ID, REVISION, START, END, COMMITTED, RATIO, LIMIT_KW, CANCELLED = 0, 1, 4, 5, 7, 8, 9, 12


def intake(**programs: ProgramTerms) -> Intake:
    return Intake(terms(programs), Memory())


def rows(one: Intake, *columns: int) -> list[tuple[Any, ...]]:
    return values(one.rows.get(GRID_EVENTS, []), *columns)


def test_each_interval_is_an_event_of_its_own_with_its_limit() -> None:
    """Two intervals of an hour from 21:00: 10 kW, then 8 kW."""
    one = intake()

    outcome = one.take(message(event(interval(0, LIMIT, 10.0), interval(1, LIMIT, 8))))

    assert outcome == Outcome.ACCEPTED
    assert rows(one, ID, REVISION, START, END, LIMIT_KW) == [
        ("e-1.0", 1, START_UTC, START_UTC + AN_HOUR, 10.0),
        ("e-1.1", 1, START_UTC + AN_HOUR, START_UTC + 2 * AN_HOUR, 8.0),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("IMPORT_CAPACITY_LIMIT", 0, (None, None, 0.0)),
        ("DISPATCH_SETPOINT", 0.5, (None, None, 0.5)),
        ("SIMPLE", 1, (None, 0.25, None)),
        ("SIMPLE", 2, (500.0, None, None)),
    ],
)
def test_a_payload_becomes_what_the_program_says_it_asks_for(
    kind: str, value: float, found: tuple[float | None, ...]
) -> None:
    one = intake()

    one.take(message(event(interval(0, kind, value))))

    assert rows(one, COMMITTED, RATIO, LIMIT_KW) == [found]


def test_a_relative_set_point_is_a_reduction_only_where_the_program_says_so() -> None:
    told = message(event(interval(0, "DISPATCH_SETPOINT_RELATIVE", 120)))
    says_so = ProgramTerms(program_id="p", relative_is_reduction=True)

    silent, one = intake(), Intake(terms({"44": says_so}), Memory())

    assert silent.take(told) == Outcome.LEVEL_UNKNOWN
    assert one.take(told) == Outcome.ACCEPTED
    assert rows(one, COMMITTED) == [(120.0,)]


def test_an_interval_may_have_a_duration_of_its_own_and_the_next_one_follows_it() -> None:
    """Hours of 1, 2 and 1: from 21:00, 22:00 and 00:00."""
    one = intake()

    one.take(
        message(
            event(
                interval(0, LIMIT, 5), interval(7, LIMIT, 4, duration="PT2H"), interval(3, LIMIT, 3)
            )
        )
    )

    assert rows(one, ID, START) == [
        ("e-1.0", START_UTC),
        ("e-1.7", START_UTC + AN_HOUR),
        ("e-1.3", START_UTC + 3 * AN_HOUR),
    ]


def test_an_update_revises_only_what_it_changes() -> None:
    one = intake()
    one.take(message(event(interval(0, LIMIT, 10), interval(1, LIMIT, 8))))

    one.take(message(event(interval(0, LIMIT, 10), interval(1, LIMIT, 7), modified=1)))

    assert rows(one, ID, REVISION, LIMIT_KW)[2:] == [("e-1.1", 2, 7.0)]


@pytest.mark.parametrize(
    ("received_utc", "expected"),
    [
        (START_UTC - AN_HOUR, [("e-1.0", 2, START_UTC + AN_HOUR, True)]),
        (START_UTC + AN_HOUR / 4, [("e-1.0", 2, START_UTC + AN_HOUR / 4, False)]),
        (START_UTC + 2 * AN_HOUR, []),
    ],
)
def test_an_event_that_is_gone_is_cancelled_before_ended_within_and_left_behind_its_window(
    received_utc: datetime, expected: list[tuple[Any, ...]]
) -> None:
    one = intake()
    one.take(message(event(interval(0, LIMIT, 10))))

    one.take(gone(received_utc=received_utc))

    assert rows(one, ID, REVISION, END, CANCELLED)[1:] == expected


def test_an_interval_left_out_or_set_to_level_0_is_withdrawn() -> None:
    one = intake()
    one.take(message(event(interval(0, "SIMPLE", 1), interval(1, "SIMPLE", 1))))

    one.take(message(event(interval(0, "SIMPLE", 0), modified=1)))

    assert rows(one, ID, REVISION, CANCELLED)[2:] == [("e-1.0", 2, True), ("e-1.1", 2, True)]


def test_what_was_gone_and_is_there_again_holds_again() -> None:
    told = message(event(interval(0, LIMIT, 10)))
    one = intake()
    one.take(told)
    one.take(gone())

    assert one.is_new(told)
    one.take(told)

    assert rows(one, REVISION, CANCELLED) == [(1, False), (2, True), (3, False)]


def test_an_event_without_an_end_is_none_until_the_vtn_ends_it() -> None:
    endless = {"start": "2026-07-01T21:00:00Z", "duration": "P9999Y"}
    one = intake()
    one.take(message(event(interval(0, LIMIT, 10), intervalPeriod=endless)))
    before = rows(one, ID)

    one.take(gone(received_utc=START_UTC + 3 * AN_HOUR))

    assert before == []
    assert rows(one, REVISION, START, END) == [(2, START_UTC, START_UTC + 3 * AN_HOUR)]


def test_a_start_of_now_is_when_the_vtn_changed_the_event() -> None:
    one = intake()
    period = {"start": "0001-01-01", "duration": "PT1H"}

    one.take(
        message(event(interval(0, LIMIT, 1), intervalPeriod=period), NOW_UTC + timedelta(seconds=9))
    )

    assert rows(one, START) == [(NOW_UTC,)]


def test_prices_keep_every_digit_with_currency_and_unit() -> None:
    one = intake()
    told = json.dumps(event(interval(0, "PRICE", 0.17))).replace("0.17", "0.170000000001")

    one.take(message(told))

    (row,) = one.rows[MARKET_PRICES]
    assert row[:6] == (
        "utility-dynamic", START_UTC, START_UTC + AN_HOUR, Decimal("0.170000000001"), "USD", "kWh",
    )  # fmt: skip
    assert GRID_EVENTS not in one.rows


@pytest.mark.parametrize("text", ["0", "0.00", "-0.0", "0e300"])
def test_a_price_of_nothing_is_sealed_and_remembered_by_the_next_run(
    tmp_path: Path, text: str
) -> None:
    told = json.dumps(event(interval(0, "PRICE", 0.17))).replace("0.17", text)
    opened(tmp_path).keep([message(told)])

    for _ in range(2):  # from the log, and from what was saved
        store = opened(tmp_path)

        (quote,) = store.intake.memory.known["e-1"].quotes
        assert quote.amount == 0
    (sealed,) = tmp_path.rglob("raw_market__prices/**/*.parquet")
    assert pq.read_table(sealed, columns=["price_amount"]).to_pylist() == [{"price_amount": 0}]


def test_an_alert_of_the_grid_is_a_level_of_stress_where_a_series_is_named() -> None:
    told = message(event(interval(0, "ALERT_FLEX_ALERT", "save energy from 2 to 3")))
    one, silent = intake(), intake(**{"44": ProgramTerms(program_id="p")})

    assert one.take(told) == Outcome.ACCEPTED
    assert one.rows[GRID_STRESS] == [
        (
            "utility-alerts", START_UTC, START_UTC + AN_HOUR, None, None, "ALERT_FLEX_ALERT",
            NOW_UTC,
        )
    ]  # fmt: skip
    assert silent.take(told) == Outcome.PAYLOAD_UNKNOWN


def test_a_price_that_an_event_says_no_more_is_not_known_unless_its_interval_had_begun() -> None:
    """Of two hours from 21:00 the second is left out at 20:00:05; the event is gone at 21:30."""
    one = intake()
    one.take(message(event(interval(0, "PRICE", 0.1), interval(1, "PRICE", 0.2))))
    one.take(message(event(interval(0, "PRICE", 0.1), modified=5), NOW_UTC + timedelta(seconds=6)))
    one.take(gone(received_utc=START_UTC + 0.5 * AN_HOUR))

    assert values(one.rows[MARKET_PRICES], 1, 3) == [
        (START_UTC, Decimal("0.1")),
        (START_UTC + AN_HOUR, Decimal("0.2")),
        (START_UTC + AN_HOUR, None),
    ]


def test_an_alert_that_is_gone_ends_or_is_not_known() -> None:
    at_utc = START_UTC + 0.5 * AN_HOUR
    one = intake()
    told = (interval(0, "ALERT_FLEX_ALERT", "a"), interval(1, "ALERT_FLEX_ALERT", "b"))
    one.take(message(event(*told)))
    one.take(gone(received_utc=at_utc))

    assert values(one.rows[GRID_STRESS][2:], 1, 2, 5) == [
        (START_UTC, at_utc, "ALERT_FLEX_ALERT"),
        (START_UTC + AN_HOUR, START_UTC + 2 * AN_HOUR, None),
    ]


def test_where_another_event_says_a_price_of_the_same_interval_that_one_counts() -> None:
    """Also where both come at one moment: no interval has two versions of one time."""
    one = intake()
    one.take(message(event(interval(0, "PRICE", 0.1))))
    one.take(message(event(interval(0, "PRICE", 0.2), vtn_id="e-2")))
    one.take(gone())

    assert values(one.rows[MARKET_PRICES], 1, 3) == [(START_UTC, Decimal("0.2"))]

    one.take(gone("e-2", NOW_UTC + 0.5 * AN_HOUR))

    assert values(one.rows[MARKET_PRICES], 1, 3) == [
        (START_UTC, Decimal("0.2")),
        (START_UTC, None),
    ]


def test_an_event_of_prices_holds_until_its_last_interval_is_over_and_is_remembered() -> None:
    one = intake()
    one.take(message(event(interval(0, "PRICE", 0.17), interval(1, "ALERT_FLEX_ALERT", "a"))))
    (known,) = one.memory.known.values()

    assert known.holds_after(START_UTC + 1.5 * AN_HOUR)
    assert not known.holds_after(START_UTC + 2 * AN_HOUR)
    assert Memory.of_json(json.loads(json.dumps(one.memory.to_json()))) == one.memory


def test_prices_that_are_long_over_are_remembered_no_more() -> None:
    """Hours from 21:00 and from 22:00: a day behind 22:00 the first is let go of."""
    one = intake()
    one.take(message(event(interval(0, "PRICE", 0.1), interval(1, "PRICE", 0.2))))

    one.remembered(START_UTC + timedelta(hours=25))

    (known,) = one.memory.known.values()
    assert [quote.start_utc for quote in known.quotes] == [START_UTC + AN_HOUR]


def test_an_event_for_other_loads_is_not_ours_and_one_that_became_theirs_is_withdrawn() -> None:
    one = intake(**{"44": ProgramTerms(program_id="p", targets=frozenset({"hall-1"}))})
    told = [
        event(interval(0, LIMIT, 10), vtn_id="theirs", targets=["hall-2"]),
        event(interval(0, LIMIT, 10), vtn_id="all", targets=None),
        event(interval(0, LIMIT, 10), targets=["hall-2", "hall-1"]),
        event(interval(0, LIMIT, 10), targets=["hall-2"], modified=5),
    ]

    outcomes = [one.take(message(each)) for each in told]

    assert outcomes == [Outcome.NOT_TAKEN, *[Outcome.ACCEPTED] * 3]
    assert rows(one, ID, REVISION, CANCELLED) == [
        ("all.0", 1, False),
        ("e-1.0", 1, False),
        ("e-1.0", 2, True),
    ]


def test_the_same_message_is_new_once_and_kept_with_its_outcome() -> None:
    told, foreign = message(event(interval(0, LIMIT, 10))), event(vtn_id="x", programID="9")
    one = intake()

    for each in (told, message(foreign)):
        assert one.is_new(each)
        one.take(each)
        assert not one.is_new(each)

    ((sha256, topic, *_, source, outcome, _, _, _, text, count, at_utc),) = one.rows[GRID_MESSAGES]
    assert (sha256, topic, outcome) == (told.sha256, "openadr/event/e-1", "accepted")
    assert (text.encode(), count, at_utc) == (told.payload, told.byte_count, NOW_UTC)
    assert source == "https://vtn.example/openadr3"
    assert rows(one, 13) == [(f"openadr 3.1 message sha256 {told.sha256}",)]


def test_older_or_other_content_of_the_same_change_is_refused() -> None:
    one = intake()
    one.take(message(event(interval(0, LIMIT, 10), modified=5)))

    older = one.take(message(event(interval(0, LIMIT, 9), modified=4)))
    other = one.take(message(event(interval(0, LIMIT, 9), modified=5)))

    assert (older, other) == (Outcome.OUTDATED, Outcome.CONTRADICTORY)
    assert len(rows(one, ID)) == 1


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (event(interval(0, "SIMPLE", 3)), Outcome.LEVEL_UNKNOWN),
        (event(interval(0, LIMIT, 1, 2)), Outcome.MANY_VALUES),
        (event(interval(0, LIMIT, -1)), Outcome.NO_LOAD),
        (event(interval(0, LIMIT, "1")), Outcome.NO_NUMBER),
        (event(interval(0, LIMIT, *[True])), Outcome.NO_NUMBER),
        (event(interval(0, LIMIT, 1), payloadDescriptors=None), Outcome.UNIT_UNKNOWN),
        (
            event(interval(0, LIMIT, 1), payloadDescriptors=[descriptor(LIMIT) | {"units": "KVA"}]),
            Outcome.UNIT_UNKNOWN,
        ),
        (event(interval(0, LIMIT, 1), interval(0, LIMIT, 1)), Outcome.CONTRADICTORY),
        (event(interval(0, LIMIT, 1), duration="PT3H"), Outcome.TIME_UNKNOWN),
        (event(interval(0, LIMIT, 1), intervalPeriod=None), Outcome.TIME_UNKNOWN),
        (event(interval(0, LIMIT, 1, duration="PT0H")), Outcome.TIME_UNKNOWN),
        (event(interval(0, LIMIT, 1, randomizeStart="PT5M")), Outcome.TIME_UNKNOWN),
        (event(interval(0, LIMIT, 1, duration="P1M")), Outcome.NOT_UNDERSTOOD),
        (event(interval(0, LIMIT, 1, start="2026-07-01T21:00:00")), Outcome.NOT_UNDERSTOOD),
        (event(interval(0, "ALERT_TSUNAMI", "now")), Outcome.PAYLOAD_UNKNOWN),
        (event(interval(0, "LOAD_DISPATCH", 1)), Outcome.PAYLOAD_UNKNOWN),
        (event(interval(0, "PRICE", 1), payloadDescriptors=[]), Outcome.UNIT_UNKNOWN),
        (event(interval(0, LIMIT, 1), vtn_id="e" * 70), Outcome.NOT_UNDERSTOOD),
        (event(interval(0, LIMIT, 1), vtn_id="../e"), Outcome.NOT_UNDERSTOOD),
        (event(interval(0, LIMIT, 1), priority=-1), Outcome.NOT_UNDERSTOOD),
    ],
)
def test_what_cannot_be_known_is_refused_and_kept(told: dict[str, Any], outcome: Outcome) -> None:
    one = intake()

    assert one.take(message(told)) == outcome
    assert [row[5] for row in one.rows[GRID_MESSAGES]] == [outcome.value]
    assert set(one.rows) == {GRID_MESSAGES}


def test_an_oversized_message_is_not_read() -> None:
    one = Intake(terms(max_message_bytes=100), Memory())

    assert one.take(message(event(interval(0, LIMIT, 1)))) == Outcome.OVERSIZED


def test_memory_saved_and_read_again_is_the_same() -> None:
    one = intake()
    one.take(message(event(interval(0, LIMIT, 10), interval(1, LIMIT, 8))))
    saved = json.loads(json.dumps(one.memory.to_json()))

    assert Memory.of_json(saved) == one.memory
    assert one.memory.known["e-1"].holds_after(START_UTC)
    assert not one.memory.known["e-1"].holds_after(datetime(2026, 7, 2, tzinfo=UTC))
