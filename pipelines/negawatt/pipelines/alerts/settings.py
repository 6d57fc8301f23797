"""Where alerts go: ``alerts.toml`` of a warehouse as typed values.

Secrets stand in files of their own, which are read each time. Not here: sending (webhook.py).
"""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from negawatt.models.domain.errors import ConfigurationError, invalid_file
from negawatt.warehouse.layout import Layout

WANTED_ADDRESS: Final = "an https:// address"
_ITSELF: Final = {"localhost", "127.0.0.1", "::1"}


class AlertSettings(BaseModel):
    """Where alerts go.

    Attributes:
        url: Address that takes a JSON document by POST; https, or this machine. Not shown, nor
            told in errors: chat services put a secret in its path.
        url_file: File of that address, in place of it.
        token_file: File of a token for the header Authorization; none by default.
        key_file: File of a key that each document is signed with; none by default.
        attempts: How often one is sent before it counts as not delivered.
        timeout_s: Longest time to wait for an answer [s].

    Examples:
        >>> AlertSettings(url="https://alerts.example.com/negawatt")
        AlertSettings(url_file=None, token_file=None, key_file=None, attempts=4, timeout_s=10.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str | None, Field(repr=False)] = None
    url_file: Path | None = None
    token_file: Path | None = None
    key_file: Path | None = None
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("url")
    @classmethod
    def _kept_from_others(cls, value: str | None) -> str | None:
        if value is not None and not is_kept_from_others(value):
            raise ValueError(f"{WANTED_ADDRESS}: secrets and findings go there")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("either url or url_file")
        return self


def is_kept_from_others(url: str) -> bool:
    """Say whether nobody on the way reads what is sent to an address.

    Examples:
        >>> [is_kept_from_others(f"{one}/x") for one in (
        ...     "https://example.com", "http://127.0.0.1:80", "http://example.com", "https://[")]
        [True, True, False, False]
    """
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in _ITSELF)
    except ValueError:
        return False


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            thing=str(path), expected="TOML", found=str(error), remedy=remedy
        ) from error
    except ValidationError as error:
        problems = [dict(one) | {"input": _shown(one)} for one in error.errors()]
        raise invalid_file(path, problems, remedy=remedy) from None  # it holds what was found


def _shown(problem: ErrorDetails) -> object:
    """Return what was found, where no secret can be in it."""
    is_of_whole_or_address = not problem["loc"] or problem["loc"][0] == "url"
    return "something else" if is_of_whole_or_address else problem["input"]
