"""Damaged OpenADR 2.0b messages, through `openleadr`, as a program: its pins are not the lock's.

It takes a count and a seed as its arguments, damages as many messages, and prints how many had
which outcome; one that no parser takes is `refused`. Whatever is taken stands in the message. Run
with the folder of `requirements-openadr2.lock` on PYTHONPATH.
"""

import json
import logging
import random
import re
import sys
from collections import Counter
from decimal import Decimal

from lxml.etree import XMLSyntaxError
from openleadr.messaging import create_message, parse_message, validate_xml_schema

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.openadr.config_two_b import TwoBConfig
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.ven_two_b import message_of
from negawatt.collectors.openadr.xml_answers import refuse_document_type
from negawatt.collectors.raw_schema import GRID_EVENTS
from tests.collectors.openadr.vtn_two_b import event

PIECES = (
    "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "&lt;", "<a/>", "</", "<!-- -->", "<![CDATA[7]]>",
    "\0", "1e400", "-1", "PT0S", "P1M", "2126-07-01T21:00:00Z", "nan", "true", "٣",
    "SIMPLE", "delta", "M",
)  # fmt: skip
CONFIG = TwoBConfig.model_validate(
    {
        "site_id": "hall-1",
        "root": "tables",
        "vtn": {"url": "http://127.0.0.1", "ven_name": "v", "answer": "optOut"},
        "programs": [
            {
                "market_context": "http://utility.example/summer",
                "program_id": "p",
                "levels": {1: {"committed_kw": 500.0}},
            }
        ],
    }
)


def damaged(text: str, rng: random.Random) -> str:
    """Replace a text or attribute, or cut, double or change some characters."""
    kind = rng.randrange(8)
    if kind < 5:
        spots = [match.span(1) for match in re.finditer(r">([^<>]+)<", text)]
        first, last = rng.choice(spots)
        return text[:first] + rng.choice(PIECES) + text[last:]
    first = rng.randrange(len(text))
    last = first + rng.choice((1, 2, 8, 60))
    if kind == 5:
        return text[:first] + text[last:]
    return text[:first] + (rng.choice(PIECES) if kind == 6 else text[first:last]) + text[first:]


def outcome_of(text: str) -> str:
    """Take a message in as the listener does, and hold what was taken against its text."""
    content = text.encode("utf-8", "replace")
    try:
        refuse_document_type(content)
        validate_xml_schema(content)
        kind, payload = parse_message(content)
    except (ValueError, XMLSyntaxError, TypeError, KeyError, AttributeError):
        return "refused"  # the library catches whatever its parsing raises
    if kind != "oadrDistributeEvent" or "events" not in payload:
        return "refused"
    intake = Intake(CONFIG.terms(), Memory())
    (outcome,) = {intake.take(message_of(one, CONFIG, SystemClock())) for one in payload["events"]}
    plain = re.sub(r"<!--.*?-->|<!\[CDATA\[|\]\]>", "", text)  # a number may be written around them
    numbers = {Decimal(found) for found in re.findall(r"\d+(?:\.\d+)?", plain)}
    literals = {number * scale for number in numbers for scale in (1, 1000, Decimal("0.001"))}
    for row in intake.rows.get(GRID_EVENTS, []):
        if row[9] is not None and Decimal(str(row[9])) not in literals:
            raise ValueError(f"{row[9]} is no number of {text}")
    return outcome.value


def main(count: int, seed: int) -> None:
    logging.disable(logging.CRITICAL)
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    well = {"response_code": 200, "response_description": "OK", "request_id": "r1"}
    whole = create_message(
        "oadrDistributeEvent", vtn_id="VTN1", request_id="r1", response=well, events=[event("ev-1")]
    )
    counts = Counter({outcome_of(whole): 1})
    counts.update(outcome_of(damaged(whole, rng)) for _ in range(count))
    sys.stdout.write(json.dumps(counts))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
