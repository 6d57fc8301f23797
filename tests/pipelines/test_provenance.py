from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from negawatt.pipelines.provenance import LIBRARIES, code_digest, provenance

pytestmark = pytest.mark.slow  # the pipelines take seconds to import


def test_everything_that_could_change_a_figure_is_recorded() -> None:
    made = provenance(datetime(2026, 7, 1, tzinfo=UTC), {"core_site__interval_energy": 3})

    assert made.code_version == version("negawatt")
    assert set(made.library_versions) == {*LIBRARIES, "time zones"}
    assert made.library_versions["holidays"] == version("holidays")
    assert made.parameters["history_days"] == 62
    assert made.parameters["band_level_ratio"] == 0.9
    assert made.table_versions == {"core_site__interval_energy": 3}


def test_the_digest_of_the_code_is_that_of_all_its_files() -> None:
    """SHA-256 over name, zero byte, length, zero byte and content of each file, by name."""
    folder = Path(__file__).resolve().parents[2] / "models" / "negawatt" / "models"
    names = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for kind in ("*.py", "*.toml")
        for path in folder.rglob(kind)
    }
    joined = b"".join(
        name.encode() + b"\0" + str(len(names[name])).encode() + b"\0" + names[name]
        for name in sorted(names)
    )

    assert code_digest() == sha256(joined).hexdigest()
