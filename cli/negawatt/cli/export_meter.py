"""``negawatt export-meter``: a meter's readings as a file that importing gives back unchanged.

Not here: the formats (negawatt.warehouse.formats), and the tables of a statement (``negawatt
export``).
"""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, JsonOption, WarehouseOption, WriteNothingOption
from negawatt.collectors.clock import SystemClock
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.metering.site_intervals import newest_versions
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.csv_export import write_readings_csv, write_readings_parquet
from negawatt.warehouse.formats.espi_codes import Flow
from negawatt.warehouse.formats.espi_export import write_espi
from negawatt.warehouse.formats.nem12 import MARKET_TIME_OFFSET
from negawatt.warehouse.formats.nem12_days import NEM12_DAYS
from negawatt.warehouse.formats.nem12_export import write_nem12
from negawatt.warehouse.formats.parsed import REGISTERS
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.raw_files import raw_days, read_all_raw, read_raw
from negawatt.warehouse.sites import read_site

_TABLE = "raw_meter__readings"
_DAY = "%Y-%m-%d"


class MeterFormat(StrEnum):
    """Formats in which a meter's readings leave."""

    NEM12 = "nem12"
    ESPI = "espi"
    CSV = "csv"
    PARQUET = "parquet"


def export_meter(
    site: Annotated[str, typer.Argument(help="Registered site.")],
    meter: Annotated[str, typer.Argument(help="Meter of the site.")],
    *,
    kind: Annotated[MeterFormat, typer.Option("--format", help="Format of the file.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=[_DAY], help="First day [the first].")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[_DAY], help="Last day, included [the last].")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the meter in the file [its own].")
    ] = None,
    may_round: Annotated[
        bool, typer.Option("--round", help="Round energies that do not fit into ESPI's integers.")
    ] = False,
    flow: Annotated[
        Flow, typer.Option(help="ESPI: which way of energy the meter reads, seen from the grid.")
    ] = Flow.DELIVERED,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    dry_run: WriteNothingOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write the newest readings of a meter as NEM12, Green Button (ESPI), CSV or Parquet.

    Days are those of the site's clock, for NEM12 those of market time (UTC+10). Beside a CSV file
    lies its profile. Importing the file gives the same readings and qualities again; what --round
    rounded is said.

    Example: negawatt export-meter demo-hall hall-feeder --format csv --out feeder.csv
    """
    layout = Layout(warehouse)
    zone = read_site(layout, site).zone
    days_zone = timezone(MARKET_TIME_OFFSET) if kind is MeterFormat.NEM12 else zone
    now_utc = SystemClock().now_utc()
    days = (first.date() if first else None, last.date() if last else None)
    rows = _readings(layout, site, meter, days, days_zone, now_utc)
    named = rows.with_columns(pl.lit(name or meter).alias("meter_id"))
    facts: dict[str, object] = {"row_count": rows.height, "dry_run": dry_run}
    if kind is MeterFormat.ESPI:
        written = write_espi(named, name or meter, zone, now_utc, may_round=may_round, flow=flow)
        facts["rounded_count"] = written.rounded_count
        facts["largest_rounding_kwh"] = str(written.largest_kwh)
        contents = [written.content]
    elif kind is MeterFormat.NEM12:
        told = read_all_raw(layout, NEM12_DAYS, site).filter(pl.col("meter_id") == meter)
        registers = _registers(layout, site, str(told["channel_id"].last() or meter), days)
        contents = [write_nem12(named, name or meter, now_utc, registers, told)]
    elif kind is MeterFormat.CSV:
        contents = list(write_readings_csv(named))
    else:
        contents = [write_readings_parquet(named)]
    files = [out, out.with_suffix(".toml")][: len(contents)]
    if len(set(files)) < len(files):
        raise ConfigurationError(
            thing=f"path {out}",
            expected="another ending than .toml, which is that of the profile beside the file",
            found=out.suffix,
            remedy="end it in .csv",
        )
    for path, content in () if dry_run else zip(files, contents, strict=True):
        with appearing_file(path) as temporary:
            temporary.write_bytes(content)
    facts["files"] = list(map(str, files))
    if json_output:
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    would_be = " would be" if dry_run else ""
    typer.echo(f"{rows.height} readings of {meter}{would_be} in {', '.join(map(str, files))}")
    if facts.get("rounded_count"):
        typer.echo(
            f"{facts['rounded_count']} of them rounded, by at most "
            f"{facts['largest_rounding_kwh']} kWh"
        )


def _readings(
    layout: Layout,
    site: str,
    meter: str,
    days: tuple[date | None, date | None],
    zone: tzinfo,
    now_utc: datetime,
) -> pl.DataFrame:
    known = raw_days(layout, site)
    if known:
        a_day = timedelta(days=1)
        first, last = days[0] or known[0] - a_day, days[1] or known[-1] + a_day
        rows = read_raw(
            layout, _TABLE, site, first - a_day, last + a_day, pl.col("meter_id") == meter
        )
        begin, end = (
            datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + a_day)
        )
        inside = pl.col("interval_start_utc").is_between(begin, end, closed="left")
        found = newest_versions(rows.filter(inside), "meter_id", now_utc)
        if not found.is_empty():
            return found
    raise DataRefusedError(
        thing=f"meter {meter!r} of site {site!r}",
        expected="readings in these days",
        found="none",
        remedy="see what there is with `negawatt sql`: SELECT DISTINCT meter_id FROM "
        "raw_meter__readings",
    )


def _registers(
    layout: Layout, site: str, name: str, days: tuple[date | None, date | None]
) -> pl.DataFrame:
    """Return what the register of a meter named ``<NMI>.<suffix>`` showed on days of its market."""
    nmi, _, suffix = name.rpartition(".")
    known = raw_days(layout, site, (REGISTERS,))
    if not known:
        return pl.DataFrame(schema=schema(REGISTERS))
    day = (pl.col("observed_at_utc") + MARKET_TIME_OFFSET).dt.date()
    where = (pl.col("node_id") == nmi) & (pl.col("meter_id") == suffix)
    where &= day.is_between(days[0] or date.min, days[1] or date.max)
    return read_raw(layout, REGISTERS, site, known[0], known[-1], where)
