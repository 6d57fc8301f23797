"""``negawatt import``: files into raw tables, idempotent.

Not here: the translation (negawatt.warehouse.profiles) and the sealing
(negawatt.warehouse.raw_files).
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.collectors.clock import SystemClock
from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.event_tables import with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES
from negawatt.warehouse.profiles import read_profile, read_source, translate
from negawatt.warehouse.raw_files import Sealed, seal_rows
from negawatt.warehouse.sites import read_site, read_sites_file, register_sites

app = typer.Typer(
    help="Bring files into the warehouse; the same file twice changes nothing.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

FileArgument = Annotated[Path, typer.Argument(help="CSV or Parquet file.")]
SiteOption = Annotated[str, typer.Option("--site", help="Registered site the rows belong to.")]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", help="TOML file that says what the file's columns mean."),
]


@app.command()
def sites(
    file: Annotated[Path, typer.Argument(help="TOML file with one table per site.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
) -> None:
    """Register sites: time zone, settlement meter, whether it is revenue grade.

    Example: negawatt import sites sites.toml
    """
    found = read_sites_file(file)
    register_sites(Layout(warehouse), found)
    typer.echo(f"registered {', '.join(found)}")


def _importer(table: str) -> Callable[..., None]:
    """Return the command that imports files into one raw table."""

    def command(
        file: FileArgument,
        site: SiteOption,
        profile: ProfileOption = None,
        warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
        json_output: JsonOption = False,
    ) -> None:
        _import(file, table, site, profile, warehouse, json_output=json_output)

    return command


for _name, _table, _help in (
    (
        "meter",
        "raw_meter__readings",
        """Import interval readings of a meter.

        Example: negawatt import meter readings.csv --site hall-1 --profile meter.toml""",
    ),
    (
        "jobs",
        "raw_job__readings",
        """Import interval readings of jobs.

        Example: negawatt import jobs job_power.parquet --site hall-1 --profile jobs.toml""",
    ),
    (
        "events",
        "raw_grid__events",
        """Import events; an event that changed becomes a new revision.

        Example: negawatt import events events.csv --site hall-1 --profile events.toml""",
    ),
    (
        "control",
        "raw_job__control",
        """Import what the operator did to jobs: caps, pauses, holds, migrations, releases.

        Example: negawatt import control dispatch_log.csv --site hall-1 --profile control.toml""",
    ),
    (
        "performance",
        "raw_job__performance",
        """Import how fast jobs went in an event, as share of their full speed.

        Example: negawatt import performance jobs.csv --site hall-1 --profile performance.toml""",
    ),
    (
        "discrepancies",
        "raw_source__discrepancies",
        """Import the items on which a source's own files disagree; statements list them.

        Example: negawatt import discrepancies known.csv --site hall-1 --profile known.toml""",
    ),
):
    app.command(_name, help=_help)(_importer(_table))


@app.command()
def prices(
    file: FileArgument,
    profile: ProfileOption = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    json_output: JsonOption = False,
) -> None:
    """Import prices of a market's intervals; they belong to no site.

    Example: negawatt import prices lmp.csv --profile lmp.toml
    """
    rows = _rows(file, PRICES, profile, SystemClock().now_utc())
    sealed = seal_rows(Layout(warehouse), PRICES, PRICE_FOLDER, "import", rows)
    _say(sealed, PRICES, json_output=json_output)


def _import(
    file: Path, table: str, site: str, profile: Path | None, warehouse: Path, *, json_output: bool
) -> None:
    layout = Layout(warehouse)
    read_site(layout, site)
    rows = _rows(file, table, profile, SystemClock().now_utc())
    if table == "raw_grid__events":
        rows = with_revisions(layout, site, rows)
    sealed = seal_rows(layout, table, site, "import", rows)
    _say(sealed, table, json_output=json_output)


def _rows(file: Path, table: str, profile: Path | None, now_utc: datetime) -> pl.DataFrame:
    source = read_source(file)
    if profile is None and file.suffix == ".csv":
        raise ConfigurationError(
            thing=f"file {file}",
            expected="--profile FILE with a CSV file: it says what the columns mean",
            found="none",
            remedy="write a profile; those in docs/phoenix are examples",
        )
    if profile is None:
        return source.with_columns(pl.lit(now_utc).alias("available_at_utc"))
    said = read_profile(profile)
    if said.table != table:
        raise ConfigurationError(
            thing=f"profile {profile}",
            expected=f"table = {table!r}",
            found=repr(said.table),
            remedy="use the import command of that table, or another profile",
        )
    return translate(said, source, now_utc)


def _say(sealed: Sealed, table: str, *, json_output: bool) -> None:
    if json_output:
        found = {
            "table": table,
            "row_count": sealed.row_count,
            "written": [str(path) for path in sealed.written],
            "known_count": sealed.known_count,
        }
        typer.echo(json.dumps(found))
    elif sealed.written:
        typer.echo(f"{table}: {sealed.row_count} rows in {len(sealed.written)} new files")
    else:
        typer.echo(f"{table}: nothing new")
