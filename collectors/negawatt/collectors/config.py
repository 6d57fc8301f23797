"""The configuration of the agent: one TOML file, read once, unknown keys refused.

Not here: opening what it names (negawatt.collectors.targets).
"""

import math
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from negawatt.models.domain.errors import ConfigurationError, NegawattError, invalid_file
from negawatt.models.domain.identifiers import checked_name

_REMEDY = "correct the key; `negawatt collect sample` prints a file with every key explained"

_LONGEST_TAKE_S = 10.0


def _name(kind: str) -> AfterValidator:
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


_SiteName = Annotated[str, _name("site")]
_NodeName = Annotated[str, _name("node")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class AccessConfig(_Section):
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

    def below(self, folder: Path) -> Self:
        """Return the same with relative paths starting at a folder."""
        files = {
            name: folder / path
            for name, path in self.model_dump().items()
            if isinstance(path, Path)
        }
        return self.model_copy(update=files)


class _Addressed(_Section):
    """A target with an address, and what it asks for."""

    url: Annotated[str, AfterValidator(_http_address)]
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

    node_id: _NodeName


class RetryConfig(_Section):
    """When a target counts as failing, and how much less it is read then.

    Attributes:
        failing_after_count: Failed reads in a row that make it failing.
        backoff_limit_s: Longest time between two reads of a failing target [s].
        gone_after_s: Time of failing after which it counts as gone [s].
    """

    failing_after_count: int = Field(default=5, ge=1)
    backoff_limit_s: float = Field(default=60.0, gt=0, le=3600)
    gone_after_s: float = Field(default=900.0, gt=0)


class NvmlConfig(_Section):
    """The GPUs of this machine, read from the driver.

    Attributes:
        enabled: Whether to read them.
        node_id: This node; needed if enabled.
        sample_interval_s: From one reading to the next, on a grid of its own [s].
    """

    enabled: bool = False
    node_id: _NodeName | None = None
    sample_interval_s: float = Field(default=0.1, ge=0.01, le=1)


class DiskConfig(_Section):
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


class MetricsConfig(_Section):
    """The agent's own figures, served at ``/metrics``.

    Attributes:
        host: Address that is listened on.
        port: Port; 0 serves nothing.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)


class ShipConfig(_Section):
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
    endpoint_url: Annotated[str, AfterValidator(_http_address)] | None = None
    region: str | None = None
    keep_days: int | None = Field(default=None, ge=1)

    def below(self, folder: Path) -> Self:
        """Return the same with a relative folder starting at a folder."""
        if self.to is None or self.to.startswith("s3://"):
            return self
        return self.model_copy(update={"to": str(folder / self.to)})


class CollectConfig(_Section):
    """What to read, how often and where to.

    Attributes:
        site_id: The site all targets stand in.
        spool_directory: Folder that the raw tables are written below.
        scrape_interval_s: From one reading to the next [s].
        request_timeout_s: Longest wait for one answer; shorter than the interval, so that a slow
            target costs only its own reading [s].
        log_interval_s: From one write of the log to the next; a crash loses at most this and the
            time of a write [s].
        seal_interval_s: From one sealed file to the next [s].
        scrape_spread_ratio: Over which share of the time that the timeout leaves the reads of one
            interval are spread, 0 to 1.
        response_size_limit_bytes: Largest exporter page that is read [bytes].
        disk: When to keep less.
        retry: What is done about targets that fail.
        ship: Where sealed files are copied to.
        dcgm: Exporters.
        nvml: The GPUs of this machine.
        metrics: The agent's own figures.
    """

    site_id: _SiteName
    spool_directory: Path
    scrape_interval_s: float = Field(default=1.0, ge=0.02, le=3600)
    request_timeout_s: float = Field(default=0.8, gt=0)
    log_interval_s: float = Field(default=0.8, gt=0, le=3600)
    scrape_spread_ratio: float = Field(default=1.0, ge=0, le=1)
    seal_interval_s: float = Field(default=900.0, gt=0, le=86_400)
    response_size_limit_bytes: int = Field(default=4_194_304, gt=0)
    disk: DiskConfig = DiskConfig()
    retry: RetryConfig = RetryConfig()
    ship: ShipConfig = ShipConfig()
    dcgm: tuple[DcgmConfig, ...] = ()
    nvml: NvmlConfig = NvmlConfig()
    metrics: MetricsConfig = MetricsConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.request_timeout_s >= self.scrape_interval_s:
            raise ValueError("a request_timeout_s shorter than scrape_interval_s")
        if self.nvml.enabled and self.nvml.node_id is None:
            raise ValueError("a node_id in [nvml] when it is enabled")
        if self.nvml.enabled and self.scrape_interval_s > _LONGEST_TAKE_S:
            raise ValueError(
                f"a scrape_interval_s of at most {_LONGEST_TAKE_S} when [nvml] is enabled: what "
                "the driver gave is taken so often"
            )
        node_ids = [target.node_id for target in self.dcgm]
        if self.nvml.enabled and self.nvml.node_id:
            node_ids.append(self.nvml.node_id)
        if not node_ids:
            raise ValueError("at least one [[dcgm]] target, or [nvml] enabled")
        doubled = [node_id for node_id, count in Counter(node_ids).items() if count > 1]
        if doubled:
            raise ValueError(f"one source for each node, and {doubled[0]!r} has more than one")
        return self

    @property
    def spread_s(self) -> float:
        """Over how long the reads of one interval are spread [s]."""
        return self.scrape_spread_ratio * (self.scrape_interval_s - self.request_timeout_s)

    def below(self, folder: Path) -> Self:
        """Return the same with relative paths starting at a folder."""
        return self.model_copy(
            update={
                "spool_directory": folder / self.spool_directory,
                "ship": self.ship.below(folder),
                "dcgm": tuple(
                    target.model_copy(update={"access": target.access.below(folder)})
                    for target in self.dcgm
                ),
            }
        )

    def tick_count(self, duration_s: float) -> int:
        """Return how many readings are due in a duration [s], the first at its start.

        Examples:
            >>> config = CollectConfig(
            ...     site_id="s", spool_directory=Path("spool"), scrape_interval_s=10,
            ...     dcgm=(DcgmConfig(url="http://localhost/metrics", node_id="n1"),))
            >>> config.tick_count(60.0), config.tick_count(61.0)
            (6, 7)
        """
        return math.ceil(duration_s / self.scrape_interval_s)


def load_config(path: Path) -> CollectConfig:
    """Read a configuration; relative paths in it start at the file's folder.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or breaks a rule.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            thing=f"configuration {path}",
            expected="a file that can be read",
            found=error.strerror or str(error),
            remedy="give the path of a TOML file",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=f"configuration {path}", expected="TOML", found=str(error), remedy=_REMEDY
        ) from error
    try:
        config = CollectConfig.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise invalid_file(path, problems, remedy=_REMEDY) from error
    return config.below(path.parent)
