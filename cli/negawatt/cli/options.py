"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

WarehouseOption = Annotated[
    Path, typer.Option("--warehouse", "-w", help="Folder of the warehouse.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
WriteNothingOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written, and write and send nothing.")
]
SiteOption = Annotated[str | None, typer.Option(help="Events of this site only.")]
ProgramOption = Annotated[str | None, typer.Option(help="Events of this program only.")]
MonthOption = Annotated[
    str | None,
    typer.Option(metavar="YYYY-MM", help="Events that start in this month, on the site's clock."),
]
LoadZoneOption = Annotated[
    str | None, typer.Option(help="IANA zone of the file's column interval_start_local.")
]
MayExportOption = Annotated[
    bool, typer.Option("--may-export", help="Accept negative load: the site exports.")
]
PassphraseOption = Annotated[
    Path | None, typer.Option(help="File whose first line opens the private keys.")
]
DEFAULT_WAREHOUSE = Path("negawatt-data")
