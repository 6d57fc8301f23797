"""200,000 damaged OpenADR events: each gets an outcome, and no value is taken that was not said."""

from negawatt.collectors.dsx.message import Outcome
from tests.collectors.openadr.mutations import check

EVENTS = 200_000


def test_every_value_taken_from_a_damaged_event_is_the_literal_in_it(soak_share: float) -> None:
    counts = check(round(EVENTS * soak_share))

    told = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.most_common())
    print(f"\n{sum(counts.values())} damaged events: {told}", end="")
    assert counts[Outcome.ACCEPTED] > 0
    assert len(counts) > 4
