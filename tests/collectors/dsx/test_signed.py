"""Signed messages: what is taken, and each way in which one is not. All are kept as they came."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from negawatt.collectors.dsx.intake import Intake
from negawatt.collectors.dsx.memory import Memory
from negawatt.collectors.message import Message, Outcome
from negawatt.collectors.raw_schema import AGENT_STATES, GRID_EVENTS, GRID_MESSAGES
from tests.collectors.dsx.senders import (
    AGENT,
    INFRA,
    ISV,
    NOW_UTC,
    Sender,
    load_target,
    power_state,
    target,
    terms,
)

SET = "grid.loadtarget.set.v1"
_COLUMNS = {"outcome": 5, "key_id": 6, "jws": 7, "text": 9, "bytes": 10}
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def isv() -> Sender:
    return Sender(ISV, "isv-1")


@pytest.fixture(scope="module")
def agent() -> Sender:
    return Sender(AGENT, "agent-1")


@pytest.fixture
def intake(isv: Sender, agent: Sender) -> Intake:
    return Intake(terms(isv, agent), Memory())


def kept(intake: Intake) -> list[dict[str, Any]]:
    """Return what was kept of each message, the columns that these tests look at."""
    rows = intake.rows[GRID_MESSAGES]
    return [{name: row[at] for name, at in _COLUMNS.items()} for row in rows]


def test_a_load_target_whose_signature_holds_becomes_an_event_with_a_limit(
    intake: Intake, isv: Sender
) -> None:
    message = isv.message(SET, load_target(target(0.75, unit="megawatt")))

    outcome = intake.take(message)

    (event,) = intake.rows[GRID_EVENTS]
    assert outcome == Outcome.ACCEPTED
    assert event[9] == 750.0
    assert event[4:6] == (NOW_UTC + timedelta(hours=1), NOW_UTC + timedelta(hours=4))
    assert kept(intake) == [
        {
            "outcome": "accepted",
            "key_id": "isv-1",
            "jws": json.loads(message.payload)["data"],
            "text": message.payload.decode(),
            "bytes": len(message.payload),
        }
    ]


def test_a_target_that_lost_its_end_is_withdrawn_from_the_table_until_it_has_one_again(
    intake: Intake, isv: Sender
) -> None:
    """From 21:00 to the next one, which is moved from 23:00 to 20:30; then one at 22:00 comes."""
    hours, second = timedelta(hours=1), {"correlationid": str(UUID(int=2, version=4))}
    intake.take(isv.message(SET, load_target(target(100.0, end_utc=None))))
    for number, start_utc in ((2, NOW_UTC + 3 * hours), (3, NOW_UTC + 0.5 * hours)):
        moved = load_target(target(80.0, start_utc=start_utc, end_utc=None))
        intake.take(isv.message(SET, moved, number=number, **second))
    intake.take(
        isv.message(SET, load_target(target(60.0, start_utc=NOW_UTC + 2 * hours)), number=4)
    )

    rows = [row for row in intake.rows[GRID_EVENTS] if row[0] == intake.rows[GRID_EVENTS][0][0]]
    assert [(row[1], row[5], row[12]) for row in rows] == [
        (2, NOW_UTC + 3 * hours, False),
        (3, NOW_UTC + 3 * hours, True),
        (4, NOW_UTC + 2 * hours, False),
    ]


def test_rs256_is_taken_as_well_as_es256() -> None:
    sender = Sender(ISV, "isv-2", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    intake = Intake(terms(sender), Memory())

    assert intake.take(sender.message(SET, load_target())) == Outcome.ACCEPTED


def test_the_state_of_the_agent_is_kept_as_what_it_states(intake: Intake, agent: Sender) -> None:
    intake.take(agent.message("grid.powerstate.status.v1", power_state(compliant=False)))

    ((feed_tag, at_utc, compliant, load_w, limit_w, *_),) = intake.rows[AGENT_STATES]
    assert (feed_tag, at_utc, compliant) == ("main-a", NOW_UTC, False)
    assert (load_w, limit_w) == (740_000.0, 750_000.0)


def test_breach_and_enforcement_are_kept_as_evidence(intake: Intake, agent: Sender) -> None:
    infra = Sender(INFRA, "infra-1")
    both = Intake(terms(agent, infra), Memory())
    breach = {
        "feed_tag": "main-a",
        "status": "active",
        "severity": "warning",
        "breach": {
            "breach_id": "00000000-0000-4000-8000-000000000009",
            "detected_at": NOW_UTC.isoformat(),
        },
        "target": {},
        "measured_load": {"value": 800, "unit": "kilowatt"},
        "infrastructure_actions": [],
    }
    done = {
        "breach_id": "00000000-0000-4000-8000-000000000009",
        "feed_tag": "main-a",
        "action": "applied",
        "code": "success",
        "results": [],
        "timestamp": NOW_UTC.isoformat(),
    }

    outcomes = [
        both.take(agent.message("grid.powerbreach.alert.v1", breach)),
        both.take(infra.message("grid.powerbreach.enforcement.v1", done)),
        intake.take(infra.message("grid.powerbreach.enforcement.v1", done)),
    ]

    assert outcomes == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.UNKNOWN_KEY]
    assert [row["key_id"] for row in kept(both)] == ["agent-1", "infra-1"]


def _with_data(isv: Sender, data: str) -> Message:
    return isv.wrapped(isv.envelope(SET, data))


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _other_content(isv: Sender) -> Message:
    header, _, signature = isv.sign(load_target()).split(".")
    return _with_data(isv, f"{header}.{_encoded(load_target(target(9_000.0)))}.{signature}")


def _flipped_signature(isv: Sender) -> Message:
    token = isv.sign(load_target())
    return _with_data(isv, token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:])


def _no_algorithm(isv: Sender) -> Message:
    header = _encoded({"alg": "none", "kid": "isv-1"})
    return _with_data(isv, f"{header}.{_encoded(load_target())}.")


def _public_key_as_secret(isv: Sender) -> Message:
    """HS256 with the public key's bytes as the secret: what mixed up algorithms would accept."""
    import hashlib  # noqa: PLC0415 - beside its use
    import hmac  # noqa: PLC0415 - as above

    signed = f"{_encoded({'alg': 'HS256', 'kid': 'isv-1'})}.{_encoded(load_target())}"
    mac = hmac.digest(isv.public_pem, signed.encode(), hashlib.sha256)
    return _with_data(isv, f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def _unencoded_content(isv: Sender) -> Message:
    """RFC 7797: a header that says the content is not encoded, and one that must be understood."""
    header = _encoded({"alg": "ES256", "kid": "isv-1", "b64": False, "crit": ["b64"]})
    _, content, signature = isv.sign(load_target()).split(".")
    return _with_data(isv, f"{header}.{content}.{signature}")


def _stranger(_isv: Sender) -> Message:
    return Sender(ISV, "isv-unknown").message(SET, load_target())


def _stolen_name(_isv: Sender) -> Message:
    return Sender(ISV, "isv-1").message(SET, load_target())


def _agents_key(isv: Sender) -> Message:
    """Name the agent's key; it was made by another one."""
    return _with_data(isv, Sender(ISV, "agent-1").sign(load_target()))


def _expired_claim(isv: Sender) -> Message:
    return _with_data(isv, isv.sign(load_target() | {"exp": NOW_UTC.timestamp() - 1}))


def _expired_header(isv: Sender) -> Message:
    return _with_data(isv, isv.sign(load_target(), exp=NOW_UTC.timestamp() - 1))


def _of_long_ago(isv: Sender) -> Message:
    return isv.message(SET, load_target(), time=(NOW_UTC - timedelta(days=2)).isoformat())


def _for_long_ago(isv: Sender) -> Message:
    ended = target(750.0, start_utc=None, end_utc=NOW_UTC - timedelta(days=2))
    return isv.message(SET, load_target(ended))


def _of_tomorrow(isv: Sender) -> Message:
    return isv.message(SET, load_target(), time=(NOW_UTC + timedelta(days=1)).isoformat())


def _oversized(isv: Sender) -> Message:
    message = isv.message(SET, load_target())
    return replace(message, byte_count=1_000_000)


def _not_signed(isv: Sender) -> Message:
    return isv.wrapped(isv.envelope(SET, "") | {"data": load_target()})


def _other_topic(isv: Sender) -> Message:
    return replace(isv.message(SET, load_target()), topic="grid/v1/isv/else/loadtarget/set")


def _other_schema(isv: Sender) -> Message:
    return isv.message(SET, power_state())


def _ends_before_it_starts(isv: Sender) -> Message:
    return isv.message(SET, load_target(target(750.0, end_utc=NOW_UTC)))


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        (_other_content, Outcome.FORGED),
        (_flipped_signature, Outcome.FORGED),
        (_stolen_name, Outcome.FORGED),
        (_no_algorithm, Outcome.ALGORITHM_REFUSED),
        (_public_key_as_secret, Outcome.ALGORITHM_REFUSED),
        (_unencoded_content, Outcome.FORGED),
        (_stranger, Outcome.UNKNOWN_KEY),
        (_agents_key, Outcome.FORGED),
        (_expired_claim, Outcome.EXPIRED),
        (_expired_header, Outcome.EXPIRED),
        (_of_long_ago, Outcome.EXPIRED),
        (_for_long_ago, Outcome.EXPIRED),
        (_of_tomorrow, Outcome.FROM_THE_FUTURE),
        (_oversized, Outcome.OVERSIZED),
        (_not_signed, Outcome.NOT_UNDERSTOOD),
        (_other_topic, Outcome.NOT_UNDERSTOOD),
        (_other_schema, Outcome.NOT_UNDERSTOOD),
        (_ends_before_it_starts, Outcome.NOT_UNDERSTOOD),
    ],
)
def test_what_is_not_right_is_refused_and_kept_and_leads_to_nothing(
    make: Callable[[Sender], Message], outcome: Outcome, intake: Intake, isv: Sender
) -> None:
    message = make(isv)

    assert intake.take(message) == outcome
    assert [row["outcome"] for row in kept(intake)] == [outcome.value]
    assert kept(intake)[0]["text"] == message.payload.decode()
    assert kept(intake)[0]["key_id"] is None
    assert set(intake.rows) == {GRID_MESSAGES}
    assert intake.take(isv.message(SET, load_target(), number=99)) == Outcome.ACCEPTED


def test_a_key_speaks_for_its_own_source_only(isv: Sender, agent: Sender) -> None:
    intake = Intake(terms(isv, agent), Memory())
    signed_by_the_agent = isv.wrapped(isv.envelope(SET, agent.sign(load_target())))

    assert intake.take(signed_by_the_agent) == Outcome.WRONG_KEY


def test_a_message_that_comes_again_is_refused_under_its_own_id_and_under_a_new_one(
    intake: Intake, isv: Sender
) -> None:
    token = isv.sign(load_target())
    first = isv.wrapped(isv.envelope(SET, token, number=1))
    renamed = isv.wrapped(
        isv.envelope(SET, token, number=2, time=(NOW_UTC + timedelta(minutes=1)).isoformat())
    )
    same_id = isv.message(SET, load_target(target(1.0)), number=1)

    outcomes = [intake.take(message) for message in (first, first, renamed, same_id)]

    assert outcomes == [Outcome.ACCEPTED, *[Outcome.REPLAYED] * 3]
    assert [row["outcome"] for row in kept(intake)] == ["accepted", *["replayed"] * 3]
    assert len(intake.rows[GRID_EVENTS]) == 1


def test_a_second_signature_that_anyone_can_make_of_the_first_is_a_replay(
    intake: Intake, isv: Sender
) -> None:
    """ECDSA: where (r, s) holds, (r, n - s) holds too, n being the order of P-256."""
    token = isv.sign(load_target())
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    assert decode_dss_signature(encode_dss_signature(r, s)) == (r, s)
    twin = r.to_bytes(32, "big") + (_P256_ORDER - s).to_bytes(32, "big")
    other = f"{signed}.{base64.urlsafe_b64encode(twin).rstrip(b'=').decode()}"

    alone = Intake(terms(isv), Memory())
    assert alone.take(isv.wrapped(isv.envelope(SET, other))) == Outcome.ACCEPTED

    intake.take(isv.wrapped(isv.envelope(SET, token)))
    assert intake.take(isv.wrapped(isv.envelope(SET, other, number=2))) == Outcome.REPLAYED
