"""Scores as a table on disk, so that what was scored once is not scored again.

Here: rows to and from CSV or Parquet. Not here: what a score is
(negawatt.models.counterfactual.scoring).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

import polars as pl

from negawatt.models.counterfactual.scoring import Score
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.layout import appearing_file

SUFFIXES: Final = (".csv", ".parquet")
_TYPES: Final = {str: pl.String, int: pl.Int64, float: pl.Float64}
_SCHEMA: Final = {field.name: _TYPES[field.type] for field in fields(Score)}  # type: ignore[index]  # no postponed annotations: types, not their names
_DIGITS: Final = 5
"""Significant digits that are kept: a hundredth of a percent of any figure."""
_ORDER: Final = ("scenario", "nodes", "seed", "method", "note")


def check_suffix(path: Path) -> None:
    """Refuse a name that says neither format.

    Raises:
        ConfigurationError: It ends in neither .csv nor .parquet.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigurationError(
            thing="--results",
            expected="a name that ends in .csv or .parquet",
            found=path.name,
            remedy="rename the file",
        )


def read_scores(path: Path) -> list[Score]:
    """Return the scores of a file; none where there is no file yet.

    Raises:
        ConfigurationError: The name says no format.
        DataRefusedError: The file does not hold scores.
    """
    check_suffix(path)
    if not path.exists():
        return []
    try:
        if path.suffix == ".csv":
            frame = pl.read_csv(path, schema_overrides=_SCHEMA)
        else:
            frame = pl.read_parquet(path)
        frame = frame.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataRefusedError(
            thing=f"results {path}",
            expected="scores that this command wrote",
            found=str(error).splitlines()[0],
            remedy="name another file, or remove this one",
        ) from error
    numbers = [name for name, kind in _SCHEMA.items() if kind == pl.Float64]
    frame = frame.with_columns(
        pl.col(numbers).fill_null(float("nan")), pl.col("note").fill_null("")
    )
    return [Score(**row) for row in frame.iter_rows(named=True)]


def write_scores(scores: Iterable[Score], path: Path) -> None:
    """Write scores, ordered, whole or not at all; five significant digits, not known is empty."""
    frame = frame_of(list(scores))
    with appearing_file(path) as temporary:
        if path.suffix == ".csv":
            frame.write_csv(temporary)
        else:
            frame.write_parquet(temporary)


def frame_of(scores: Sequence[Score]) -> pl.DataFrame:
    """Return scores as a frame, ordered by what they are of."""
    frame = pl.DataFrame([asdict(score) for score in scores], schema=_SCHEMA)
    return frame.with_columns(pl.selectors.float().fill_nan(None).round_sig_figs(_DIGITS)).sort(
        _ORDER
    )
