"""Every command that a document shows is run, every link leads somewhere, every list is the code's.

What a command prints is compared where the document shows it; ``...`` stands for anything, and
white space is not compared. A shown refusal starts with ``negawatt: ``; every other command must
exit 0.
"""

import doctest
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from negawatt.pipelines.exports.schemas import schema_files
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout
from tests.docs.commands import commands, example, problem
from tests.docs.console import ROOT, Shown, anchors, documents, links, shown, text_of
from tests.docs.generated import PARTS, regenerated

# Executed by tests/docs/test_phoenix.py: it needs published files that are not part of the project.
ELSEWHERE = {"docs/phoenix.md"}

# Lines that no test runs, each with its reason.
NOT_RUN = {
    ".venv/bin/python -m tests.docs.generated": "writes this checkout; "
    "test_generated_parts_are_what_the_code_has compares what it writes",
}
DEMO = "negawatt demo"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demonstration, run once: its folder and what it printed."""

    folder: Path
    output: str


@cache
def all_shown() -> list[Shown]:
    return [
        one
        for document in documents()
        if document not in ELSEWHERE
        for one in shown(document, text_of(document))
    ]


def run(command: str, folder: Path) -> tuple[int, str]:
    """Run a command as a reader would, with the installed ``negawatt``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - the project's own documents
        ["bash", "-c", command],  # noqa: S607 - the reader's shell
        cwd=folder,
        env=os.environ | {"PATH": path, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("documents")
    exit_code, output = run(DEMO, folder)
    assert exit_code == 0, output
    return Demo(folder=folder, output=output)


def steps_of(document: str) -> list[Shown]:
    """Return the commands of a document that are run, in order."""
    return [
        one
        for one in all_shown()
        if one.place.rpartition(":")[0] == document and one.command.startswith("negawatt ")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("document", [one for one in documents() if steps_of(one)])
def test_every_command_of_a_document_prints_what_the_document_shows(
    document: str, demo: Demo, tmp_path: Path
) -> None:
    """In one folder, in the document's order, after a demonstration."""
    folder = "negawatt-data"
    shutil.copytree(demo.folder / folder, tmp_path / folder, symlinks=True)

    for step in steps_of(document):
        code, output = (0, demo.output) if step.command == DEMO else run(step.command, tmp_path)

        refused = step.output.startswith("negawatt: ")
        assert (code != 0) == refused, f"{step.place}: exit {code}\n{output}"
        same = not step.output or matches(step.output, output)
        assert same, f"{step.place} shows\n{step.output}\nbut the command prints\n{output}"


@pytest.mark.slow
def test_the_notebook_of_an_event_shows_what_was_stated(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = demo.folder / "negawatt-data" / "demo"
    monkeypatch.setenv("NEGAWATT_WAREHOUSE", str(warehouse))
    notebook = runpy.run_path(str(ROOT / "docs" / "notebooks" / "event.py"))["app"]

    _, found = notebook.run()

    stated = query(
        Layout(warehouse), "SELECT sum(reduction_kwh) AS kwh FROM out_settlement__statement_lines"
    )
    assert found["delivered_kwh"] == pytest.approx(float(stated["kwh"].item()))
    assert found["jobs"]["energy_kwh"].sum() > 0
    assert found["methods"]["rule_id"].n_unique() == len(found["methods"]) > 3
    assert len(found["findings"]) > 0
    assert found["energy"].to_html()


def matches(wanted: str, output: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted, output, flags)


def test_an_output_with_another_figure_does_not_match() -> None:
    assert matches("delivered 14.6 kW\n...\nreport ...\n", "delivered   14.6 kW\nx\nreport a\n")
    assert not matches("delivered 14.6 kW\n", "delivered 14.7 kW\n")


def test_every_command_line_is_one_that_can_be_checked() -> None:
    known = ("negawatt ", "make ", *NOT_RUN)

    strangers = [one for one in all_shown() if not one.command.startswith(known)]

    assert not strangers, "run it in a test, or add it to NOT_RUN with the reason"


def test_every_exemption_is_used() -> None:
    lines = [one.command for one in all_shown()]

    assert not [start for start in NOT_RUN if not any(line.startswith(start) for line in lines)]
    assert set(documents()) >= ELSEWHERE


def test_every_make_target_of_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = [
        (document, target)
        for document in documents()
        for target in re.findall(r"(?:`|^\$ )make ([a-z-]+)", text_of(document), re.MULTILINE)
    ]

    assert ("README.md", "demo") in named
    assert not [one for one in named if one[1] not in targets], "correct it, or add the target"


def test_every_negawatt_line_names_a_command_with_its_options() -> None:
    lines = [one for one in all_shown() if one.command.startswith("negawatt ")]

    found = [f"{one.place}: {problem(one.command)}" for one in lines if problem(one.command)]

    assert lines
    assert not found


def test_every_negawatt_line_of_the_makefile_names_a_command() -> None:
    lines = re.findall(r"\$\(BIN\)/(negawatt [^\n]+)", MAKEFILE)

    assert lines
    assert not [problem(line) for line in lines if problem(line)]


def test_a_command_line_with_an_unknown_option_is_noticed() -> None:
    assert problem("negawatt programs list --json > rules.json") is None
    assert problem("negawatt programs list --loud") is not None
    assert problem("negawatt programs sing") == "there is no 'negawatt programs sing'"


def test_every_command_has_help_with_an_example_that_is_well_formed() -> None:
    found = {path: example(command) for path, command in commands().items()}

    assert not [path for path, line in found.items() if line is None], "add 'Example: ...'"
    assert not [path for path, line in found.items() if line and not line.startswith(path)]
    assert not [problem(line) for line in found.values() if line and problem(line)]


@pytest.mark.parametrize("document", documents())
def test_generated_parts_are_what_the_code_has(document: str) -> None:
    text = text_of(document)

    assert regenerated(text) == text, "run: .venv/bin/python -m tests.docs.generated"


def test_published_schemas_are_what_the_code_writes() -> None:
    folder = ROOT / "docs" / "schema"

    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    assert found == schema_files(), "run: .venv/bin/python -m tests.docs.generated"


def test_every_generated_part_stands_in_a_document() -> None:
    texts = "".join(map(text_of, documents()))

    assert not [name for name in PARTS if f"<!-- generated: {name} -->" not in texts]


def test_every_link_inside_the_project_leads_somewhere() -> None:
    inside = [
        (document, link)
        for document in documents()
        for link in links(text_of(document))
        if "://" not in link
    ]

    assert inside
    assert not [one for one in inside if not leads_somewhere(*one)]


def leads_somewhere(document: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / document).parent / path if path else ROOT / document
    if not anchor:
        return target.exists()
    return target.is_file() and anchor in anchors(target.read_text(encoding="utf-8"))


def test_every_decision_is_listed_in_architecture() -> None:
    listed = set(links(text_of("docs/architecture.md")))

    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert pages
    assert not [page.name for page in pages if f"decisions/{page.name}" not in listed]
