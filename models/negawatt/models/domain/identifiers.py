"""Names: which characters may stand in those of folders, and which say whose something is.

Not here: the identities that vendors give (GPU UUID, serial), which are kept as they are.
"""

import re
from collections.abc import Mapping
from typing import Final

from negawatt.models.domain.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

IDENTIFYING: Final[Mapping[str, str]] = {
    "boot_id": "boot",
    "gpu_uuid": "gpu",
    "job_id": "job",
    "node_id": "node",
    "scheduler_job_id": "job",
    "serial": "gpu",
    "tenant_id": "tenant",
}
"""Columns and fields whose values say whose work ran where, and what kind of thing each names."""


def checked_name(kind: str, name: str) -> str:
    """Return ``name`` if it may name a folder and a partition key.

    Args:
        kind: What it names, for the message: ``site``, ``node``, ``event``.
        name: 1 to 64 letters, digits, dots, hyphens or underscores, not starting with a mark.

    Raises:
        ConfigurationError: Any other text.

    Examples:
        >>> checked_name("site", "phoenix-srp")
        'phoenix-srp'
        >>> checked_name("site", "a/b")
        Traceback (most recent call last):
            ...
        negawatt.models.domain.errors.ConfigurationError: site name 'a/b': expected 1 to 64 \
letters, digits, '.', '-' or '_', found 'a/b'; choose another name
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            thing=f"{kind} name {name!r}",
            expected="1 to 64 letters, digits, '.', '-' or '_'",
            found=repr(name),
            remedy="choose another name",
        )
    return name
