"""Readings of each GPU come out once and in order of time, whatever parts of memory they lie in."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.models.metering.sample_order import Values, in_runs

NOON_UTC = datetime(2026, 6, 30, 12, tzinfo=UTC)


def rows(*parts: str) -> pl.DataFrame:
    """Return a part of memory for each text: letters are GPUs, digits seconds of what follows."""
    frames = [
        pl.DataFrame(
            [(one[0], NOON_UTC + timedelta(seconds=int(one[1]))) for one in part.split()],
            schema={"gpu_uuid": pl.String, "observed_at_utc": pl.Datetime("ms", "UTC")},
            orient="row",
        )
        for part in parts
    ]
    return pl.concat(frames, rechunk=False)


def seconds_of(frame: pl.DataFrame) -> dict[str, list[int]]:
    runs = in_runs(frame)
    noon_ms = round(NOON_UTC.timestamp() * 1_000)
    return {
        gpu: ((runs.time_ms.taken(places) - noon_ms) // 1_000).tolist()
        for gpu, places in runs.of_gpus()
    }


@pytest.mark.parametrize(
    "parts",
    [
        ("a1 a2 a3 a4",),
        ("a3 a4", "a1 a2"),
        ("a1 a2", "a3", "a4"),
        ("a3 a4 a1 a2",),
        ("a1 a2 a2 a3 a4",),
        ("a1 a3 a2 a4",),
        ("a1 a2 a3", "a2 a3 a4"),
    ],
)
def test_what_is_in_order_or_not_comes_out_in_order_and_once(parts: tuple[str, ...]) -> None:
    assert seconds_of(rows(*parts)) == {"a": [1, 2, 3, 4]}


def test_each_gpu_has_its_own_runs() -> None:
    assert seconds_of(rows("b1 b2 a1 a2", "b3 a3")) == {"a": [1, 2, 3], "b": [1, 2, 3]}
    assert seconds_of(rows("")) == {}


@given(
    places=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_parts_of_memory_change_nothing(places: list[tuple[str, int]], cuts: list[int]) -> None:
    words = [f"{gpu}{second}" for gpu, second in places]
    ends = sorted([0, *(min(cut, len(words)) for cut in cuts), len(words)])
    parts = [" ".join(words[a:b]) for a, b in pairwise(ends)]
    expected = {
        gpu: sorted({second for other, second in places if other == gpu})
        for gpu in sorted({gpu for gpu, _ in places})
    }

    assert seconds_of(rows(*parts)) == expected


def test_values_are_taken_across_parts_and_a_null_is_nan() -> None:
    column = pl.concat([pl.Series([1, 2]), pl.Series([None, 4]), pl.Series([5])], rechunk=False)

    values = Values(column)

    np.testing.assert_array_equal(values.taken([slice(1, 5), slice(0, 1)]), [2, np.nan, 4, 5, 1])
    np.testing.assert_array_equal(values.at(np.array([0, 3, 4])), [1, 4, 5])
