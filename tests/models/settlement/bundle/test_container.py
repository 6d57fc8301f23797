import io
import zipfile

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.container import CONTAINER, Damage, pack, unpack

MEMBERS = {"b.txt": b"two", "a/one.csv": b"1,2\n3,4\n", "c": b""}


def test_any_unzip_reads_it() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(MEMBERS))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert archive.namelist() == sorted(MEMBERS)


def test_it_comes_back_whole() -> None:
    assert unpack(pack(MEMBERS)) == MEMBERS


@pytest.mark.parametrize("change", [1, 0x20, 0x80, 0xFF])
def test_every_changed_byte_is_located(change: int) -> None:
    """The oracle is where the contents lie: found by searching for them."""
    whole = pack(MEMBERS)
    owner = [CONTAINER] * len(whole)
    for name, content in MEMBERS.items():
        if content:
            start = whole.index(content)
            owner[start : start + len(content)] = [name] * len(content)

    for offset, place in enumerate(owner):
        changed = bytearray(whole)
        changed[offset] ^= change
        found = unpack(bytes(changed))

        assert isinstance(found, Damage), offset
        assert found.place == place, offset


@pytest.mark.parametrize("more", [b"\0", b"PK\x05\x06", pack(MEMBERS)])
def test_bytes_before_or_after_are_damage(more: bytes) -> None:
    for changed in (pack(MEMBERS) + more, more + pack(MEMBERS), pack(MEMBERS)[: -len(more)], more):
        found = unpack(changed)

        assert changed == pack(MEMBERS) or isinstance(found, Damage)


def test_a_member_twice_is_damage() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")

    assert isinstance(unpack(buffer.getvalue()), Damage)


def test_a_compressed_file_is_damage_and_never_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(100_000))

    assert isinstance(unpack(buffer.getvalue()), Damage)


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "a/..", "a\\b", "a b", "", ".a", "a\0", "é"]
)
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="member names are words"):
        pack({name: b""})


def test_a_name_that_could_leave_its_folder_is_damage_when_read() -> None:
    """Somebody made the file by other means: the same length, in both places."""
    found = unpack(pack({"aa/b": b"1"}).replace(b"aa/b", b"../b"))

    assert found == Damage(place=CONTAINER, found="the member name '../b'")


def test_more_than_a_plain_zip_file_holds_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="leave the inputs out"):
        pack({f"a{number}": b"" for number in range(2**16)})
