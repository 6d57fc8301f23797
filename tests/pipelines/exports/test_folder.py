from pathlib import Path

import pytest

from negawatt.pipelines.exports import folder
from negawatt.pipelines.exports.folder import publish_folder

OLD = {"report.html": b"old", "lines.csv": b"1"}
NEW = {"report.html": b"new", "days.csv": b"2"}


class ProcessEndedError(Exception):
    """Stands for a process that ends."""


def content(link: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in link.iterdir()}


def test_the_folder_holds_exactly_the_files(tmp_path: Path) -> None:
    link = tmp_path / "reports" / "s.e"

    publish_folder(link, OLD)
    publish_folder(link, NEW)

    assert content(link) == NEW
    assert len(list((link.parent / ".contents" / "s.e").iterdir())) == 1


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    link = tmp_path / "s.e"
    publish_folder(link, OLD)
    before = link.readlink(), (link / "report.html").stat().st_mtime_ns

    publish_folder(link, OLD)

    assert (link.readlink(), (link / "report.html").stat().st_mtime_ns) == before


def test_reports_of_similar_names_do_not_touch_each_other(tmp_path: Path) -> None:
    publish_folder(tmp_path / "s.e", OLD)
    publish_folder(tmp_path / "s.e-2", OLD)

    publish_folder(tmp_path / "s.e", NEW)

    assert content(tmp_path / "s.e-2") == OLD


def test_the_folder_can_be_moved_with_its_parent(tmp_path: Path) -> None:
    publish_folder(tmp_path / "a" / "s.e", OLD)

    (tmp_path / "a").rename(tmp_path / "b")

    assert content(tmp_path / "b" / "s.e") == OLD


@pytest.mark.parametrize("step", ["appearing_file", "_point"])
def test_an_interruption_leaves_the_old_files_and_the_next_try_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    link = tmp_path / "s.e"
    publish_folder(link, OLD)

    def interrupt(*_: object) -> None:
        raise ProcessEndedError

    with monkeypatch.context() as patched:
        patched.setattr(folder, step, interrupt)
        with pytest.raises(ProcessEndedError):
            publish_folder(link, NEW)
        assert content(link) == OLD
    publish_folder(link, NEW)

    assert content(link) == NEW
    assert len(list((tmp_path / ".contents" / "s.e").iterdir())) == 1


def test_a_copy_that_did_not_keep_the_link_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "s.e"
    publish_folder(link, OLD)
    copied = content(link)
    link.unlink()
    link.mkdir()
    for name, text in copied.items():
        (link / name).write_bytes(text)

    publish_folder(link, NEW)

    assert content(link) == NEW
    assert len(list((tmp_path / ".contents" / "s.e").iterdir())) == 1
