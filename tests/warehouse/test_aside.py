"""Rows that are put aside come back in order, and nothing is left behind."""

import tempfile
from pathlib import Path
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.warehouse.aside import folder_aside, in_order, put_aside
from negawatt.warehouse.layout import Layout


def rows_of(owner: str) -> pl.DataFrame:
    """Return as many rows as the name has letters; the first one's value is not known."""
    values = pl.Series([None, *range(1, len(owner))], dtype=pl.Int64)
    return pl.DataFrame({"value": values}).with_columns(pl.lit(owner).alias("owner"))


@settings(max_examples=25, deadline=None)
@given(st.sets(st.text("abé'", min_size=1), min_size=1), st.integers(1, 5), st.randoms())
def test_rows_come_back_by_owner_however_they_were_put_aside(
    owners: set[str], at_once: int, random: Random
) -> None:
    names = sorted(owners)
    random.shuffle(names)
    groups = [names[first::3] for first in range(min(3, len(names)))]

    with tempfile.TemporaryDirectory() as folder:
        files = [
            put_aside(Path(folder) / str(number), pl.concat(map(rows_of, group)), "owner")
            for number, group in enumerate(groups)
        ]
        parts = list(in_order(files, at_once))

    assert pl.concat(parts).equals(pl.concat(map(rows_of, sorted(owners))))
    assert {part["owner"].n_unique() for part in parts[:-1]} <= {at_once}


def test_what_a_killed_run_left_is_removed_and_a_living_run_is_let_alone(layout: Layout) -> None:
    left_behind = layout.root / ".aside-killed"
    left_behind.mkdir(parents=True)
    (left_behind / "rows.arrow").write_bytes(b"rows")

    with folder_aside(layout) as living:
        assert not left_behind.exists()
        with folder_aside(layout) as other:
            assert living.exists()
        assert (living.exists(), other.exists()) == (True, False)

    assert list(layout.root.iterdir()) == []
