"""The registered sites: facts about a site that no reading carries.

Here: ``sites.toml`` as typed values. Not here: events and readings.
"""

import json
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.models.domain.identifiers import checked_name
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.warehouse.layout import Layout, appearing_file

_DECIDING = {
    "time_zone", "settlement_meter_id", "revenue_grade", "alternative_programs", "other_sites",
    "on_site_meters", "counts_on_site", "commitment_tolerance_kw", "limit_tolerance_kw",
}  # fmt: skip


MeterLimit = Literal[
    "spike_ratio_max", "flat_h_min", "register_tolerance_ratio", "clock_early_s_max"
]
"""The lines of the meters' checks: negawatt.models.metering.validation_limits."""


class SiteFact(BaseModel):
    """One fact of a registration: see negawatt.models.settlement.market.RegistrationFact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(min_length=1)]
    value: Annotated[Decimal, Field(allow_inf_nan=False)]
    unit: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    valid_from: date | None = None
    valid_until: date | None = None
    event_id: str | None = None


class SitePayment(BaseModel):
    """How a site is paid for the events of one program.

    Attributes:
        rule: Name of the payment rule.
        prices: Series of each price that the rule takes from a market, by the rule's name for it.
        facts: What the rule takes from a registration, an auction or a publication.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    prices: dict[str, str] = {}
    facts: tuple[SiteFact, ...] = ()


class Site(BaseModel):
    """One site.

    Attributes:
        time_zone: IANA name of the site's clock.
        settlement_meter_id: The meter that money follows.
        revenue_grade: Whether the program accepts that meter for payment.
        boundary: What the meter sees, in one sentence.
        alternative_programs: Programs that the site could also have elected, or that corroborate.
        payments: How events of a program are paid, by program.
        payment_priority: Programs in the order in which they are paid for the same energy.
        gpu_reading_gap_s: Longest time between two readings of a GPU that still counts as
            measured [s]; a little more than the slowest collector's interval.
        gpu_rows_at_once: Readings of GPUs in memory at once while a day is metered; 0.1 GB for a
            million at 10 Hz, 0.2 GB at 10 s. Decides no number.
        other_sites: The operator's other registered sites, empty where there are none; None where
            nobody declared them.
        on_site_meters: Meters of ``generation`` and ``storage`` behind the settlement meter, which
            read what was given; None where nobody declared them.
        counts_on_site: The program counts what they give as reduction; None where not known.
        commitment_tolerance_kw: Shortfall of an interval that the program tolerates [kW].
        limit_tolerance_kw: Power above a limit that the program tolerates [kW].
        reconciliation_limit_ratio: Largest share of the metered load that GPUs and overhead may
            leave unexplained in an event; None for negawatt's own.
        weather_station_id: The station whose temperatures count; None where only one reports.
        gain_keys: Public keys whose signed gains of cards are applied: the 32 bytes of each, as 64
            hexadecimal digits.
        meters: What is declared of a meter, by meter; what is not declared is not checked.
        meter_limits: Lines of the meters' checks that the site replaces, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: str
    settlement_meter_id: Annotated[str, StringConstraints(min_length=1)]
    revenue_grade: bool
    boundary: str
    alternative_programs: tuple[str, ...] = ()
    payments: dict[str, SitePayment] = {}
    payment_priority: tuple[str, ...] = ()
    gpu_reading_gap_s: Annotated[float, Field(gt=0)] = 35.0
    gpu_rows_at_once: Annotated[int, Field(gt=0)] = 16_000_000
    other_sites: tuple[str, ...] | None = None
    on_site_meters: dict[str, Literal["generation", "storage"]] | None = None
    counts_on_site: bool | None = None
    commitment_tolerance_kw: Annotated[float, Field(ge=0)] = 0.0
    limit_tolerance_kw: Annotated[float, Field(ge=0)] = 0.0
    reconciliation_limit_ratio: Annotated[float | None, Field(gt=0, le=1)] = None
    weather_station_id: str | None = None
    gain_keys: tuple[Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")], ...] = ()
    meters: dict[str, MeterFacts] = {}
    meter_limits: dict[MeterLimit, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, ZoneInfoNotFoundError) as error:
            raise ValueError("an IANA time zone such as America/Phoenix") from error
        return value

    def deciding_json(self) -> bytes:
        """Return the facts that decide an energy or what is attributed, as one text.

        Sorted keys, no spaces, UTF-8; a limit only where the site has one of its own.
        """
        facts = self.model_dump(mode="json", include=_DECIDING)
        if self.reconciliation_limit_ratio is not None:
            facts["reconciliation_limit_ratio"] = self.reconciliation_limit_ratio
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()

    @property
    def zone(self) -> ZoneInfo:
        """The site's clock."""
        return ZoneInfo(self.time_zone)


_SITES = TypeAdapter(dict[str, Site])


def read_sites(layout: Layout) -> dict[str, Site]:
    """Return the registered sites by name, none where nothing is registered yet."""
    return read_sites_file(layout.sites_file) if layout.sites_file.exists() else {}


def read_site(layout: Layout, site_id: str) -> Site:
    """Return one registered site.

    Raises:
        ConfigurationError: It is not registered.
    """
    sites = read_sites(layout)
    if site_id not in sites:
        raise ConfigurationError(
            thing=f"site {site_id!r}",
            expected=f"one of the registered sites ({', '.join(sites) or 'none yet'})",
            found="no such site",
            remedy="register it with `negawatt import sites FILE`",
        )
    return sites[site_id]


def read_sites_file(path: Path) -> dict[str, Site]:
    """Return the sites of a TOML file with one table per site.

    Raises:
        ConfigurationError: The file is missing, no TOML, or holds an unknown or wrong key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"sites file {path}",
            expected="a TOML file with one table per site",
            found=str(error),
            remedy="correct the file",
        ) from error
    try:
        sites = _SITES.validate_python(content)
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(
            path,
            problems,
            remedy="correct the key; the fields are time_zone, "
            "settlement_meter_id, revenue_grade, boundary, alternative_programs, payments, "
            "payment_priority, gpu_reading_gap_s, gpu_rows_at_once, other_sites, on_site_meters, "
            "counts_on_site, commitment_tolerance_kw, limit_tolerance_kw, "
            "reconciliation_limit_ratio, weather_station_id, gain_keys, meters, meter_limits",
        ) from error
    for site_id in sites:
        checked_name("site", site_id)
    return sites


def register_sites(layout: Layout, sites: dict[str, Site]) -> None:
    """Add sites, or replace those of the same name; the file changes all at once."""
    merged = sorted((read_sites(layout) | sites).items())
    content = {site_id: site.model_dump(exclude_none=True) for site_id, site in merged}
    with appearing_file(layout.sites_file) as temporary:
        temporary.write_text(tomli_w.dumps(content), encoding="utf-8")
