"""What a target asks before it answers: certificates, and credentials that are read from files.

A configuration names files, never secrets. Not here: requests (fetch, redfish).
"""

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path

from negawatt.collectors.config_sections import AccessConfig
from negawatt.models.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class _Secret:
    """The first line of a file, read anew when the file changes: tokens are renewed."""

    path: Path
    _known: dict[int, str]

    def text(self) -> str:
        changed_ns = self.path.stat().st_mtime_ns
        if changed_ns not in self._known:
            text = self.path.read_text("utf-8").strip()
            self._known.clear()
            self._known[changed_ns] = text
        return self._known[changed_ns]


class Access:
    """How to reach one target: its TLS context and its header of authorization.

    Args:
        config: Which files; nothing by default: the system's authorities, and no credentials.

    Raises:
        ConfigurationError: A file cannot be read, or holds no certificate or key.
    """

    def __init__(self, config: AccessConfig | None = None) -> None:
        self._config = config or AccessConfig()
        self._ssl_context = _ssl_context(self._config)
        secret_file = self._config.password_file or self._config.bearer_token_file
        self._secret = _Secret(secret_file, {}) if secret_file else None
        if secret_file:
            self._read_or_refuse(secret_file)

    @property
    def ssl_context(self) -> ssl.SSLContext | bool:
        """For addresses that begin with https; True is the library's default."""
        return self._ssl_context

    def headers(self) -> dict[str, str]:
        """Return the header of authorization, if there is one.

        Raises:
            OSError: The file with the secret has gone.
        """
        if self._secret is None:
            return {}
        secret = self._secret.text()
        if self._config.bearer_token_file:
            return {"Authorization": f"Bearer {secret}"}
        pair = f"{self._config.user}:{secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def secret(self) -> str | None:
        """Return the password or token, if there is one.

        Raises:
            OSError: Its file has gone.
        """
        return self._secret.text() if self._secret else None

    def user_and_password(self) -> tuple[str, str] | None:
        """Return what a session is opened with, where a password is given."""
        if self._secret is None or not self._config.user:
            return None
        return self._config.user, self._secret.text()

    def _read_or_refuse(self, path: Path) -> None:
        try:
            self.headers()
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, "a file with one secret in its first line", error) from error


def _ssl_context(config: AccessConfig) -> ssl.SSLContext | bool:
    if not (config.ca_file or config.client_certificate_file):
        return True
    path = config.ca_file or config.client_certificate_file
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.client_certificate_file:
            path = config.client_certificate_file
            context.load_cert_chain(path, config.client_key_file)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable(path, "certificates (and their key) in PEM", error) from error
    return context


def _unreadable(path: Path | None, expected: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        thing=f"file {path}",
        expected=expected,
        found=str(error),
        remedy="correct the path, the file or its permissions",
    )
