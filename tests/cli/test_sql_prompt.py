"""The prompt of ``negawatt sql``: what Tab completes, and a session on a real terminal."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from negawatt.cli.sql_prompt import completions

COLUMNS_OF = {
    "core_job__interval_energy": ["job_id", "energy_j"],
    "core_site__interval_energy": ["site_id", "energy_kwh"],
}


@pytest.mark.parametrize(
    ("text", "word", "found"),
    [
        ("from core_s", "core_s", ["core_site__interval_energy"]),
        ("FROM ", "", [*COLUMNS_OF]),
        ("SELECT en", "en", ["energy_j", "energy_kwh"]),
        ("SELECT job_id FROM core_job__interval_energy WHERE EN", "EN", ["energy_j"]),
        ("FROM core_site__interval_energy WH", "WH", ["WHERE"]),
        ("FROM nothing_such", "nothing_such", []),
    ],
)
def test_a_word_is_completed_by_what_may_stand_there(
    text: str, word: str, found: list[str]
) -> None:
    assert completions(text, word, COLUMNS_OF) == found


def test_columns_are_those_of_tables_named_behind_the_word() -> None:
    whole = "SELECT en FROM core_site__interval_energy"

    assert completions("SELECT en", "en", COLUMNS_OF, whole) == ["energy_kwh"]


@pytest.mark.slow
def test_a_session_on_a_terminal_answers_completes_and_goes_on_after_an_error(
    tmp_path: Path,
) -> None:
    terminal, other_end = pty.openpty()
    program = Path(sys.executable).with_name("negawatt")
    command = [str(program), "sql", "-w", str(tmp_path), "--output", "csv"]
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        command,
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env={**os.environ, "TERM": "dumb"},
    ) as session:
        os.close(other_end)
        _until(terminal, "negawatt> ")
        for typed, answer in (
            ("SELECT 6\n * 7 AS answer;\n", "answer\r\n42\r\n"),
            ("SELECT nothing;\n", "expected SQL that DuckDB can run"),
            ("SELECT count(*) AS n FROM core_site__interval_e\t;\n", "n\r\n0\r\n"),
        ):
            os.write(terminal, typed.encode())
            assert answer in _until(terminal, "negawatt> ")
        os.write(terminal, b"\x04")
        assert session.wait(timeout=20) == 0
    os.close(terminal)


@pytest.mark.slow
def test_a_statement_may_come_from_a_pipe(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("negawatt")

    answer = subprocess.run(  # noqa: S603 - our own program, no shell
        [str(program), "sql", "-w", str(tmp_path), "--output", "csv"],
        input="SELECT 6 * 7 AS answer",
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "answer\n42\n"


def _until(terminal: int, text: str, patience_s: float = 20.0) -> str:
    """Return what is shown up to a text, or all that was when patience ended."""
    seen = ""
    while text not in seen and select.select([terminal], [], [], patience_s)[0]:
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen
