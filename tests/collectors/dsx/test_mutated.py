"""Whatever comes, the listener goes on: a message that ended it would come again for ever."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from negawatt.collectors.message import Message, Outcome
from tests.collectors.dsx.senders import (
    AGENT,
    ISV,
    NOW_UTC,
    Sender,
    load_target,
    opened,
    power_state,
    terms,
)

POWER = "PowerMeter/ActivePower/hall/bus-1"
META = {"objectType": "PowerMeter", "pointType": "ActivePower", "engUnit": "kW", "objectId": "B"}
PIECES = (
    "null", "1e999", "-0", "NaN", '"\\ud800"', "[]", "{}", "9" * 400, "true", '""', "-1", "1e308",
    '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"2026-07-01T20:00:00"', "\\",
    '"', "\0", "[" * 500,
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """Replace a value of JSON, or cut, double or flip some characters."""
    kind = rng.randrange(4)
    first, last = sorted(rng.sample(range(len(text) + 1), 2))
    if kind == 0:
        return text[:first] + rng.choice(PIECES) + text[last:]
    if kind == 1:
        values = json.loads(text)
        names = list(values)
        found = json.dumps(values | {rng.choice(names): "?"})
        return found.replace('"?"', rng.choice(PIECES), 1)
    if kind == 2:
        return text[:first] + text[last:]
    return text[:first] + chr(rng.randrange(1, 300)) + text[first + 1 :]


@pytest.mark.parametrize("count", [80, pytest.param(4_000, marks=pytest.mark.slow)])
def test_no_mutated_message_ends_the_listener_or_goes_without_an_outcome(
    tmp_path: Path, count: int
) -> None:
    """Contents are mutated before they are signed, so that the signature holds."""
    rng = random.Random(17)  # noqa: S311 - the same in every run
    isv, agent = Sender(ISV, "isv-1"), Sender(AGENT, "agent-1")
    store = opened(tmp_path, terms(isv, agent))
    value = json.dumps({"value": 1.5, "timestamp": 1_790_000_000_000, "quality": 1})
    batch = [_bms("Metadata", json.dumps(META)), _bms("Value", value)]
    for number in range(count):
        batch.append(_bms("Value", mutated(value, rng)))
        batch.append(_bms("Metadata", mutated(json.dumps(META | {"servesId": ["T"]}), rng)))
        for sender, kind, content in (
            (isv, "grid.loadtarget.set.v1", load_target()),
            (agent, "grid.powerstate.status.v1", power_state()),
        ):
            token = sender.sign_text(mutated(json.dumps(content), rng))
            batch.append(sender.wrapped(sender.envelope(kind, token, number=2 * number + 1)))
            envelope = sender.envelope(kind, sender.sign(content), number=2 * number + 2)
            whole = sender.wrapped(envelope)
            payload = mutated(whole.payload.decode(), rng).encode("utf-8", "replace")
            batch.append(Message(whole.topic, payload, NOW_UTC, len(payload)))

    store.keep(batch)
    store.close()

    counts = store.intake.counts
    assert sum(counts.values()) == len(batch)
    assert counts[Outcome.NOT_UNDERSTOOD] > count
    assert counts[Outcome.ACCEPTED] > 0
    assert Counter(outcome.is_refusal for outcome in counts)[True] > 2


def _bms(kind: str, text: str) -> Message:
    payload = text.encode("utf-8", "replace")
    return Message(f"BMS/v1/PUB/{kind}/{POWER}", payload, NOW_UTC, len(payload))
