"""Where alerts go: ``alerts.toml`` of a warehouse as typed values.

Secrets stand in files of their own, which are read each time. Not here: sending (webhook.py).
"""

import tomllib
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.warehouse.layout import Layout

_ITSELF: Final = {"localhost", "127.0.0.1", "::1"}


class AlertSettings(BaseModel):
    """Where alerts go.

    Attributes:
        url: Address that takes a JSON document by POST; https, or this machine.
        token_file: File of a token for the header Authorization; none by default.
        key_file: File of a key that each document is signed with; none by default.
        attempts: How often one is sent before it counts as not delivered.
        timeout_s: Longest time to wait for an answer [s].

    Examples:
        >>> AlertSettings(url="https://alerts.example.com/negawatt").attempts
        4
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    token_file: Path | None = None
    key_file: Path | None = None
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("url")
    @classmethod
    def _kept_from_others(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.hostname and (parts.scheme == "https" or parts.hostname in _ITSELF):
            return value
        raise ValueError("an https:// address: secrets and findings go there")


def read_alert_settings(layout: Layout) -> AlertSettings | None:
    """Return where a warehouse's alerts go, None where nobody said.

    Raises:
        ConfigurationError: The file is not what it should be.
    """
    path = layout.alerts_file
    if not path.exists():
        return None
    remedy = "correct it as docs/operations/alerts.md says"
    try:
        return AlertSettings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            thing=str(path), expected="TOML", found=str(error), remedy=remedy
        ) from error
    except ValidationError as error:
        raise invalid_file(path, [dict(one) for one in error.errors()], remedy=remedy) from error
