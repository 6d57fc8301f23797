from pathlib import Path

import pytest

from negawatt.cli.demo import demo
from negawatt.cli.settle import settle
from negawatt.models.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("coverage_low:meter 'm':it is late", ""),
        ("no_such_code:meter 'm':it is late", "me"),
        ("coverage_low:it is late", "me"),
        ("coverage_low", "me"),
    ],
)
def test_an_override_without_all_its_parts_is_refused(text: str, by: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CODE:SUBJECT:REASON"):
        settle("e1", warehouse=tmp_path / "w", override=[text], by=by)

    assert not (tmp_path / "w").exists()


def test_the_demo_empties_no_folder_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="found other files"):
        demo(warehouse=tmp_path)

    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"
