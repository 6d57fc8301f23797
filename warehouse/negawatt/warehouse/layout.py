"""Where everything lies below one root folder, and how a file appears there all at once.

    <root>/sites.toml
    <root>/alerts.toml                                                 where alerts go
    <root>/<raw table>/site=<site_id>/date=<UTC day>/<name>.parquet
    <root>/<core or out table>/                                        a Delta table
    <root>/gains/site=<site_id>/<digest>.json                         gains of cards, signed
    <root>/reports/<statement>/                                        renderings
    <root>/bundles/<statement>.zip                                     evidence bundles
    <root>/exports/<name>                                              tables for other programs
    <root>/overviews/<site>.<month>/                                   months and portfolios

Not here: what is inside the files.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from negawatt.models.domain.errors import ConfigurationError

_REFUSED: Final = re.compile(r"[*?\[\]|^%\\\x00-\x1f\x7f]")
"""DuckDB takes some of these for patterns of names, and Delta Lake ends the process at others."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one root.

    Attributes:
        root: The warehouse's folder.

    Examples:
        >>> Layout(Path("w")).raw_folder("raw_gpu__gaps", "s1", date(2026, 6, 30)).as_posix()
        'w/raw_gpu__gaps/site=s1/date=2026-06-30'

    Raises:
        ConfigurationError: The path has a mark that the libraries take for a pattern or refuse.
    """

    root: Path

    def __post_init__(self) -> None:
        path = str(self.root.absolute())
        if found := _REFUSED.search(path):
            raise ConfigurationError(
                thing=f"folder of the warehouse {path!r}",
                expected="a path without * ? [ ] | ^ % \\ and control characters",
                found=repr(found[0]),
                remedy="name another folder, or rename this one",
            )

    @property
    def sites_file(self) -> Path:
        """The registered sites."""
        return self.root / "sites.toml"

    @property
    def alerts_file(self) -> Path:
        """Where alerts go."""
        return self.root / "alerts.toml"

    def table_folder(self, table: str) -> Path:
        """Return a table's folder."""
        return self.root / table

    def raw_folder(self, table: str, site_id: str, day: date) -> Path:
        """Return the folder of one site and UTC day of a raw table."""
        return self.table_folder(table) / f"site={site_id}" / f"date={day.isoformat()}"

    def gain_folder(self, site_id: str) -> Path:
        """Return the folder of a site's gain documents."""
        return self.root / "gains" / f"site={site_id}"

    def report_folder(self, statement_id: str) -> Path:
        """Return the folder of a statement's renderings."""
        return self.root / "reports" / statement_id

    def bundle_file(self, statement_id: str) -> Path:
        """Return where a statement's evidence bundle is put unless somebody says otherwise."""
        return self.root / "bundles" / f"{statement_id}.zip"

    def overview_folder(self, site_id: str | None, month: str) -> Path:
        """Return the folder of a month's or portfolio's rendering; no site begins with a mark."""
        return self.root / "overviews" / f"{site_id or '_all'}.{month}"

    def export_path(self, name: str) -> Path:
        """Return where an export is put unless somebody says otherwise."""
        return self.root / "exports" / name


@contextmanager
def appearing_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; what is written there appears at ``path`` at the end.

    The file is synced before it is renamed and the folder after, so that a crash leaves either
    nothing or the whole file. On an error the temporary file is removed.

    Examples:
        >>> folder = Path(tempfile.mkdtemp())
        >>> with appearing_file(folder / "a.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> [entry.name for entry in folder.iterdir()]
        ['a.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
