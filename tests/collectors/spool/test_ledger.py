from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.sources.protocol import GapReason
from negawatt.collectors.spool.gaps import EVERY_GPU
from negawatt.collectors.spool.ledger import GapLedger

_START_UTC = datetime(2026, 7, 1, 23, 59, 55, tzinfo=UTC)


def _at(second: float) -> datetime:
    return _START_UTC + timedelta(seconds=second)


def _tick(
    ledger: GapLedger,
    second: int,
    received: tuple[str, ...] = (),
    *,
    missing: dict[str, GapReason] | None = None,
    reason: GapReason = GapReason.NOT_IN_ANSWER,
) -> None:
    ledger.tick(
        _at(second),
        received=dict.fromkeys(received, _at(second)),
        missing=missing or {},
        gap_reason=reason,
    )


def _gaps(ledger: GapLedger, second: int) -> list[tuple[object, ...]]:
    rows = ledger.take_gaps(_at(second), node_id="n", boot_id="b")
    return [
        (
            row["gpu_uuid"],
            (row["gap_start_utc"] - _START_UTC).total_seconds(),
            (row["gap_end_utc"] - _START_UTC).total_seconds(),
            row["expected_count"],
            row["gap_reason"],
        )
        for row in rows
    ]


def test_a_gap_goes_from_the_reading_before_it_to_the_reading_after_it() -> None:
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 0, ("A",))
    _tick(ledger, 1, reason=GapReason.TIMEOUT)
    _tick(ledger, 2, reason=GapReason.TIMEOUT)
    _tick(ledger, 3, ("A",))

    assert _gaps(ledger, 4) == [("A", 0, 3, 2, "timeout")]


def test_a_new_reason_begins_a_new_gap() -> None:
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 0, ("A",))
    _tick(ledger, 1, reason=GapReason.TIMEOUT)
    _tick(ledger, 2, missing={"A": GapReason.GPU_LOST})
    _tick(ledger, 3, ("A",))

    assert _gaps(ledger, 4) == [("A", 0, 2, 1, "timeout"), ("A", 2, 3, 1, "gpu_lost")]


def test_a_gap_is_cut_at_midnight_utc() -> None:
    """Midnight is at second 5; readings of seconds 4 and 5 are missing, one on each day."""
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 3, ("A",))
    _tick(ledger, 4)
    _tick(ledger, 5)
    _tick(ledger, 6, ("A",))

    gaps = [gap for gap in _gaps(ledger, 7) if gap[0] == "A"]

    assert gaps[-2:] == [("A", 3, 5, 1, "not_in_answer"), ("A", 5, 6, 1, "not_in_answer")]


def test_a_gap_that_outlasts_a_file_goes_on_in_the_next() -> None:
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 0, ("A",))
    _tick(ledger, 1)
    first = _gaps(ledger, 2)
    _tick(ledger, 2)
    second = _gaps(ledger, 3)

    assert first == [("A", 0, 2, 1, "not_in_answer")]
    assert second == [("A", 2, 3, 1, "not_in_answer")]


def test_a_gpu_that_appears_late_was_missing_until_then() -> None:
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 0, ("A",))
    assert _gaps(ledger, 1) == []
    _tick(ledger, 1, ("A", "B"))

    assert _gaps(ledger, 2) == [("B", 0, 1, 1, "not_in_answer")]


def test_a_target_that_has_not_answered_leaves_a_gap_for_every_gpu_it_may_have() -> None:
    """A appears in second 2: what is filed under every GPU is not filed under A again."""
    ledger = GapLedger(_START_UTC)
    _tick(ledger, 0, reason=GapReason.CONNECTION_FAILED)
    first = _gaps(ledger, 1)
    _tick(ledger, 1, reason=GapReason.CONNECTION_FAILED)
    _tick(ledger, 2, ("A",))

    assert first == [(EVERY_GPU, 0, 1, 1, "connection_failed")]
    assert _gaps(ledger, 3) == [("A", 1, 2, 1, "connection_failed")]
    assert ledger.every_gpu_count == 1


def test_of_a_gpu_that_earlier_runs_did_not_name_their_ticks_are_missing() -> None:
    """Ten ticks in the minute before; B was there, C appears at second 1."""
    ledger = GapLedger(
        _at(0), gpu_uuids=["B"], earlier_count=10, since_utc=_START_UTC - timedelta(minutes=1)
    )
    _tick(ledger, 0, ("B",))
    _tick(ledger, 1, ("B", "C"))

    assert _gaps(ledger, 2) == [("C", -60, 0, 10, "not_in_answer"), ("C", 0, 1, 1, "not_in_answer")]


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from("ABC")),
            st.dictionaries(st.sampled_from("ABC"), st.sampled_from(list(GapReason))),
            st.sampled_from(list(GapReason)),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=25)
def test_of_every_gpu_what_was_expected_is_what_came_plus_the_gaps(
    ticks: list[tuple[set[str], dict[str, GapReason], GapReason, bool]],
) -> None:
    """Whatever happens and wherever files end, the sum check is zero, and no gap comes twice."""
    ledger = GapLedger(_START_UTC)
    gaps: list[tuple[object, ...]] = []
    for second, (received, missing, reason, sealed) in enumerate(ticks):
        silent = {gpu: why for gpu, why in missing.items() if gpu not in received}
        _tick(ledger, second, tuple(sorted(received)), missing=silent, reason=reason)
        if sealed:
            gaps += _gaps(ledger, second + 1)

    gaps += _gaps(ledger, len(ticks))

    counted: dict[object, int] = {}
    for gpu, _, _, expected_count, _ in gaps:
        assert isinstance(expected_count, int)
        counted[gpu] = counted.get(gpu, 0) + expected_count
    of_every_gpu = counted.pop(EVERY_GPU, 0)
    assert of_every_gpu == ledger.every_gpu_count
    for gpu in counted.keys() | ledger.accounts.keys():
        received_count = sum(gpu in received for received, *_ in ticks)
        assert received_count + counted.get(gpu, 0) + of_every_gpu == len(ticks)
    assert len({(gpu, start) for gpu, start, *_ in gaps}) == len(gaps)
    assert all(start < end for _, start, end, *_ in gaps)  # type: ignore[operator]  # both numbers
