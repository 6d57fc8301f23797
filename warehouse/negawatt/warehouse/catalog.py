"""The catalog: every table's grain, key and columns, and every column's type, unit and meaning.

Here: the two TOML files as typed values, and what a frame must be to enter a table. Not here:
where tables lie (layout) and how they are read and written (raw_files, delta_tables).
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError

type_names = Literal["text", "date", "instant", "integer", "integer32", "number", "flag"]
_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "date": pl.Date(),
    "instant": pl.Datetime("ms", "UTC"),
    "integer": pl.Int64(),
    "integer32": pl.Int32(),
    "number": pl.Float64(),
    "flag": pl.Boolean(),
}
_WHOLE_DIGITS: Final = 12
_DECIMALS: Final = 6


class Field(BaseModel):
    """One column's meaning, the same in every table; `decimals` are kept where it is a decimal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: type_names
    meaning: Annotated[str, StringConstraints(min_length=1)]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    decimals: int = _DECIMALS


class Table(BaseModel):
    """One table: what a row is, what makes it unique and which columns it has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grain: str
    storage: Literal["parquet", "delta"]
    schema_version: int
    key: tuple[str, ...]
    columns: tuple[str, ...]
    optional: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    decimal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What one rule of the catalog says of a frame.

    Attributes:
        name: Name of the rule, for example ``key_is_unique``.
        passed: Whether every row obeys it.
        found: What was found, in words.
    """

    name: str
    passed: bool
    found: str


@cache
def fields() -> dict[str, Field]:
    """Return every column by name."""
    return TypeAdapter(dict[str, Field]).validate_python(_read("fields.toml"))


@cache
def tables() -> dict[str, Table]:
    """Return every table by name."""
    return TypeAdapter(dict[str, Table]).validate_python(_read("tables.toml"))


def table(name: str) -> Table:
    """Return one table.

    Raises:
        ConfigurationError: There is no such table.

    Examples:
        >>> table("core_gpu__interval_energy").grain
        'GPU x minute'
    """
    try:
        return tables()[name]
    except KeyError:
        raise ConfigurationError(
            thing=f"table {name!r}",
            expected=f"one of {', '.join(tables())}",
            found=repr(name),
            remedy="correct the name",
        ) from None


def schema(name: str) -> dict[str, pl.DataType]:
    """Return a table's columns and their Polars types, in order.

    Examples:
        >>> schema("raw_gpu__gaps")["expected_count"]
        Int64
    """
    entry = table(name)
    return {
        column: _decimal(column) if column in entry.decimal else _TYPES[fields()[column].type]
        for column in entry.columns
    }


def _decimal(column: str) -> pl.Decimal:
    decimals = fields()[column].decimals
    return pl.Decimal(_WHOLE_DIGITS + decimals, decimals)


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the table's columns in the table's order and types.

    Args:
        name: The table.
        frame: Rows with exactly the table's columns, in any order; types that convert without
            loss are converted.

    Raises:
        DataRefusedError: A column is missing or unknown, or a value does not convert.

    Examples:
        >>> conform("raw_gpu__gaps", pl.DataFrame({"node_id": ["n1"]}))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        negawatt.models.domain.errors.DataRefusedError: table 'raw_gpu__gaps': expected columns ...
    """
    wanted = schema(name)
    if set(frame.columns) != set(wanted):
        missing = [column for column in wanted if column not in frame.columns]
        unknown = [column for column in frame.columns if column not in wanted]
        raise DataRefusedError(
            thing=f"table {name!r}",
            expected=f"columns {', '.join(wanted)}",
            found=f"missing {missing}, unknown {unknown}",
            remedy="name the columns as the catalog does",
        )
    try:
        return frame.select(pl.col(column).cast(kind) for column, kind in wanted.items())
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as error:
        raise DataRefusedError(
            thing=f"table {name!r}",
            expected="values of the catalog's types",
            found=str(error).splitlines()[0],
            remedy="correct the values before they enter the table",
        ) from error


def check(name: str, frame: pl.DataFrame) -> list[CheckOutcome]:
    """Hold a conforming frame against the table's rules: one outcome for each rule.

    Examples:
        >>> [outcome.name for outcome in check("raw_gpu__gaps", pl.DataFrame(
        ...     schema=schema("raw_gpu__gaps")))]
        ['key_is_unique', 'required_values_are_known', 'values_are_in_range']
    """
    return [_key_is_unique(name, frame), _required_values(name, frame), _in_range(name, frame)]


def checked(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the conforming frame, sorted by the table's key, or refuse it.

    Raises:
        DataRefusedError: A rule of the catalog is broken; the error names the first.
    """
    conforming = conform(name, frame)
    refuse_broken(name, check(name, conforming))
    return (
        conforming if _is_sorted(conforming, table(name).key) else conforming.sort(table(name).key)
    )


def _is_sorted(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Say whether each row's key is larger than the one before: sorting would only copy."""
    is_next = pl.lit(value=False)
    for column in reversed(key):
        value = pl.col(column)
        is_next = (value > value.shift()) | ((value == value.shift()) & is_next)
    return bool(frame.select(is_next.slice(1).fill_null(value=False).all()).item())


def refuse_broken(name: str, outcomes: Iterable[CheckOutcome]) -> None:
    """Raise for the first rule that is broken.

    Raises:
        DataRefusedError: A rule of the catalog is broken.
    """
    for outcome in outcomes:
        if not outcome.passed:
            raise DataRefusedError(
                thing=f"table {name!r}",
                expected=outcome.name.replace("_", " "),
                found=outcome.found,
                remedy="correct the source; nothing was written",
            )


def _key_is_unique(name: str, frame: pl.DataFrame) -> CheckOutcome:
    key = table(name).key
    if _is_sorted(frame, key) or frame.select(key).hash_rows().n_unique() == frame.height:
        return CheckOutcome(name="key_is_unique", passed=True, found="no repeated key")
    repeated = frame.group_by(key).len().filter(pl.col("len") > 1).sort(key)
    found = "no repeated key"
    if repeated.height:
        found = f"{repeated.height} repeated keys, first {repeated.row(0)[:-1]}"
    return CheckOutcome(name="key_is_unique", passed=repeated.is_empty(), found=found)


def _required_values(name: str, frame: pl.DataFrame) -> CheckOutcome:
    entry = table(name)
    counts = {
        column: frame[column].null_count()
        for column in entry.columns
        if column not in entry.optional
    }
    missing = {column: count for column, count in counts.items() if count}
    return CheckOutcome(
        name="required_values_are_known",
        passed=not missing,
        found=f"NULL in {missing}" if missing else "no NULL",
    )


def _in_range(name: str, frame: pl.DataFrame) -> CheckOutcome:
    outside: dict[str, int] = {}
    for column in table(name).columns:
        field = fields()[column]
        values = pl.col(column)
        broken = pl.lit(value=False)
        if field.type == "number" and column not in table(name).decimal:
            broken = broken | ~values.is_finite()
        if field.minimum is not None:
            broken = broken | (values < field.minimum)
        if field.maximum is not None:
            broken = broken | (values > field.maximum)
        count = frame.select(broken.fill_null(value=False).sum()).item()
        if count:
            outside[column] = count
    return CheckOutcome(
        name="values_are_in_range",
        passed=not outside,
        found=f"outside in {outside}" if outside else "all inside",
    )


def _read(file_name: str) -> object:
    text = resources.files("negawatt.warehouse").joinpath(file_name).read_text(encoding="utf-8")
    return tomllib.loads(text)
