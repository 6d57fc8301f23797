"""Reads samples of OpenADR 2.0b with `openleadr`, as a program: its pins are not the lock's.

It takes a ZIP file as its argument and prints, for each sample below ``2.0b_spec`` that holds an
event, what became of it. Samples stand without the envelope that 2.0b has around each message. Run
with the folder of `requirements-openadr2.lock` on PYTHONPATH.
"""

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from openleadr.messaging import parse_message, validate_xml_schema

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.openadr.config_two_b import TwoBConfig
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.ven_two_b import message_of
from negawatt.collectors.openadr.xml_answers import refuse_document_type
from negawatt.collectors.raw_schema import GRID_EVENTS

NAMESPACE = "http://openadr.org/oadr-2.0b/2012/07"
START, END, COMMITTED = 4, 5, 7


def samples(path: str) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("2.0b_spec/"):
                text = re.sub(r"^\s*<\?xml.*?\?>", "", archive.read(name).decode())
                if "oadrPayload" not in text:
                    text = (
                        f'<p:oadrPayload xmlns:p="{NAMESPACE}"><p:oadrSignedObject>{text}'
                        "</p:oadrSignedObject></p:oadrPayload>"
                    )
                yield PurePath(name).stem, text


def outcome_of(event: dict[str, Any]) -> dict[str, object]:
    levels = {number: {"committed_kw": 100.0 * number} for number in (1, 2, 3)}
    market = {"market_context": event["event_descriptor"]["market_context"]}
    config = TwoBConfig.model_validate(
        {
            "site_id": "hall-1",
            "root": "tables",
            "vtn": {"url": "http://127.0.0.1", "ven_name": "v", "answer": "optOut"},
            "programs": [market | {"program_id": "p", "price_series": "s", "levels": levels}],
        }
    )
    intake = Intake(config.terms(), Memory())
    outcome = intake.take(message_of(event, config, SystemClock()))
    rows = intake.rows.get(GRID_EVENTS, [])
    asks = [[row[START].isoformat(), row[END].isoformat(), row[COMMITTED]] for row in rows]
    return {"outcome": outcome, "asks": asks}


found = {}
for sample, xml in samples(sys.argv[1]):
    if "oadrDistributeEvent" in xml:
        refuse_document_type(xml.encode())
        validate_xml_schema(xml)
        _, payload = parse_message(xml)
        (one,) = payload["events"]
        found[sample] = outcome_of(one)
sys.stdout.write(json.dumps(found))
