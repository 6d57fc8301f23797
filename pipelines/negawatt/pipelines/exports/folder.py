"""A folder of files that appears all at once, and is replaced all at once.

The files lie in a folder named for their content, and a relative link with the plain name points
there. Switching a link is one step of the file system, which replacing a full folder is not.
Not here: what the files hold.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from negawatt.warehouse.layout import appearing_file

_CONTENTS = ".contents"
_DIGEST_LENGTH = 16


def publish_folder(link: Path, files: Mapping[str, bytes]) -> None:
    """Make ``link`` a folder with exactly these files.

    A reader finds the old files or the new ones, also after an interruption. The same files again
    change nothing.

    Args:
        link: Where the folder appears; the files lie below ``.contents`` beside it.
        files: Content by name.

    Examples:
        >>> folder = Path(tempfile.mkdtemp()) / "report"
        >>> publish_folder(folder, {"a.txt": b"old", "b.txt": b"gone"})
        >>> publish_folder(folder, {"a.txt": b"new"})
        >>> [(entry.name, entry.read_text()) for entry in folder.iterdir()]
        [('a.txt', 'new')]
    """
    target = link.parent / _CONTENTS / link.name / _digest(files)
    if not target.exists():
        _write_whole(target, files)
    _point(link, target)
    for other in target.parent.iterdir():
        if other != target:
            shutil.rmtree(other)


def _write_whole(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder beside its place and move it there; it never stands there half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=target.parent))
    for name, content in files.items():
        with appearing_file(part / name) as temporary:
            temporary.write_bytes(content)
    part.chmod(0o755)
    part.rename(target)


def _point(link: Path, target: Path) -> None:
    relative = target.relative_to(link.parent)
    if link.is_symlink() and link.readlink() == relative:
        return
    if link.is_dir() and not link.is_symlink():
        # A copy that did not keep links: its folder is moved aside, and removed as outdated.
        link.replace(target.parent / "copied")
    fresh = target.parent.parent / f"{link.name}.link"
    fresh.unlink(missing_ok=True)
    # The link is made where it does not show, but says what is right from where it goes.
    fresh.symlink_to(relative, target_is_directory=True)
    fresh.replace(link)


def _digest(files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:_DIGEST_LENGTH]
