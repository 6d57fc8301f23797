"""Groups of GPUs: what must stay together, and that no grouping changes anything."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_groups import findings_as_one, gpu_groups
from negawatt.models.metering.gpu_minutes import gpu_interval_energy

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
SPAN = Interval(NOON_UTC, NOON_UTC + timedelta(minutes=5))
READINGS = 31
FAULTS = ("none", "reset", "clock", "flagged", "only flagged", "sentinel", "moved", "apart", "gap")


def counts(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["node_id", "gpu_uuid", "row_count"], orient="row")


def gpu(name: str, node: str, fault: str) -> pl.DataFrame:
    """Return five minutes of readings at 700 W, of a GPU with one thing wrong."""
    second = np.arange(READINGS) * 10
    late = second >= 150
    counter = second * 700_000 - np.where(late & (fault == "reset"), 60_000_000, 0)
    quality = np.where((fault == "only flagged") | ((fault == "flagged") & late), "late", "ok")
    power = np.where((fault == "sentinel") & (second == 60), 0, 700_000)
    frame = pl.DataFrame(
        {
            "node_id": np.where(late & (fault == "moved"), "n0", node).astype(str),
            "boot_id": "b",
            "gpu_uuid": name,
            "observed_at_utc": [NOON_UTC + timedelta(seconds=int(moment)) for moment in second],
            "monotonic_ms": second * 1_000 - np.where(late & (fault == "clock"), 2_000, 0),
            "sequence_number": second,
            "counter_epoch": 0,
            "power_milliwatt": np.where(fault == "apart", 750_000, power),
            "energy_total_millijoule": counter,
            "power_scope": "gpu",
            "reading_quality": quality.astype(str),
        }
    ).with_columns(pl.col("observed_at_utc").cast(pl.Datetime("ms", "UTC")))
    return frame.filter(~pl.Series(late & (second < 250))) if fault == "gap" else frame


# Names that sort otherwise once they stand in a message: 'a!' comes before 'a' in quotes.
gpus = st.dictionaries(
    st.sampled_from(["a", "a!", "a'", "b", "é", "GPU-1"]),
    st.tuples(st.sampled_from(["n0", "n1", "n 1", "n2"]), st.sampled_from(FAULTS)),
    min_size=1,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(gpus, st.integers(1, 6 * READINGS), st.randoms())
def test_no_grouping_changes_a_row_or_a_finding(
    gpus: dict[str, tuple[str, str]],
    rows_at_once: int,
    random: Random,
) -> None:
    samples = pl.concat(gpu(name, node, fault) for name, (node, fault) in gpus.items())
    count = samples.group_by("node_id", "gpu_uuid").agg(pl.len().alias("row_count"))
    groups = gpu_groups(count, rows_at_once)
    random.shuffle(groups)  # as processes finish

    whole = gpu_interval_energy(samples, SPAN, "s1")
    parts = [
        gpu_interval_energy(samples.filter(pl.col("gpu_uuid").is_in(group)), SPAN, "s1")
        for group in groups
    ]

    rows = pl.concat(frame for frame, _ in parts)
    assert rows.sort("gpu_uuid", "interval_start_utc").equals(whole[0])
    assert findings_as_one(chain(*(found for _, found in parts))) == whole[1]


def test_findings_of_groups_come_by_stage_and_then_by_name() -> None:
    names = {"a": "flagged", "b": "clock", "c": "reset", "d": "flagged"}
    parts = [
        gpu_interval_energy(gpu(name, f"n-{name}", fault), SPAN, "s1")
        for name, fault in reversed(names.items())
    ]

    findings = findings_as_one(chain(*(found for _, found in parts)))

    first, *_ = findings
    assert (first.code, first.subject) == (FindingCode.READING_FLAGGED, "GPU 'a'")
    assert [f.code for f in findings[1:3]] == [
        FindingCode.READING_FLAGGED,
        FindingCode.CLOCK_STEPPED,
    ]
    subjects = [f.subject for f in findings[3:]]
    assert subjects == sorted(subjects)


def test_a_gpu_that_moved_is_one_series_of_its_first_node() -> None:
    """GPU b was read by n1 and n3: 10 readings, which with those of GPU a are 15."""
    rows = counts(("n1", "a", 5), ("n1", "b", 5), ("n2", "c", 5), ("n3", "b", 5), ("n3", "d", 5))

    assert gpu_groups(rows, 15) == [["a", "b"], ["c", "d"]]


def test_a_node_of_more_readings_than_the_limit_is_cut_between_gpus() -> None:
    rows = counts(("n1", "a", 5), ("n1", "b", 5), ("n1", "c", 5), ("n2", "d", 4), ("n2", "e", 4))

    assert gpu_groups(rows, 10) == [["a", "b"], ["c"], ["d", "e"]]
    assert gpu_groups(rows, 1) == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_steps_of_a_node_that_each_gpu_saw_in_part_are_those_of_the_one_that_saw_most() -> None:
    """GPU a was read across both steps, b across the first, which is larger, at another stamp."""
    stamps = [NOON_UTC + timedelta(seconds=second) for second in (0, 10, 20)]
    sets = {"a": [0, 2_000, 4_500], "b": [0, -3_000, -3_000]}
    parts = [
        gpu_interval_energy(
            gpu(name, "n1", "none")
            .head(3)
            .with_columns(
                observed_at_utc=pl.Series(stamps).cast(pl.Datetime("ms", "UTC")),
                monotonic_ms=pl.Series([0, 10_000, 20_000]) - pl.Series(offset_ms),
            ),
            SPAN,
            "s1",
        )[1]
        for name, offset_ms in sets.items()
    ]

    for order in (parts, parts[::-1]):
        step, *_ = findings_as_one(chain(*order))
        assert step.code is FindingCode.CLOCK_STEPPED
        assert step.evidence == {
            "step_count": 2,
            "first_step_s": -3.0,
            "largest_step_s": 3.0,
            "first_utc": "2026-07-01T12:00:10+00:00",
        }


def test_a_group_is_filled_up_to_the_limit() -> None:
    rows = counts(*((f"n{number}", f"g{number}", 4) for number in range(5)))

    assert gpu_groups(rows, 8) == [["g0", "g1"], ["g2", "g3"], ["g4"]]
    assert gpu_groups(rows, 11) == gpu_groups(rows, 8)
    assert gpu_groups(rows.clear(), 8) == []


def at(second: list[float], monotonic_ms: list[int]) -> pl.DataFrame:
    """Return readings of one GPU by both clocks."""
    stamps = [NOON_UTC + timedelta(seconds=one) for one in second]
    return (
        gpu("a", "n1", "none")
        .head(len(second))
        .with_columns(
            observed_at_utc=pl.Series(stamps).cast(pl.Datetime("ms", "UTC")),
            monotonic_ms=pl.Series(monotonic_ms),
        )
    )


def test_a_step_that_only_the_order_of_reading_shows_is_found_whatever_stands_beside() -> None:
    """Taken in time, the clocks of these readings part by 0.6 s at most; as read, by 1.2 s."""
    rows = at([0, 10, 10.3], [0, 9_400, 9_100])

    alone = gpu_interval_energy(rows, SPAN, "s1")[1]

    assert FindingCode.CLOCK_STEPPED in {finding.code for finding in alone}


def test_the_order_of_rows_changes_no_step_where_two_have_one_monotonic_time() -> None:
    rows = at([0, 10, 15], [0, 10_000, 10_000])

    found = [gpu_interval_energy(one, SPAN, "s1")[1] for one in (rows, rows.reverse())]

    (step,) = (one for one in found[0] if one.code is FindingCode.CLOCK_STEPPED)
    assert step.evidence["step_count"] == 1
    assert found[0] == found[1]


def test_a_reading_that_came_again_under_another_number_counts_once() -> None:
    rows = gpu("a", "n1", "none")
    again = rows.head(3).with_columns(pl.col.sequence_number + 1_000)

    once, twice = (gpu_interval_energy(one, SPAN, "s1") for one in (rows, pl.concat([rows, again])))

    assert twice[0].equals(once[0])
    assert twice[1] == once[1]
