"""``negawatt report``: the newest statement of an event, rendered again.

Not here: what the report shows (negawatt.pipelines.exports); nothing is settled.
"""

import json
import webbrowser
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.warehouse.layout import Layout


def report(
    event: Annotated[str, typer.Argument(help="A settled event.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Write report.pdf beside the page as well.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Write the report of an event again, from its newest statement, and say where it is.

    Beside report.html lie the tables behind it as CSV and Parquet, and the statement as it was
    published. Open report.html in any browser; --pdf needs the system library Pango.

    Example: negawatt report srp-hold --warehouse negawatt-data/phoenix --pdf
    """
    from negawatt.pipelines.exports.report import (  # noqa: PLC0415 - charts take long to import
        PAGE,
        write_report,
    )

    folder = write_report(Layout(warehouse), event, pdf=pdf)
    if open_page and not webbrowser.open((folder / PAGE).absolute().as_uri()):
        typer.echo("no browser was found; open the page yourself", err=True)
    files = sorted(str(file) for file in folder.iterdir())
    if json_output:
        typer.echo(json.dumps({"report": str(folder / PAGE), "files": files}, sort_keys=True))
        return
    typer.echo(f"report  {folder / PAGE}  (open it in a browser)")
    typer.echo("\n".join(f"        {file}" for file in files if file != str(folder / PAGE)))
