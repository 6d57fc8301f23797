"""The formats of an export, and which one a path asks for.

Imports nothing that takes long, since the command's help lists them. Not here: how a format is
written.
"""

from enum import StrEnum
from pathlib import Path

from negawatt.models.domain.errors import ConfigurationError


class Format(StrEnum):
    """How tables are written: XLSX and JSON as one file, CSV and Parquet as a folder."""

    XLSX = "xlsx"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def suffix(self) -> str:
        """Ending of what is written; a folder has none."""
        return f".{self.value}" if self in {Format.XLSX, Format.JSON} else ""


def format_of(named: Format | None, path: Path | None) -> Format:
    """Return the format that is named, else the one that a path ends with, else XLSX.

    Raises:
        ConfigurationError: The path ends with another format than the one that is named.

    Examples:
        >>> format_of(None, Path("e1.json")), format_of(Format.CSV, Path("e1"))
        (<Format.JSON: 'json'>, <Format.CSV: 'csv'>)
    """
    ending = path.suffix.removeprefix(".") if path else ""
    if ending not in set(Format):
        return named or Format.XLSX
    if named and named.value != ending:
        raise ConfigurationError(
            thing=f"--out {path}",
            expected=f"a path for --format {named.value}",
            found=f"the ending .{ending}",
            remedy=f"name --format {ending}, or a path without this ending",
        )
    return Format(ending)
