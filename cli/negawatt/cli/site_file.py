"""A site's facts from a TOML file, for rules that ask for more than the load.

Here: the keys, the files that they name, and what is refused. Not here: which rule asks for which
(``negawatt programs show``), reading a load (load_file.py).
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from negawatt.cli.load_file import read_load, read_temperature
from negawatt.models.baselines.site_inputs import ControlGroup, Nomination, SiteInputs
from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.models.domain.interval import Interval

Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    load: Path
    control_count: Annotated[int, Field(ge=1)]
    treated_count: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schedule:
    load: Path
    locked_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    start: AwareDatetime
    end: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _SiteFile:
    """The keys of the file; paths count from its folder."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    temperature: Path | None = None
    generator: Path | None = None
    control_group: _Group | None = None
    nomination: _Schedule | None = None
    loss_factor: Positive | None = None
    peak_load_contribution_kw: Positive | None = None
    winter_peak_load_kw: Positive | None = None
    firm_service_level_kw: Positive | None = None
    declared_maximum_base_load_kw: Positive | None = None
    average_peak_demand_kw: Positive | None = None
    system_peak_starts: tuple[AwareDatetime, ...] = ()
    outage_days: frozenset[date] = frozenset()
    shutdown_days: frozenset[date] = frozenset()
    other_program_windows: tuple[_Window, ...] = ()
    undispatched_windows: tuple[_Window, ...] = ()
    denied_windows: tuple[_Window, ...] = ()
    instructed_at: AwareDatetime | None = None
    gate_closed_at: AwareDatetime | None = None


_SITE_FILE: Final = TypeAdapter(_SiteFile)


def read_site(path: Path) -> SiteInputs:
    """Return the facts of a site file.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or breaks the schema.
        DataRefusedError: A file that it names is refused.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"site file {str(path)!r}",
            expected="readable TOML",
            found=str(error),
            remedy="correct the file",
        ) from error
    try:
        stated = _SITE_FILE.validate_python(document)
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error
    return _inputs(path.parent, stated)


def _inputs(folder: Path, stated: _SiteFile) -> SiteInputs:
    group, schedule = stated.control_group, stated.nomination
    return SiteInputs(
        temperature=None
        if stated.temperature is None
        else read_temperature(folder / stated.temperature),
        generator=None if stated.generator is None else read_load(folder / stated.generator),
        control_group=None
        if group is None
        else ControlGroup(
            load=read_load(folder / group.load),
            control_count=group.control_count,
            treated_count=group.treated_count,
        ),
        nomination=None
        if schedule is None
        else Nomination(
            schedule=read_load(folder / schedule.load),
            locked_at_utc=schedule.locked_at.astimezone(UTC),
        ),
        loss_factor=stated.loss_factor,
        peak_load_contribution_kw=stated.peak_load_contribution_kw,
        winter_peak_load_kw=stated.winter_peak_load_kw,
        firm_service_level_kw=stated.firm_service_level_kw,
        declared_maximum_base_load_kw=stated.declared_maximum_base_load_kw,
        average_peak_demand_kw=stated.average_peak_demand_kw,
        system_peak_starts_utc=[start.astimezone(UTC) for start in stated.system_peak_starts],
        outage_days=stated.outage_days,
        shutdown_days=stated.shutdown_days,
        other_program_windows=_windows(stated.other_program_windows),
        undispatched_windows=_windows(stated.undispatched_windows),
        denied_windows=_windows(stated.denied_windows),
        instructed_at_utc=_utc(stated.instructed_at),
        gate_closed_at_utc=_utc(stated.gate_closed_at),
    )


def _windows(windows: tuple[_Window, ...]) -> list[Interval]:
    return [Interval(w.start.astimezone(UTC), w.end.astimezone(UTC)) for w in windows]


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
