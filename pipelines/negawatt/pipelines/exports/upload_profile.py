"""Upload profiles: a utility's own file layout as data.

Here: a profile (TOML) as typed values, checked whole before any event is read. Not here: writing a
file by it (upload.py), and how a figure is converted and rounded (upload_figures.py).
"""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.upload_figures import Rounding, Unit, units_of

HOUR_ENDING: Final = "hour_ending"
"""Format of a stamp as the number of the hour that it ends or lies in: 1 to 23, 24 or 25."""
_CODES: Final = frozenset("YymdHMSjz%")
_SAMPLES: Final = resources.files(__package__) / "profiles"
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)
_Text = Annotated[str, Field(min_length=1)]


class UploadColumn(BaseModel):
    """One column of the file.

    Attributes:
        heading: What the file calls it.
        constant: Text that stands in every row.
        column: Our column: of the profile's table, or of the table ``statement``.
        format: How an instant is written: ``hour_ending``, or a pattern of %Y %y %m %d %j %H %M
            %S %z in the profile's clock; only these, as they mean the same everywhere.
        unit: Unit of a figure; energy as power is the mean over the row's interval.
        decimals: Digits after the point; without it a figure is written with all it has.
        rounding: How a figure with more digits is rounded; without it such a figure is refused.
        unknown: Text for what is not known; without it a row with such a value is refused.
    """

    model_config = _STRICT

    heading: str
    constant: str | None = None
    column: str | None = None
    format: str | None = None
    unit: Unit | None = None
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    rounding: Rounding | None = None
    unknown: str | None = None

    @field_validator("format")
    @classmethod
    def _known_codes(cls, value: str | None) -> str | None:
        codes = re.findall(r"%(.?)", value or "")
        strange = [code for code in codes if code not in _CODES or not code]
        if value not in {None, HOUR_ENDING} and (strange or not codes):
            raise ValueError(f"hour_ending, or a pattern of %{' %'.join(sorted(_CODES - {'%'}))}")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.constant is None) == (self.column is None):
            raise ValueError("exactly one of constant and column")
        if self.rounding is not None and self.decimals is None:
            raise ValueError("decimals beside rounding")
        return self


class UploadProfile(BaseModel):
    """The layout of one file.

    Attributes:
        source: The document that it was read from, and who read it.
        unverified: What of it was not read in that document: check it before the first upload.
        table: The table whose rows are the file's rows.
        delimiter: Between cells.
        line_end: ``lf`` or ``crlf``.
        has_headings: The first line holds the headings.
        time_zone: IANA name of the clock of stamps; a fixed offset is ``Etc/GMT+5`` for UTC-5.
        interval_minutes: Length that every row must have [min], where the layout fixes one.
        columns: From left to right.
    """

    model_config = _STRICT

    source: _Text
    unverified: tuple[_Text, ...] = ()
    table: Literal["lines", "payments", "measures", "days", "methods", "findings"] = "lines"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    line_end: Literal["lf", "crlf"] = "lf"
    has_headings: bool = True
    time_zone: str
    interval_minutes: Annotated[int, Field(gt=0)] | None = None
    columns: Annotated[tuple[UploadColumn, ...], Field(min_length=1)]

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, ZoneInfoNotFoundError) as error:
            raise ValueError("an IANA time zone such as America/New_York") from error
        return value

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        known = EVENT_COLUMNS["statement"] | EVENT_COLUMNS[self.table]
        for one in self.columns:
            if one.column is not None:
                _require_fit(one, known)
        return self


def list_upload_profiles() -> list[str]:
    """Return the names of the built-in samples.

    Examples:
        >>> list_upload_profiles()
        ['half_hourly_kwh', 'hour_ending_kw', 'interval_end_megawatt_hour']
    """
    return sorted(file.name.removesuffix(".toml") for file in _SAMPLES.iterdir())


def find_upload_profile(named: str) -> UploadProfile:
    """Return the profile of a TOML file, or the built-in sample of this name.

    Args:
        named: A path that ends with ``.toml``, or a name.

    Raises:
        ConfigurationError: There is no such sample, or the file is refused.
    """
    if named.endswith(".toml"):
        return read_upload_profile(Path(named))
    if named not in list_upload_profiles():
        raise ConfigurationError(
            thing=f"upload profile {named!r}",
            expected=f"a file that ends with .toml, or one of {', '.join(list_upload_profiles())}",
            found="neither",
            remedy="name one",
        )
    with resources.as_file(_SAMPLES / f"{named}.toml") as path:
        return read_upload_profile(path)


def read_upload_profile(path: Path) -> UploadProfile:
    """Read a profile.

    Raises:
        ConfigurationError: The file is missing, no TOML, or holds an unknown or wrong key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return UploadProfile.model_validate(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"upload profile {path}",
            expected="a TOML file",
            found=str(error),
            remedy="correct the file",
        ) from error
    except ValidationError as error:
        problems = [_short(dict(problem)) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error


def _require_fit(one: UploadColumn, known: dict[str, pl.DataType]) -> None:
    """Refuse a column that does not exist, or cannot be written as the profile says."""
    kind = known.get(str(one.column))
    if kind is None:
        raise ValueError(f"columns of {', '.join(sorted(known))}; there is no {one.column!r}")
    if (one.format is not None) != isinstance(kind, pl.Datetime):
        raise ValueError(f"a format for an instant, and for nothing else, at {one.heading!r}")
    is_figure = isinstance(kind, pl.Decimal) or kind.is_float()
    if not is_figure and (one.unit or one.decimals is not None):
        raise ValueError(f"unit and decimals for a figure only, not for {one.column}")
    if one.unit and one.unit not in units_of(str(one.column)):
        fitting = ", ".join(units_of(str(one.column))) or "none"
        raise ValueError(f"a unit that {one.column} has ({fitting}), not {one.unit}")


def _short(problem: dict[str, object]) -> dict[str, object]:
    """Return a problem of a whole table without the table: its message names the value."""
    found = problem["input"]
    if isinstance(found, dict):
        found = found.get("heading", found.get("table", "this table"))
    return problem | {"loc": problem["loc"] or ("columns",), "input": found}
