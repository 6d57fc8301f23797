"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

WarehouseOption = Annotated[
    Path, typer.Option("--warehouse", "-w", help="Folder of the warehouse.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DEFAULT_WAREHOUSE = Path("negawatt-data")
