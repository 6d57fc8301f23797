"""Bundle files as they are read: without a warehouse, and nothing is unpacked to disk.

Not here: what is checked of them (negawatt.models.settlement.bundle).
"""

from pathlib import Path

from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.bundle.opened import Opened, open_bundle


def read_bundle(path: Path) -> bytes:
    """Return the bytes of a bundle file.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            thing=f"bundle {str(path)!r}",
            expected="a file that can be read",
            found=error.strerror or type(error).__name__,
            remedy="correct the path",
        ) from error


def open_file(path: Path) -> Opened:
    """Return a bundle file taken apart.

    Raises:
        ConfigurationError: It cannot be read.
        DataRefusedError: It is damaged, or no bundle.
    """
    return open_bundle(read_bundle(path))
