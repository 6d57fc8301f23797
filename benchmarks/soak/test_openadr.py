"""200,000 damaged OpenADR events: each gets an outcome, and no value is taken that was not said.

As many damaged messages of 2.0b, which are XML, go through `openleadr` in a process of its own.
"""

import json
import os
import subprocess
import sys

from negawatt.collectors.message import Outcome
from tests.collectors.openadr.mutations import check
from tests.collectors.openadr.test_ven_two_b import OPENADR2, needs_openleadr
from tests.docs.console import ROOT

EVENTS = 200_000


def test_every_value_taken_from_a_damaged_event_is_the_literal_in_it(soak_share: float) -> None:
    counts = check(round(EVENTS * soak_share))

    told = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.most_common())
    print(f"\n{sum(counts.values())} damaged events: {told}", end="")
    assert counts[Outcome.ACCEPTED] > 0
    assert len(counts) > 4


@needs_openleadr
def test_no_damaged_message_of_2_0b_ends_the_process_or_is_read_for_what_it_is_not(
    soak_share: float,
) -> None:
    count = max(200, round(EVENTS * soak_share))
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "tests/collectors/openadr/mutate_two_b.py", str(count), "20"],
        env={**os.environ, "PYTHONPATH": f"{OPENADR2}:{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    counts = json.loads(ran.stdout)
    print(f"\n{count} damaged messages of 2.0b: {counts}", end="")
    assert sum(counts.values()) == count + 1
    assert counts["accepted"] > 1
