"""``negawatt programs``: the tariffs as data, with their sources.

Not here: the rules (negawatt.models.baselines) and their wording (rule_words.py).
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from negawatt.cli.options import JsonOption
from negawatt.cli.rule_words import rule_lines
from negawatt.models.baselines.registry import list_programs, load_program, program_from_file
from negawatt.models.baselines.rule import BaselineRule, RuleFile

app = typer.Typer(
    help="Read the programs' rules beside the manuals, and check your own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def rule_of(program: str, overrides: tuple[str, ...] = ()) -> BaselineRule:
    """Return a built-in program by name, or a program file by its path.

    Raises:
        ConfigurationError: There is neither, or the file or an override is wrong.
    """
    if program.endswith(".toml"):
        return program_from_file(Path(program), overrides=overrides)
    return load_program(program, overrides=overrides)


@app.command("list")
def list_(json_output: JsonOption = False) -> None:
    """List the built-in programs.

    Example: negawatt programs list
    """
    rules = [load_program(program_id) for program_id in list_programs()]
    if json_output:
        typer.echo(json.dumps([_summary(rule) for rule in rules], indent=2))
        return
    width = max(len(rule.program_id) for rule in rules)
    for rule in rules:
        typer.echo(f"{rule.program_id:<{width}}  {rule.market:<6} {rule.name}")


@app.command()
def show(
    program: Annotated[str, typer.Argument(help="Program name, or path of a program file.")],
    json_output: JsonOption = False,
) -> None:
    """Show one rule in words and numbers, with sources; facts to check are marked '!'.

    Example: negawatt programs show pjm_economic_3day
    """
    rule = rule_of(program)
    if json_output:
        typer.echo(json.dumps(_document(rule), indent=2))
    else:
        typer.echo("\n".join(rule_lines(rule)))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Program file (TOML).")],
    json_output: JsonOption = False,
) -> None:
    """Check a program file; exit 2 with the first problem, its key and value.

    Example: negawatt programs check my_tariff.toml
    """
    rule = program_from_file(file)
    if json_output:
        typer.echo(json.dumps(_summary(rule), indent=2))
        return
    open_facts = len(rule.unverified_facts)
    typer.echo(f"{file}: {rule.rule_id} is valid; {open_facts} of {len(rule.facts)} facts to check")


def _summary(rule: BaselineRule) -> dict[str, object]:
    return {
        "program_id": rule.program_id,
        "name": rule.name,
        "market": rule.market,
        "rule_id": rule.rule_id,
        "rule_digest": rule.digest,
        "facts": len(rule.facts),
        "facts_to_check": len(rule.unverified_facts),
    }


def _document(rule: BaselineRule) -> dict[str, Any]:
    keys = TypeAdapter(RuleFile).dump_python(
        rule, mode="json", by_alias=True, serialize_as_any=False
    )
    return {"rule_id": rule.rule_id, "rule_digest": rule.digest, **keys}
