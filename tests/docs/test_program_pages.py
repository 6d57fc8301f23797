"""The pages of the programs are what the program files say now."""

import pytest

from negawatt.models.baselines.registry import list_programs
from tests.docs.program_pages import FOLDER, index, page

pytestmark = pytest.mark.slow
AGAIN = "run: .venv/bin/python -m tests.docs.program_pages"


@pytest.mark.parametrize("program_id", list_programs())
def test_a_page_is_what_the_program_file_says(program_id: str) -> None:
    assert (FOLDER / f"{program_id}.md").read_text(encoding="utf-8") == page(program_id), AGAIN


def test_the_index_names_every_program_and_no_other_page_is_there() -> None:
    names = sorted(path.name for path in FOLDER.glob("*.md"))

    assert (FOLDER / "README.md").read_text(encoding="utf-8") == index(), AGAIN
    assert names == sorted(["README.md", *(f"{program_id}.md" for program_id in list_programs())])
