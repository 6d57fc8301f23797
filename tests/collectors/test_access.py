"""Real TLS on loopback, with an authority that the test makes."""

import asyncio
import base64
import os
from pathlib import Path

import pytest

from negawatt.collectors.access import Access
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.sources.fetch import Refusal, exporter_session, fetch_page
from negawatt.collectors.sources.protocol import GapReason
from negawatt.models.domain.errors import ConfigurationError
from tests.collectors.authority import Authority

_PAGE = b"up 1\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def _fetch(
    authority: Authority,
    config: AccessConfig,
    *,
    authorization: str | None = None,
    wants_client: bool = False,
) -> bytes | GapReason:
    async def run() -> bytes | Refusal:
        tls = authority.server(wants_client=wants_client)
        async with (
            Emulator(lambda _name: _PAGE, tls=tls, authorization=authorization) as emulator,
            exporter_session(keepalive_s=5.0, request_timeout_s=5.0) as session,
        ):
            url = emulator.url("n1")
            return await fetch_page(session, url, size_limit_bytes=999, access=Access(config))

    found = asyncio.run(run())
    return found.reason if isinstance(found, Refusal) else found


def test_an_exporter_whose_authority_is_named_is_read(authority: Authority) -> None:
    assert _fetch(authority, AccessConfig(ca_file=authority.ca_file)) == _PAGE


def test_an_exporter_whose_authority_is_not_known_is_not_read(authority: Authority) -> None:
    assert _fetch(authority, AccessConfig()) == GapReason.TLS_FAILED


def test_a_client_shows_its_certificate_where_one_is_asked_for(authority: Authority) -> None:
    with_own = AccessConfig(
        ca_file=authority.ca_file, client_certificate_file=authority.issue("client")
    )

    assert _fetch(authority, with_own, wants_client=True) == _PAGE
    without = _fetch(authority, AccessConfig(ca_file=authority.ca_file), wants_client=True)
    assert without in {GapReason.TLS_FAILED, GapReason.CONNECTION_FAILED}


def test_basic_authentication_takes_its_password_from_a_file(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("s3cret\n", "utf-8")
    expected = f"Basic {base64.b64encode(b'negawatt:s3cret').decode()}"
    right = AccessConfig(
        ca_file=authority.ca_file, user="negawatt", password_file=tmp_path / "password"
    )

    assert _fetch(authority, right, authorization=expected) == _PAGE
    wrong = right.model_copy(update={"user": "other"})
    assert _fetch(authority, wrong, authorization=expected) == GapReason.ACCESS_DENIED


def test_a_token_that_is_renewed_in_its_file_is_sent_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n", "utf-8")
    access = Access(AccessConfig(bearer_token_file=path))

    before = access.headers()
    path.write_text("second\n", "utf-8")
    os.utime(path, ns=(1, 1))  # a coarse clock may give both writes one time

    assert before == {"Authorization": "Bearer first"}
    assert access.headers() == {"Authorization": "Bearer second"}


def test_a_token_that_vanishes_is_a_gap_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first", "utf-8")

    async def run() -> bytes | Refusal:
        access = Access(AccessConfig(bearer_token_file=path))
        path.unlink()
        async with exporter_session(keepalive_s=5.0, request_timeout_s=5.0) as session:
            return await fetch_page(
                session, "https://127.0.0.1:9", size_limit_bytes=9, access=access
            )

    found = asyncio.run(run())

    assert isinstance(found, Refusal)
    assert found.reason == GapReason.ACCESS_DENIED


@pytest.mark.parametrize(
    "config",
    [
        {"ca_file": "none.pem"},
        {"ca_file": "empty"},
        {"client_certificate_file": "empty"},
        {"user": "u", "password_file": "none"},
        {"bearer_token_file": "binary"},
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, config: dict[str, str]
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        Access(AccessConfig.model_validate(config).below(tmp_path))
