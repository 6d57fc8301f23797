"""Sections of configurations: one for each kind of target of the agent, and what goes with it.

Here too: how a file of sections is read. Not here: whole files (config, and the listeners' own),
opening what they name (targets).
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from negawatt.models.domain.errors import ConfigurationError, NegawattError, invalid_file
from negawatt.models.domain.identifiers import checked_name


def name_of(kind: str) -> AfterValidator:
    """Return what holds a text to the rules of names (``checked_name``)."""

    def check(name: str) -> str:
        try:
            return checked_name(kind, name)
        except NegawattError as error:
            raise ValueError(error.expected) from error

    return AfterValidator(check)


def _http_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address that begins with http:// or https:// and names a host")
    return url


Url = Annotated[str, AfterValidator(_http_address)]
"""An address as it stands in the file."""
BaseUrl = Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))]
"""One that paths are put behind."""
SiteName = Annotated[str, name_of("site")]
NodeName = Annotated[str, name_of("node")]


class Section(BaseModel):
    """A table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def below(self, folder: Path) -> Self:
        """Return the same with relative paths, also of sections in it, starting at a folder."""
        return self.model_copy(update={name: _below(value, folder) for name, value in self})


def _below(value: Any, folder: Path) -> Any:  # noqa: ANN401 - whatever a key holds
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_below(one, folder) for one in value)
    return value.below(folder) if isinstance(value, Section) else value


_Config = TypeVar("_Config", bound=Section)


def read_config(kind: type[_Config], path: Path, sample: str) -> _Config:
    """Read a TOML file of one kind of configuration; ``negawatt <sample>`` prints one.

    Relative paths in it start at the file's folder.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or breaks a rule.
    """
    remedy = f"correct the key; `negawatt {sample}` prints a file with every key explained"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return kind.model_validate(values).below(path.parent)
    except OSError as error:
        raise ConfigurationError(
            thing=f"configuration {path}",
            expected="a file that can be read",
            found=error.strerror or str(error),
            remedy="give the path of a TOML file",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=f"configuration {path}", expected="TOML", found=str(error), remedy=remedy
        ) from error
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise invalid_file(path, problems, remedy=remedy) from error


class AccessConfig(Section):
    """What a target asks for before it answers; secrets are in files, never here.

    Attributes:
        ca_file: Certificates of the authorities to trust, in PEM; without it the system's.
        client_certificate_file: Our own certificate, in PEM.
        client_key_file: Its key, where it is not in the same file.
        user: User name of basic authentication.
        password_file: File with the password.
        bearer_token_file: File with a bearer token, read again when it changes.
    """

    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    bearer_token_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file together")
        if self.user is not None and self.bearer_token_file is not None:
            raise ValueError("a password_file or a bearer_token_file, not both")
        if self.client_key_file is not None and self.client_certificate_file is None:
            raise ValueError("a client_certificate_file for the client_key_file")
        return self

    @property
    def has_secret(self) -> bool:
        """Whether a password or token is sent."""
        return self.user is not None or self.bearer_token_file is not None


class _Addressed(Section):
    """A target with an address, and what it asks for."""

    url: Url
    access: AccessConfig = AccessConfig()

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> Self:
        if self.access.has_secret and urlsplit(self.url).scheme != "https":
            raise ValueError("an https:// address where a password or token is sent")
        return self


class DcgmConfig(_Addressed):
    """One exporter.

    Attributes:
        url: Address of its page, with the path, usually ``/metrics``.
        node_id: The node whose GPUs it shows.
        access: Certificates and credentials.
    """

    node_id: NodeName


class RedfishConfig(_Addressed):
    """One management controller.

    Attributes:
        url: Its address, without a path.
        node_id: The node it manages.
        access: Certificates, and user and password.
        wants_session: Log in once, rather than send the password with each request.
    """

    node_id: NodeName
    wants_session: bool = True


class MeterFilesConfig(Section):
    """Files of meters that are followed.

    Attributes:
        name: Short name of the source, part of file names; no underscore.
        files: Path whose last part may hold ``*``: CSV files, or ``.parquet``.
        start_column: Column with the start of each interval.
        interval_minutes: Length of each interval [min].
        value_column: Column with the reading; an empty cell is "not known".
        value_unit: W or kW (mean over the interval), Wh or kWh.
        meter_column: Column that names the meter.
        meter_id: Its name, where the files hold one meter only.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        no_reading_values: Values that are codes for "no reading".
    """

    name: Annotated[str, name_of("source")]
    files: Path
    start_column: str
    interval_minutes: int = Field(gt=0)
    value_column: str
    value_unit: Literal["W", "kW", "Wh", "kWh"]
    meter_column: str | None = None
    meter_id: str | None = None
    time_zone: str | None = None
    no_reading_values: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _one_meter_rule(self) -> Self:
        if (self.meter_column is None) == (self.meter_id is None):
            raise ValueError("exactly one of meter_column and meter_id")
        if "_" in self.name:
            raise ValueError("a name without an underscore")
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise ValueError("a time_zone of the tz database")
        return self


class RetryConfig(Section):
    """When a target counts as failing, and how much less it is read then.

    Attributes:
        failing_after_count: Failed reads in a row that make it failing.
        backoff_limit_s: Longest time between two reads of a failing target [s].
        gone_after_s: Time of failing after which it counts as gone [s].
    """

    failing_after_count: int = Field(default=5, ge=1)
    backoff_limit_s: float = Field(default=60.0, gt=0, le=3600)
    gone_after_s: float = Field(default=900.0, gt=0)


class NvmlConfig(Section):
    """The GPUs of this machine, read from the driver.

    Attributes:
        enabled: Whether to read them.
        node_id: This node; needed if enabled.
        sample_interval_s: From one reading to the next, on a grid of its own [s].
    """

    enabled: bool = False
    node_id: NodeName | None = None
    sample_interval_s: float = Field(default=0.1, ge=0.01, le=1)


class DiskConfig(Section):
    """When the collector keeps less, because its disk fills.

    Attributes:
        thin_below_bytes: Free space under which the newest reading of each write is kept.
        energy_only_below_bytes: Free space under which one reading of each GPU is kept now and
            then, in space that was set aside.
        reserve_bytes: Size of each of two files that are set aside.
        energy_interval_s: From one of these readings to the next; longer as the space fills [s].
    """

    thin_below_bytes: int = Field(default=512 << 20, ge=0)
    energy_only_below_bytes: int = Field(default=128 << 20, ge=0)
    reserve_bytes: int = Field(default=8 << 20, ge=4096)
    energy_interval_s: float = Field(default=60.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.energy_only_below_bytes > self.thin_below_bytes:
            raise ValueError("energy_only_below_bytes not above thin_below_bytes")
        return self


class MetricsConfig(Section):
    """The agent's own figures, served at ``/metrics``.

    Attributes:
        host: Address that is listened on.
        port: Port; 0 serves nothing.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)


class ShipConfig(Section):
    """Where sealed files are copied to, each at least once.

    Attributes:
        to: A folder, or ``s3://bucket/prefix``; a relative folder starts at the file's folder.
            Nothing is shipped without it.
        endpoint_url: Address of an S3-compatible store that is not Amazon's.
        region: The store's region.
        keep_days: Shipped files of earlier UTC days are removed from the spool; without it all
            stay [d].
    """

    to: str | None = None
    endpoint_url: Url | None = None
    region: str | None = None
    keep_days: int | None = Field(default=None, ge=1)

    def below(self, folder: Path) -> Self:
        """Return the same with a relative folder starting at a folder."""
        if self.to is None or self.to.startswith("s3://"):
            return self
        return self.model_copy(update={"to": str(folder / self.to)})
