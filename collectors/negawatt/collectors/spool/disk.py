"""What is asked of a disk so that a crash leaves every byte old or new.

Not here: what the bytes mean.
"""

import os
import shutil
from pathlib import Path
from typing import Self


class LogFile:
    """A file that only grows at its end.

    Args:
        path: Where it lies; it is made if it is not there.
        end: Where the next write begins [bytes].
    """

    def __init__(self, path: Path, end: int = 0) -> None:
        self.path = path
        self.end = end
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.capacity = os.fstat(self._descriptor).st_size

    @classmethod
    def new(cls, path: Path) -> Self:
        """Make a file whose own entry survives a power cut; nothing is left if that fails."""
        file = cls(path)
        try:
            sync_folder(path.parent)
        except OSError:
            file.close()
            path.unlink()
            raise
        return file

    def append(self, data: bytes, *, sync: bool = True) -> None:
        """Write; if that fails, the file ends where it ended before.

        Args:
            data: What to write.
            sync: Wait until it would survive a power cut; without, it survives the end of the
                process.

        Raises:
            OSError: The disk did not take all of it.
        """
        try:
            self._write(data)
            if sync:
                os.fdatasync(self._descriptor)
        except OSError:
            if self.end >= self.capacity:  # preallocated space is kept, whatever stands in it
                os.ftruncate(self._descriptor, self.end)
            raise
        self.end += len(data)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        rest, offset = memoryview(data), self.end
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[written:], offset + written


def free_bytes(folder: Path) -> int:
    """Return what may still be written below a folder [bytes]."""
    return shutil.disk_usage(folder).free


def set_aside(path: Path, size: int) -> None:
    """Let a file appear whose space is the disk's to take back no more.

    Raises:
        OSError: There is not enough.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def publish(path: Path, data: bytes | memoryview) -> None:
    """Let a file appear under its name all at once.

    Raises:
        OSError: The disk did not take it; nothing is left of it.
    """
    make_folder(path.parent)
    temporary = path.parent / f".{path.name}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Let a file go, so that it does not come back."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder whose own entry survives a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Make what was written to a file survive a power cut.

    Raises:
        OSError: The disk did not take all of it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
