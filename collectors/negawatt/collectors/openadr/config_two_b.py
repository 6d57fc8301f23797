"""The configuration of a listener on an OpenADR 2.0b VTN.

Not here: opening what it names (ven_two_b).
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from negawatt.collectors.config_sections import (
    AccessConfig,
    BaseUrl,
    Section,
    SiteName,
    name_of,
    read_config,
)
from negawatt.collectors.openadr.config import MeaningConfig
from negawatt.collectors.openadr.intake import Terms


class TwoBVtnConfig(Section):
    """The VTN.

    Attributes:
        url: Its address, as a rule ending in ``/OpenADR2/Simple/2.0b``.
        ven_name: Our name at the VTN, and of what is remembered of it here.
        answer: What each event is answered with: the VTN wants an answer, and it is the site's.
        certificate_file: Our own certificate, in PEM; messages are signed with it.
        key_file: Its key.
        ca_file: Authorities to trust, in PEM.
        fingerprint: Of the certificate that the VTN signs its messages with.
    """

    url: BaseUrl
    ven_name: Annotated[str, name_of("ven"), Field(pattern="^[^_]+$")]
    answer: Literal["optIn", "optOut"]
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    fingerprint: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file together")
        return self

    @property
    def access(self) -> AccessConfig:
        """Its files, as any target has them."""
        return AccessConfig(
            ca_file=self.ca_file,
            client_certificate_file=self.certificate_file,
            client_key_file=self.key_file,
        )


class MarketConfig(MeaningConfig):
    """A market context of the VTN.

    Attributes:
        market_context: Its name at the VTN.
    """

    market_context: Annotated[str, Field(min_length=1)]


class TwoBConfig(Section):
    """Everything a listener needs to know.

    Attributes:
        site_id: The site whose load is asked for.
        root: Folder of the raw tables: the warehouse, or a spool that is shipped to it.
        vtn: The VTN.
        programs: Whose events are ours.
        event_prefix: Begins the names of events, where ids of two VTNs might be the same.
    """

    site_id: SiteName
    root: Path
    vtn: TwoBVtnConfig
    programs: Annotated[tuple[MarketConfig, ...], Field(min_length=1)]
    event_prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9.-]{0,19})?$")] = ""

    @model_validator(mode="after")
    def _one_program_for_each_market(self) -> Self:
        if len(self.program_of()) < len(self.programs):
            raise ValueError("another market_context for each program")
        return self

    def program_of(self) -> dict[str, str]:
        """Return names of programs, as events of 3.1 have them, by market context.

        Events are remembered under them, so that they are the same in whatever order programs
        stand; a market context itself, an address, has characters that no id has.
        """
        contexts = [one.market_context for one in self.programs]
        return {one: hashlib.sha256(one.encode()).hexdigest() for one in contexts}

    def terms(self) -> Terms:
        """Return what messages are held against."""
        names = self.program_of()
        return Terms(
            site_id=self.site_id,
            vtn_url=self.vtn.url,
            programs={names[one.market_context]: one.terms() for one in self.programs},
            prefix=self.event_prefix,
            version="2.0b",
        )


def load_two_b_config(path: Path) -> TwoBConfig:
    """Read a configuration, as ``read_config`` does."""
    return read_config(TwoBConfig, path, "listen openadr2-sample")
