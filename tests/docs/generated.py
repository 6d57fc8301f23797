"""The parts of the documents that are written from the code.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. Here: one function for
each part. Not here: what the documents say by hand.

    python -m tests.docs.generated      writes all parts, and the JSON Schemas, again
"""

import re
import tomllib
from collections.abc import Callable, Iterable

from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.domain.findings import FindingCode
from negawatt.pipelines.exports.schemas import schema_files
from negawatt.warehouse.catalog import fields, tables
from tests.docs.commands import commands, summary
from tests.docs.console import ROOT, documents, text_of

_PART = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def columns_part() -> str:
    """Every column of the warehouse."""
    rows = (
        (f"`{name}`", field.unit or field.type, field.meaning)
        for name, field in sorted(fields().items())
    )
    return _table(("column", "unit or type", "meaning"), rows)


def commands_part() -> str:
    """Every subcommand with the first sentence of its help."""
    rows = ((f"`{path}`", summary(command)) for path, command in commands().items())
    return _table(("command", "does"), rows)


def contracts_part() -> str:
    """Every import contract."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return "".join(f"- {contract['name']}\n" for contract in contracts)


def findings_part() -> str:
    """Every finding code."""
    return _table(("code", "says"), ((f"`{code}`", code.description) for code in FindingCode))


def programs_part() -> str:
    """Every built-in program."""
    rules = map(load_program, list_programs())
    rows = ((f"`{rule.program_id}`", rule.market, rule.name) for rule in rules)
    return _table(("program", "market", "rule"), rows)


def tables_part() -> str:
    """Every table with its grain."""
    rows = ((f"`{name}`", table.storage, table.grain) for name, table in tables().items())
    return _table(("table", "storage", "one row per"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "columns": columns_part,
    "commands": commands_part,
    "contracts": contracts_part,
    "findings": findings_part,
    "programs": programs_part,
    "tables": tables_part,
}


def regenerated(text: str) -> str:
    """Return a document's text with every part as the code has it now."""
    return _PART.sub(
        lambda part: f"<!-- generated: {part[1]} -->\n{PARTS[part[1]]()}<!-- end -->", text
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for document in documents():
        old = text_of(document)
        if regenerated(old) != old:
            (ROOT / document).write_text(regenerated(old), encoding="utf-8")
    for file, text in schema_files().items():
        (ROOT / "docs" / "schema" / file).write_text(text, encoding="utf-8")
