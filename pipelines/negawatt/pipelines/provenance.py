"""Who computes, and with what: code, libraries and fixed parameters, as a statement records them.

Not here: what is computed, and the versions of tables (settlement.py).
"""

import hashlib
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.rounding import FIGURE_DECIMALS
from negawatt.models.uncertainty.conformal import LEVEL_RATIO
from negawatt.models.verification.attribution import LEVEL_SPAN
from negawatt.models.verification.reconciliation import RECONCILED_HISTORY
from negawatt.models.verification.response import RAMP_EDGE_RATIO, RAMP_SEARCH
from negawatt.models.verification.sensitivity import LIMIT_RATIO
from negawatt.pipelines.settlement import AFTERMATH, HISTORY, JOB_HISTORY

LIBRARIES: Final = ("holidays", "numpy", "polars", "scikit-learn", "scipy")
"""Calendars and numerics: another version of these could state another figure."""
_HOUR: Final = timedelta(hours=1)
_CODE: Final = (".py", ".toml")


def provenance(now_utc: datetime, table_versions: Mapping[str, int]) -> Provenance:
    """Return who computes now, from which versions of the tables."""
    return Provenance(
        issued_at_utc=now_utc,
        code_version=version("negawatt"),
        code_digest=code_digest(),
        library_versions={
            **{name: version(name) for name in LIBRARIES},
            "time zones": _time_zones(),
        },
        parameters={
            "history_days": HISTORY / timedelta(days=1),
            "aftermath_h": AFTERMATH / _HOUR,
            "job_history_h": JOB_HISTORY / _HOUR,
            "reconciled_history_days": RECONCILED_HISTORY / timedelta(days=1),
            "job_level_span_h": LEVEL_SPAN / _HOUR,
            "band_level_ratio": LEVEL_RATIO,
            "ramp_edge_ratio": RAMP_EDGE_RATIO,
            "ramp_search_h": RAMP_SEARCH / _HOUR,
            "sensitivity_limit_ratio": LIMIT_RATIO,
            "figure_decimals": float(FIGURE_DECIMALS),
        },
        table_versions=dict(table_versions),
    )


@cache
def code_digest() -> str:
    """Return the SHA-256 over name and content of every file of negawatt.models, by name.

    The code that computes a figure, and the rules it ships with; a release that changed neither has
    the same digest.
    """
    total = hashlib.sha256()
    for name, content in sorted(_files("", files("negawatt.models"))):
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _time_zones() -> str:
    """Return which time zones Python uses: those of the machine, else of the package tzdata."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "tzdata.zi").is_file():
            first = (folder / "tzdata.zi").read_text(encoding="utf-8").partition("\n")[0]
            return f"machine {first.removeprefix('# version ')}"
        if folder.is_dir():
            return "machine, version not stated"
    return f"tzdata {version('tzdata')}"


def _files(path: str, folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(f"{path}{entry.name}/", entry)
        elif entry.name.endswith(_CODE):
            yield f"{path}{entry.name}", entry.read_bytes()
