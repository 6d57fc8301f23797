"""``negawatt import``: files into raw tables, idempotent.

Not here: reading files (negawatt.warehouse.import_files), and sealing rows and saying so
(negawatt.cli.taking_in).
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption
from negawatt.cli.taking_in import take_in
from negawatt.collectors.clock import SystemClock
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.topology import topology_of
from negawatt.warehouse.formats.espi_codes import Flow
from negawatt.warehouse.gridstatus_prices import OPERATORS, fetch_prices
from negawatt.warehouse.import_files import Context, Incoming, read_incoming, with_meter_name
from negawatt.warehouse.job_tiers import read_tiers
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES
from negawatt.warehouse.sites import read_site, read_sites, read_sites_file, register_sites
from negawatt.warehouse.stress_files import STRESS
from negawatt.warehouse.topology_files import TOPOLOGY, read_topology_file, topology_rows
from negawatt.warehouse.topology_tables import kept_objects, path_objects

app = typer.Typer(
    help="Bring files into the warehouse; the same file twice changes nothing.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

FileArgument = Annotated[
    Path, typer.Argument(help="CSV or Parquet file, or one of a format that the command knows.")
]
SiteOption = Annotated[str, typer.Option("--site", help="Registered site the rows belong to.")]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", help="TOML file that says what the file's columns mean."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be taken in, and write nothing.")
]
_JOBS = ("raw_job__readings", "raw_job__allocations", "raw_job__accounting")


@app.command()
def sites(
    file: Annotated[Path, typer.Argument(help="TOML file with one table per site.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Register sites: time zone, settlement meter, whether it is revenue grade.

    Example: negawatt import sites sites.toml
    """
    layout = Layout(warehouse)
    known, found = read_sites(layout), read_sites_file(file)
    changed = [name for name in found if name in known and known[name] != found[name]]
    if not dry_run:
        register_sites(layout, found)
    if json_output:
        facts = {"dry_run": dry_run, "sites": list(found), "changed": changed}
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    would_have = "would have " if dry_run else ""
    changes = f"; changed {', '.join(changed)}" if changed else ""
    typer.echo(f"{would_have}registered {', '.join(found)}{changes}")


def _importer(*tables: str) -> Callable[..., None]:
    """Return the command that imports files into one of some raw tables."""

    def command(
        file: FileArgument,
        site: SiteOption,
        profile: ProfileOption = None,
        warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
        dry_run: DryRunOption = False,
        json_output: JsonOption = False,
    ) -> None:
        layout = Layout(warehouse)
        read_site(layout, site)
        incoming = read_incoming(file, tables, profile, SystemClock().now_utc())
        take_in(layout, site, file, incoming, dry_run=dry_run, json_output=json_output)

    return command


@app.command()
def meter(
    file: FileArgument,
    site: SiteOption,
    *,
    profile: ProfileOption = None,
    name: Annotated[
        str | None, typer.Option("--meter", help="Name here of the one meter in the file.")
    ] = None,
    flow: Annotated[
        Flow, typer.Option(help="Green Button: which way of energy to take, seen from the grid.")
    ] = Flow.DELIVERED,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import interval readings of a meter: NEM12, Green Button, or CSV and Parquet with a profile.

    What breaks the format is refused with its place and reason, and the exit code is 4; the rest is
    taken in. What is no energy is left out and listed.

    Example: negawatt import meter readings.csv --site hall-1 --profile meter.toml
    """
    layout = Layout(warehouse)
    context = Context(zone=read_site(layout, site).zone, flow=flow)
    now_utc = SystemClock().now_utc()
    incoming = read_incoming(file, ("raw_meter__readings",), profile, now_utc, context)
    incoming = with_meter_name(file, incoming, name)
    take_in(layout, site, file, incoming, dry_run=dry_run, json_output=json_output)


@app.command()
def jobs(
    file: FileArgument,
    site: SiteOption,
    *,
    profile: ProfileOption = None,
    tiers: Annotated[
        Path | None, typer.Option(help="TOML file that says which jobs are how flexible.")
    ] = None,
    job_energy: Annotated[
        bool, typer.Option("--job-energy", help="Take the energy that the scheduler states too.")
    ] = False,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import jobs: queue times and nodes by sacct, Kueue or Volcano; readings or placements.

    What `sacct --parsable2` prints, and `kubectl get workloads.kueue.x-k8s.io -A -o json`, needs no
    profile. Stamps of sacct without an offset are of the site's clock. With a profile: interval
    readings, placements on GPUs, or accounting of another scheduler.

    Example: negawatt import jobs sacct.txt --site hall-1 --tiers tiers.toml
    """
    layout = Layout(warehouse)
    context = Context(
        zone=read_site(layout, site).zone,
        tiers=read_tiers(tiers) if tiers else (),
        with_job_energy=job_energy,
    )
    incoming = read_incoming(file, _JOBS, profile, SystemClock().now_utc(), context)
    take_in(layout, site, file, incoming, dry_run=dry_run, json_output=json_output)


for _name, _table, _help in (
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

        The file is a table, or a log of which the profile's line_pattern finds the lines.

        Example: negawatt import control dispatch_log.csv --site hall-1 --profile control.toml""",
    ),
    (
        "performance",
        "raw_job__performance",
        """Import how fast jobs went in an event, as share of their full speed.

        Example: negawatt import performance jobs.csv --site hall-1 --profile performance.toml""",
    ),
    (
        "weather",
        "raw_site__weather",
        """Import outdoor temperatures of a weather station near the site.

        Example: negawatt import weather kphx.csv --site hall-1 --profile kphx.toml""",
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
def gains(
    file: Annotated[Path, typer.Argument(help="Record of a card's gain; its .sig beside it.")],
    site: SiteOption,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import the signed gain of a card; refused unless a key of the site's gain_keys signed it.

    Example: negawatt import gains a100.json --site hall-1
    """
    from negawatt.pipelines.gains import keep_gain, read_signed_gain  # noqa: PLC0415 - an extra

    layout = Layout(warehouse)
    gain = read_signed_gain(file, read_site(layout, site))
    if not dry_run:
        keep_gain(layout, site, file, gain)
    fit, gpu = gain.document.fit, gain.document.gpu_uuid
    if json_output:
        facts = {"dry_run": dry_run, "gpu_uuid": gpu, "gain_ratio": fit.gain_ratio}
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    are = "would be" if dry_run else "are"
    typer.echo(
        f"{gpu}: gain {fit.gain_ratio:g} ({fit.lower_ratio:g} to {fit.upper_ratio:g}); days that "
        f"are metered from now on {are} corrected by it"
    )


@app.command()
def prices(
    file: FileArgument,
    *,
    profile: ProfileOption = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import prices of a market's intervals; they belong to no site.

    Example: negawatt import prices lmp.csv --profile lmp.toml
    """
    incoming = read_incoming(file, (PRICES,), profile, SystemClock().now_utc())
    take_in(
        Layout(warehouse), PRICE_FOLDER, file, incoming, dry_run=dry_run, json_output=json_output
    )


@app.command()
def gridstatus(
    operator: Annotated[
        str, typer.Argument(help="caiso, isone, miso, nyiso or pjm.", metavar="OPERATOR")
    ],
    *,
    market: Annotated[str, typer.Option(help="DAY_AHEAD_HOURLY, REAL_TIME_5_MIN and others.")],
    location: Annotated[list[str], typer.Option(help="Node or zone; may be given again.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day there.")
    ],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day there, included.")
    ],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Fetch prices from a grid operator over the network, by the package gridstatus.

    It is an extra of its own: pip install 'negawatt[gridstatus]'. Prices are in USD for a MWh.

    Example: negawatt import gridstatus nyiso --market DAY_AHEAD_HOURLY --location CAPITL
    --from 2026-07-01 --to 2026-07-31
    """
    if operator not in OPERATORS:
        raise ConfigurationError(
            thing=f"operator {operator!r}",
            expected=f"one of {', '.join(OPERATORS)}",
            found=repr(operator),
            remedy="import the operator's file with `negawatt import prices`",
        )
    days = (first.date(), last.date())
    rows = fetch_prices(operator, market, location, days, SystemClock().now_utc())
    incoming = Incoming(table=PRICES, rows=rows)
    source = Path(f"{operator} {market}")
    take_in(
        Layout(warehouse), PRICE_FOLDER, source, incoming, dry_run=dry_run, json_output=json_output
    )


@app.command()
def stress(
    file: FileArgument,
    *,
    profile: ProfileOption = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import how stressed the grid was: reserves, margins, levels of alerts.

    Example: negawatt import stress reserves.csv --profile reserves.toml
    """
    incoming = read_incoming(file, (STRESS,), profile, SystemClock().now_utc())
    take_in(
        Layout(warehouse), PRICE_FOLDER, file, incoming, dry_run=dry_run, json_output=json_output
    )


@app.command()
def topology(
    file: Annotated[Path, typer.Argument(help="TOML file with one table for each object.")],
    site: SiteOption,
    *,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: DryRunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Import the electrical path: which meter, rack or node is fed by which.

    The objects of the file replace what was told of them before; others stay. A path that
    contradicts itself is refused as a whole.

    Example: negawatt import topology path.toml --site hall-1
    """
    layout, now_utc = Layout(warehouse), SystemClock().now_utc()
    read_site(layout, site)
    objects = read_topology_file(file)
    before = {one.object_id: one for one in path_objects(layout, site, now_utc)}
    after = before | {one.object_id: one for one in objects}
    topology_of(kept_objects(after.values()))
    incoming = Incoming(table=TOPOLOGY, rows=topology_rows(objects, now_utc))
    take_in(layout, site, file, incoming, dry_run=dry_run, json_output=json_output)
