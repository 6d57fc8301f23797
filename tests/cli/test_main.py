import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from negawatt.cli import main
from negawatt.pipelines.provenance import provenance

NOON_UTC = datetime(2026, 6, 30, 12, tzinfo=UTC)
# What a node has: the base install. The rest must not be imported before it is asked for.
EXTRAS = ("altair", "dagster", "deltalake", "duckdb", "holidays", "jinja2", "polars", "sklearn")
ON_A_NODE = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS!r}))
from negawatt.cli.main import main
sys.argv = ["negawatt", *sys.argv[1:]]
main()
"""


def on_a_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", ON_A_NODE, *arguments], capture_output=True, text=True, check=False
    )


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["negawatt", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_done_is_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, "--help") == 0
    assert "settle" in capsys.readouterr().out


def test_the_version_is_the_one_that_statements_name() -> None:
    said = on_a_node("--version")

    assert (said.returncode, said.stdout) == (0, f"{provenance(NOON_UTC, {}).code_version}\n")


@pytest.mark.parametrize("arguments", [("nosuch",), ("sql",), ("sql", "DROP TABLE x")])
def test_wrong_usage_is_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert exit_code(monkeypatch, *arguments) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_with_four_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    exit_code(monkeypatch, "import", "meter", "absent.csv", "--site", "hall")

    assert capsys.readouterr().err == (
        "negawatt: site 'hall': expected one of the registered sites (none yet), found no such "
        "site; register it with `negawatt import sites FILE`\n"
    )


@pytest.mark.slow
def test_a_node_collects_with_the_base_install_alone() -> None:
    found = on_a_node("collect", "sample")

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.slow
def test_a_command_that_needs_more_says_what_to_install() -> None:
    found = on_a_node("settle", "e1")

    assert found.returncode == 2
    assert "pip install 'negawatt[pipelines]'" in found.stderr


@pytest.mark.parametrize("command", [("import", "sites", "s.toml", "-w", "a-file"), ("demo",)])
def test_a_path_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    site = (
        '[s]\ntime_zone = "UTC"\nsettlement_meter_id = "m"\nrevenue_grade = true\nboundary = "b"\n'
    )
    (tmp_path / "s.toml").write_text(site, encoding="utf-8")
    for name in ("a-file", "negawatt-data"):
        (tmp_path / name).write_text("a file", encoding="utf-8")

    assert exit_code(monkeypatch, *command) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
