"""Shipping: sealed files go to a folder or an S3-compatible store, each at least once.

A file is whole at its destination before it is noted as shipped; a crash between the two ships it
again, under the same name, which is its content: the receiver has it once. Whatever comes twice in
other ways is told by node, boot, GPU and sequence number. Here: sending. Not here: when (keeper).
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from negawatt.collectors.spool.disk import LogFile, publish, remove
from negawatt.collectors.spool.frames import encode_frame, scan
from negawatt.collectors.spool.log import LOG_FOLDER
from negawatt.collectors.spool.manifest import Manifest, SealedFile
from negawatt.collectors.spool.recovery import damaged_file
from negawatt.collectors.spool.sealing import sealed_file
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.findings import Finding, FindingCode, Severity

_SHIPPED: Final = "shipped"
_S3: Final = "s3://"


class Destination(Protocol):
    """Where files go."""

    def put(self, path: str, data: bytes) -> None:
        """Make a file durable there; again is no harm.

        Raises:
            OSError: It did not get there.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderDestination:
    """A folder, on this machine or mounted.

    Attributes:
        root: The folder.
    """

    root: Path

    def put(self, path: str, data: bytes) -> None:
        """Let the file appear whole."""
        publish(self.root / path, data)


class S3Destination:
    """A bucket of an S3-compatible store, through obstore.

    Credentials come as for other S3 programs: from the environment, or from the machine's role.

    Args:
        url: ``s3://bucket/prefix``.
        endpoint_url: Address of a store that is not Amazon's.
        region: Its region.

    Raises:
        ConfigurationError: The extra ``s3`` is not installed, or the address is none.
    """

    def __init__(self, url: str, *, endpoint_url: str | None, region: str | None) -> None:
        try:
            self._obstore: Any = import_module("obstore")
            stores: Any = import_module("obstore.store")
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                thing=f"shipping to {url}",
                expected="an installation with the extra 's3'",
                found=f"no module {error.name!r}",
                remedy="pip install 'negawatt[s3]'",
            ) from error
        settings = {
            "endpoint": endpoint_url,
            "region": region,
            "virtual_hosted_style_request": endpoint_url is None,
            "checksum_algorithm": "SHA256",
        }
        is_plain = (endpoint_url or "").startswith("http://")
        self._store = stores.from_url(
            url,
            config={key: value for key, value in settings.items() if value is not None},
            client_options={"allow_http": is_plain, "timeout": "60s"},
            retry_config={"max_retries": 3},
        )

    def put(self, path: str, data: bytes) -> None:
        """Send the file; the store checks its SHA-256."""
        try:
            self._obstore.put(self._store, path, data)
        except self._obstore.exceptions.BaseError as error:
            raise OSError(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What one round of shipping did.

    Attributes:
        shipped: Files that arrived, below the spool directory.
        removed: Files that were shipped long ago and are not kept here.
        findings: What did not arrive, and why.
    """

    shipped: tuple[str, ...]
    removed: tuple[str, ...]
    findings: tuple[Finding, ...]


def destination_of(
    to: str | None, *, endpoint_url: str | None = None, region: str | None = None
) -> Destination | None:
    """Return the destination that a configuration names, if any: ``s3://`` or a folder."""
    if to is None:
        return None
    if to.startswith(_S3):
        return S3Destination(to, endpoint_url=endpoint_url, region=region)
    return FolderDestination(Path(to))


class Shipped:
    """The note of what arrived.

    Args:
        root: The spool directory.

    Attributes:
        paths: Files that arrived, below the spool directory.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / LOG_FOLDER / _SHIPPED
        found = scan(self._path.read_bytes() if self._path.exists() else b"")
        self.paths = {json.loads(frame.body)["path"]: frame.number for frame in found.frames}
        self._end = found.end

    def add(self, file: SealedFile) -> None:
        """Note a file; what a crash left of a note before is written over."""
        notes = LogFile(self._path, self._end) if self._end else LogFile.new(self._path)
        try:
            notes.append(encode_frame(len(self.paths), "", json.dumps(asdict(file)).encode()))
        finally:
            notes.close()
        self._end = notes.end
        self.paths[file.path] = len(self.paths)


def ship(
    root: Path,
    destination: Destination,
    *,
    keep_from: date | None = None,
    on_file: Callable[[int, int], None] | None = None,
) -> Shipment:
    """Send every sealed file that was not sent; stop at the first that does not get through.

    Args:
        root: The spool directory.
        destination: Where to.
        keep_from: Shipped files of earlier UTC days are removed here; None keeps all.
        on_file: Told how many files are done, and how many there are.
    """
    notes = Shipped(root)
    waiting = [file for path, file in Manifest(root).files().items() if path not in notes.paths]
    done: list[str] = []
    findings: list[Finding] = []
    for n, file in enumerate(waiting):
        if on_file:
            on_file(n, len(waiting))
        path = root / file.path
        if not path.exists() or sealed_file(root, path).sha256 != file.sha256:
            findings.append(damaged_file(path, "it is not what was sealed, and is not shipped"))
            continue
        try:
            destination.put(file.path, path.read_bytes())
            notes.add(file)
        except OSError as error:
            findings.append(_not_shipped(root, len(waiting) - n, error))
            break
        done.append(file.path)
    return Shipment(
        shipped=tuple(done),
        removed=_remove_old(root, notes, keep_from) if keep_from else (),
        findings=tuple(findings),
    )


def _remove_old(root: Path, notes: Shipped, keep_from: date) -> tuple[str, ...]:
    old = [
        path
        for path in notes.paths
        if date.fromisoformat(Path(path).parent.name.removeprefix("date=")) < keep_from
        and (root / path).exists()
    ]
    for path in old:
        remove(root / path)
    return tuple(old)


def _not_shipped(root: Path, count: int, error: OSError) -> Finding:
    return Finding(
        code=FindingCode.SPOOL_NOT_SHIPPED,
        severity=Severity.WARNING,
        subject=f"spool {root}",
        message=f"{count} sealed files wait to be shipped: {error}",
        evidence={"waiting_count": count},
    )
