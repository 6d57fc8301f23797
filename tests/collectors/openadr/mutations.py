"""Damaged events, the same in every run, and what must hold of what is taken from them."""

import json
import random
import re
from collections import Counter
from decimal import Decimal

from negawatt.collectors.message import Message, Outcome
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.listen import event_topic
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.raw_schema import GRID_EVENTS, MARKET_PRICES
from tests.collectors.openadr.vtn_events import NOW_UTC, event, interval, terms

PIECES = (
    "null", "1e999", "-0", "NaN", '"\\ud800"', "[]", "{}", "9" * 400, "9" * 5000, "true", '""',
    "-1", "1e308", '"0001-01-01"', '"9999-12-31T23:59:59-14:00"', '"2026-07-01T20:00:00"', "\\",
    '"', "\0", "[" * 500, "[" * 100_000, '"P9999Y"', '"PT0S"', '"P99999999D"', "0.1", "7", "1e-9",
    "12.75", "1000", "0", "2", '"PT2H"', '"P1D"', '"2026-07-02T01:30:00+02:00"', '"KW"', '"PRICE"',
    '"SIMPLE"', '"DISPATCH_SETPOINT"', '{"start": "2026-07-01T22:00:00Z", "duration": "PT30M"}',
)  # fmt: skip
"""What takes the place of a part."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
VALUE = re.compile(r'[:\[] ("[^"]*"|-?\d[\d.]*|\{[^{}]*\}|\[[^\[\]]*\])|(?<=\[)(-?[\d.]+)(?=\])')
SEEDS = tuple(
    json.dumps(one)
    for one in (
        event(interval(0, "IMPORT_CAPACITY_LIMIT", 731.25), interval(1, "DISPATCH_SETPOINT", 0)),
        event(interval(0, "PRICE", 0.17), interval(1, "PRICE", -3, duration="PT15M")),
        event(interval(0, "SIMPLE", 2, start="2026-07-01T23:00:00Z"), targets=["hall-1"]),
    )
)


def mutated(text: str, rng: random.Random) -> str:
    """Replace a value, or cut, double or change some characters."""
    kind = rng.choice((0, 0, 0, 0, 0, 1, 2, 3, 4))
    first, last = sorted(rng.sample(range(len(text) + 1), 2))
    if kind == 0:
        spots = [found.span(found.lastindex or 0) for found in VALUE.finditer(text)]
        first, last = rng.choice(spots)
        return text[:first] + rng.choice(PIECES) + text[last:]
    if kind == 1:
        return text[:first] + text[last:]
    if kind == 2:
        return text[:last] + text[first:]
    near = first + rng.randrange(1, 6)
    if kind == 3:
        return text[:first] + rng.choice(PIECES) + text[near:]
    return text[:first] + chr(rng.randrange(1, 0x3000)) + text[first + 1 :]


def check(count: int, seed: int = 20) -> Counter[Outcome]:
    """Take damaged events in, and hold what they became against their literals.

    Raises:
        AssertionError: A message had no outcome, or a value taken from it is no number of its text.
    """
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    counts = Counter[Outcome]()
    for _ in range(count):
        text = mutated(rng.choice(SEEDS), rng)
        payload = text.encode("utf-8", "replace")
        one = Intake(terms(), Memory())
        outcome = one.take(Message(event_topic(text), payload, NOW_UTC, len(payload)))
        counts[outcome] += 1
        literals = {Decimal(found) for found in NUMBER.findall(text)}
        for row in one.rows.get(GRID_EVENTS, []):
            assert row[4] < row[5], text
            assert row[9] is None or Decimal(str(row[9])) in literals | {Decimal(0)}, text
            assert row[7] in {None, 500.0}, text
            assert row[8] in {None, 0.25}, text
        for row in one.rows.get(MARKET_PRICES, []):
            assert row[3] in literals, text
        assert outcome == Outcome.ACCEPTED or not one.rows.keys() & {GRID_EVENTS, MARKET_PRICES}
    return counts
