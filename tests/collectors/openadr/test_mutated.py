"""Whatever a VTN says, it gets an outcome, and no value is taken that it did not say."""

from negawatt.collectors.message import Outcome
from negawatt.collectors.openadr.intake import EVENT
from negawatt.collectors.openadr.listen import event_topic
from tests.collectors.openadr.mutations import check


def test_an_id_that_no_text_can_hold_is_none() -> None:
    """Half of a surrogate pair: JSON may say it, UTF-8 cannot."""
    assert event_topic('{"id": "e-1"}') == f"{EVENT}e-1"
    assert event_topic('{"id": "\\ud800"}') == event_topic('{"id": 7}') == EVENT


def test_damaged_events_are_refused_or_taken_for_what_they_say() -> None:
    """The long form, 200,000 of them, is in benchmarks/soak."""
    counts = check(400)

    assert counts[Outcome.ACCEPTED] > 10
    assert counts[Outcome.NOT_UNDERSTOOD] > 100
    assert len(counts) > 4
