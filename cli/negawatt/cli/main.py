"""The command's root: mounts the groups and turns errors into exit codes.

Not here: what a command does; each group has a module.
"""

import sys

import typer

from negawatt.cli import baseline, collect, demo, imports, programs, report, settle, simulate, sql
from negawatt.models.domain.errors import NegawattError

app = typer.Typer(
    name="negawatt",
    help="Measure and verify power reductions by AI factories: from GPU readings to a statement.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(demo.demo)
app.add_typer(collect.app, name="collect")
app.command()(simulate.simulate)
app.add_typer(imports.app, name="import")
app.add_typer(programs.app, name="programs")
app.command()(baseline.baseline)
app.command()(settle.settle)
app.command()(report.report)
app.command()(sql.sql)


def main() -> None:
    """Run the command; exit 0 done, 2 wrong usage or configuration, 3 missing, 4 refused."""
    try:
        app()
    except NegawattError as error:
        sys.stderr.write(f"negawatt: {error}\n")
        sys.exit(error.exit_code)
