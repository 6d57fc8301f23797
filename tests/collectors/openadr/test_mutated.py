"""Whatever a VTN says, it gets an outcome, and no value is taken that it did not say."""

from negawatt.collectors.dsx.message import Outcome
from tests.collectors.openadr.mutations import check


def test_damaged_events_are_refused_or_taken_for_what_they_say() -> None:
    """The long form, 200,000 of them, is in benchmarks/soak."""
    counts = check(400)

    assert counts[Outcome.ACCEPTED] > 10
    assert counts[Outcome.NOT_UNDERSTOOD] > 100
    assert len(counts) > 4
