"""The configuration of a listener on a VTN: one TOML file, read once, unknown keys refused.

Not here: opening what it names (vtn, webhook).
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from negawatt.collectors.config_sections import (
    AccessConfig,
    BaseUrl,
    Section,
    SiteName,
    Url,
    name_of,
    read_config,
)
from negawatt.collectors.oauth import OAuthConfig, is_safe_for_secrets
from negawatt.collectors.openadr.intake import Terms
from negawatt.collectors.openadr.translate import AskKind, ProgramTerms


class VtnConfig(Section):
    """The VTN.

    Attributes:
        url: Its base address, as a rule ending in ``/openadr3/3.1.0`` or the like.
        client_name: Our name at the VTN, and of what is remembered of it here.
        access: Certificates; a bearer token where the VTN gives one without OAuth2.
        oauth: OAuth2 client credentials.
        poll_interval_s: How often events are asked for; at once behind a notification [s].
        request_timeout_s: Longest time for one answer [s].
    """

    url: BaseUrl
    client_name: Annotated[str, name_of("client"), Field(pattern="^[^_]+$")]
    access: AccessConfig = AccessConfig()
    oauth: OAuthConfig | None = None
    poll_interval_s: Annotated[float, Field(ge=0.05, le=86_400)] = 60.0
    request_timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.access.user is not None or (self.oauth and self.access.has_secret):
            raise ValueError("oauth or access.bearer_token_file, one of them")
        is_secret = self.oauth is not None or self.access.has_secret
        if is_secret and not is_safe_for_secrets(self.url):
            raise ValueError("an https:// address where a secret or token is sent")
        return self


class WebhookConfig(Section):
    """Where the VTN says that something changed.

    Attributes:
        callback_url: Our address as the VTN reaches it.
        token_file: File with the token that it brings, at least 16 characters.
        host: Address to listen on.
        port: Port to listen on.
    """

    callback_url: Url
    token_file: Path
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)]

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> Self:
        if not is_safe_for_secrets(self.callback_url):
            raise ValueError("a callback_url that begins with https://: a proxy adds TLS")
        return self


class LevelConfig(Section):
    """What a level of SIMPLE asks for: one of these.

    Attributes:
        limit_kw: Power not to exceed [kW].
        committed_kw: Reduction [kW].
        target_reduction_ratio: Reduction as a share of the load, 0 to 1.
    """

    limit_kw: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    committed_kw: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    target_reduction_ratio: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self._asks()) != 1:
            raise ValueError("one of limit_kw, committed_kw and target_reduction_ratio")
        return self

    def ask(self) -> tuple[AskKind, float]:
        """Return which it is, and how much."""
        return self._asks()[0]

    def _asks(self) -> list[tuple[AskKind, float]]:
        told: tuple[tuple[AskKind, float | None], ...] = (
            ("limit_kw", self.limit_kw),
            ("committed_kw", self.committed_kw),
            ("target_reduction_ratio", self.target_reduction_ratio),
        )
        return [(kind, value) for kind, value in told if value is not None]


class MeaningConfig(Section):
    """What events of a program mean.

    Attributes:
        program_id: The program that settles its events.
        event_kind: What sort of dispatch they are.
        levels: What levels 1 to 3 of SIMPLE ask for.
        relative_is_reduction: DISPATCH_SETPOINT_RELATIVE is a reduction [kW].
        price_series: Name of the series that its prices become.
        alert_series: Name of the series of grid stress that its alerts become.
        targets: The VTN's names for our load: an event with other targets alone is not ours.
    """

    program_id: Annotated[str, name_of("program")]
    event_kind: Annotated[str, Field(pattern="^(economic|emergency|test|trial)$")] = "economic"
    levels: dict[Annotated[int, Field(ge=1, le=3)], LevelConfig] = {}  # noqa: RUF012 - frozen, by Section
    relative_is_reduction: bool = False
    price_series: Annotated[str, name_of("series")] | None = None
    alert_series: Annotated[str, name_of("series")] | None = None
    targets: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()

    def terms(self) -> ProgramTerms:
        """Return what its events are held against."""
        return ProgramTerms(
            program_id=self.program_id,
            event_kind=self.event_kind,
            levels={level: config.ask() for level, config in self.levels.items()},
            relative_is_reduction=self.relative_is_reduction,
            price_series=self.price_series,
            alert_series=self.alert_series,
            targets=frozenset(self.targets),
        )


class ProgramConfig(MeaningConfig):
    """A program of the VTN.

    Attributes:
        vtn_program_id: Its id at the VTN.
    """

    vtn_program_id: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,128}$")]


class OpenAdrConfig(Section):
    """Everything a listener needs to know.

    Attributes:
        site_id: The site whose load is asked for.
        root: Folder of the raw tables: the warehouse, or a spool that is shipped to it.
        vtn: The VTN.
        programs: Whose events are ours.
        webhook: Where the VTN says that something changed; it is only polled without.
        event_prefix: Begins the names of events, where ids of two VTNs might be the same.
        max_message_bytes: An event that is larger is not read [bytes].
    """

    site_id: SiteName
    root: Path
    vtn: VtnConfig
    programs: Annotated[tuple[ProgramConfig, ...], Field(min_length=1)]
    webhook: WebhookConfig | None = None
    event_prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9.-]{0,19})?$")] = ""
    max_message_bytes: Annotated[int, Field(ge=1024, le=10_000_000)] = 1_000_000

    @model_validator(mode="after")
    def _one_program_for_each_id(self) -> Self:
        ids = [program.vtn_program_id for program in self.programs]
        if len(set(ids)) < len(ids):
            raise ValueError("another vtn_program_id for each program")
        return self

    def terms(self) -> Terms:
        """Return what messages are held against."""
        return Terms(
            site_id=self.site_id,
            vtn_url=self.vtn.url,
            programs={program.vtn_program_id: program.terms() for program in self.programs},
            prefix=self.event_prefix,
            max_message_bytes=self.max_message_bytes,
        )


def load_openadr_config(path: Path) -> OpenAdrConfig:
    """Read a configuration, as ``read_config`` does."""
    return read_config(OpenAdrConfig, path, "listen openadr-sample")
