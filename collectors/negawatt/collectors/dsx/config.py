"""The configuration of a listener: one TOML file, read once, unknown keys refused.

Not here: opening what it names (client, signatures).
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from negawatt.collectors.config_sections import (
    AccessConfig,
    Section,
    SiteName,
    Url,
    name_of,
    read_config,
)
from negawatt.collectors.dsx.intake import Terms
from negawatt.collectors.dsx.signatures import Signer, read_public_key
from negawatt.collectors.oauth import OAuthConfig

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


def _broker_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("an address that begins with mqtt:// or mqtts:// and names a host")
    return url


class DsxOAuthConfig(OAuthConfig):
    """OAuth2 client credentials, as DSX Flex 1.7.0 has them (``oauth2Ssa``).

    Attributes:
        token_url: Where a token is asked for.
        scope: Scopes to ask for.
        ca_file: Authorities to trust there, in PEM; without it the system's.
    """

    token_url: Url
    scope: str = "mqtt"
    ca_file: Path | None = None


class BrokerConfig(Section):
    """The broker.

    Attributes:
        url: Its address; ``mqtts://`` for TLS.
        client_id: Our session's name, which stays the same: the broker keeps what comes while we
            are away.
        access: Certificates and credentials; a token is sent as DSX Exchange asks, as the password
            of the user ``oauthtoken``.
        oauth: Where such a token is asked for, and asked for anew before it ends.
        keepalive_s: After one and a half of these without a word the connection is lost [s].
    """

    url: Annotated[str, AfterValidator(_broker_address)]
    client_id: Annotated[str, name_of("client")]
    access: AccessConfig = AccessConfig()
    oauth: DsxOAuthConfig | None = None
    keepalive_s: Annotated[int, Field(ge=1, le=3600)] = 30

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> Self:
        if self.oauth and self.access.has_secret:
            raise ValueError("oauth, or a token or password in access: one of them")
        is_secret = self.oauth or self.access.has_secret or self.access.client_certificate_file
        if is_secret and not self.is_encrypted:
            raise ValueError("an mqtts:// address where a token, password or certificate is used")
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Where it is."""
        parts = urlsplit(self.url)
        return str(parts.hostname), parts.port or _PORTS[parts.scheme]


class KeyConfig(Section):
    """A signer.

    Attributes:
        key_id: The ``kid`` of its signatures.
        source: Whom it speaks for: ``//grid/v1/<role>/<identifier>``.
        file: Its public key, in PEM.
    """

    key_id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(pattern=r"^//grid/v1/(isv|dsx-flex-agent|infra)/[^/]+$")]
    file: Path


class FlexConfig(Section):
    """DSX Flex.

    Attributes:
        feed_tag: The feed at whose meter the site is settled.
        program_id: The program that settles events on it.
        event_kind: What sort of dispatch they are.
        keys: Who may sign.
        max_age_s: What is older is expired [s].
        topics: What is asked for.
    """

    feed_tag: Annotated[str, name_of("feed"), Field(max_length=22)]
    program_id: Annotated[str, name_of("program")]
    event_kind: Annotated[str, Field(pattern="^(economic|emergency|test|trial)$")] = "economic"
    keys: tuple[KeyConfig, ...] = ()
    max_age_s: Annotated[float, Field(ge=1)] = 86_400.0
    topics: tuple[str, ...] = ("grid/v1/#",)

    @model_validator(mode="after")
    def _one_key_for_each_name(self) -> Self:
        names = [key.key_id for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("another key_id for each key")
        return self


class BmsConfig(Section):
    """The BMS bus.

    Attributes:
        topics: What is asked for. The broker sends the first of them first: metadata, without
            which no value is understood.
    """

    topics: tuple[str, ...] = (
        "BMS/v1/PUB/Metadata/#",
        "BMS/v1/+/Value/PowerMeter/ActivePower/#",
        "BMS/v1/+/Value/Rack/RackPower/#",
    )


class ListenConfig(Section):
    """Everything a listener needs to know.

    Attributes:
        site_id: The site.
        root: Folder of the raw tables: the warehouse, or a spool that is shipped to it.
        broker: The broker.
        flex: DSX Flex.
        bms: The BMS bus.
        seal_interval_s: How often power readings are sealed [s]; an event is sealed at once.
        max_message_bytes: What is larger is not read.
    """

    site_id: SiteName
    root: Path
    broker: BrokerConfig
    flex: FlexConfig
    bms: BmsConfig = BmsConfig()
    seal_interval_s: Annotated[float, Field(gt=0)] = 60.0
    max_message_bytes: Annotated[int, Field(ge=1024, le=100_000)] = 65_536

    @property
    def topics(self) -> tuple[str, ...]:
        """What is asked for, in this order."""
        return (*self.flex.topics, *self.bms.topics)

    def terms(self) -> Terms:
        """Return what messages are held against.

        Raises:
            ConfigurationError: A key is none that may sign.
        """
        return Terms(
            site_id=self.site_id,
            feed_tag=self.flex.feed_tag,
            program_id=self.flex.program_id,
            event_kind=self.flex.event_kind,
            signers={
                key.key_id: Signer(source=key.source, key=read_public_key(key.file))
                for key in self.flex.keys
            },
            max_age=timedelta(seconds=self.flex.max_age_s),
            max_message_bytes=self.max_message_bytes,
        )


def load_listen_config(path: Path) -> ListenConfig:
    """Read a configuration, as ``read_config`` does."""
    return read_config(ListenConfig, path, "listen dsx-sample")
