"""A facility's own messages in their own pace, 99 seconds of it, and 200,000 damaged messages.

At a share of the full length the pace is so much faster, and the messages so many fewer.
"""

from pathlib import Path

from tests.collectors.dsx import test_exemplar as exemplar
from tests.collectors.dsx import test_mutated as mutated
from tests.collectors.dsx.broker import needs_mosquitto

MESSAGES = 200_000
PER_NUMBER = 6  # messages that are made of one number


@needs_mosquitto
def test_every_message_comes_through_in_the_pace_of_the_facility(
    tmp_path: Path, shared_data: Path, soak_share: float
) -> None:
    exemplar.test_every_message_of_the_exemplar_is_accounted_for(
        tmp_path, shared_data, 1 / soak_share
    )


def test_no_damaged_message_ends_the_listener(tmp_path: Path, soak_share: float) -> None:
    count = max(100, round(MESSAGES * soak_share / PER_NUMBER))
    mutated.test_no_mutated_message_ends_the_listener_or_goes_without_an_outcome(tmp_path, count)
