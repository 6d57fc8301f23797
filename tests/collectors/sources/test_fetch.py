"""Real HTTP on loopback, against the emulator."""

import asyncio

import pytest

from negawatt.collectors.access import Access
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator, Failure
from negawatt.collectors.sources.fetch import Refusal, exporter_session, fetch_page
from negawatt.collectors.sources.protocol import GapReason

_PAGE = render_page([EmulatedGpu(gpu_uuid="GPU-a", power_milliwatt=512_300)])


def _page(target_name: str) -> bytes:
    return {"n1": _PAGE}[target_name]


async def _fetch(
    target_name: str = "n1", failure: Failure | None = None, size_limit_bytes: int = 10_000
) -> bytes | Refusal:
    async with (
        Emulator(_page) as emulator,
        exporter_session(keepalive_s=5.0, request_timeout_s=0.2) as session,
    ):
        if failure:
            emulator.failures["n1"] = failure
        url = emulator.url(target_name)
        return await fetch_page(session, url, size_limit_bytes=size_limit_bytes, access=Access())


def _refused(body: bytes | Refusal) -> GapReason:
    assert isinstance(body, Refusal)
    return body.reason


def test_a_whole_page_arrives_as_it_was_sent() -> None:
    assert asyncio.run(_fetch()) == _PAGE


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure.HTTP_500, GapReason.HTTP_ERROR),
        (Failure.EMPTY, GapReason.EMPTY_PAGE),
        (Failure.TRUNCATED, GapReason.PAGE_TRUNCATED),
        (Failure.TRUNCATED_CHUNKS, GapReason.PAGE_TRUNCATED),
        (Failure.CLOSE_DELIMITED, GapReason.PAGE_NOT_DELIMITED),
        (Failure.HANG, GapReason.TIMEOUT),
    ],
)
def test_an_answer_that_may_not_be_whole_is_refused_with_its_reason(
    failure: Failure, reason: GapReason
) -> None:
    assert _refused(asyncio.run(_fetch(failure=failure))) == reason


def test_a_page_that_does_not_exist_is_an_http_error() -> None:
    body = asyncio.run(_fetch("n2"))

    assert isinstance(body, Refusal)
    assert body == Refusal(reason=GapReason.HTTP_ERROR, detail="HTTP status 404")


def test_a_page_may_be_as_large_as_the_limit_and_no_larger() -> None:
    whole = asyncio.run(_fetch(size_limit_bytes=len(_PAGE)))
    refused = asyncio.run(_fetch(size_limit_bytes=len(_PAGE) - 1))

    assert whole == _PAGE
    assert _refused(refused) == GapReason.PAGE_TOO_LARGE


def test_nobody_listening_is_a_failed_connection() -> None:
    async def fetch_after_the_end() -> bytes | Refusal:
        async with Emulator(_page) as emulator:
            url = emulator.url("n1")
        async with exporter_session(keepalive_s=5.0, request_timeout_s=0.2) as session:
            return await fetch_page(session, url, size_limit_bytes=10_000, access=Access())

    assert _refused(asyncio.run(fetch_after_the_end())) == GapReason.CONNECTION_FAILED


def test_pages_of_one_exporter_come_over_one_connection() -> None:
    async def connections() -> int:
        async with (
            Emulator(_page) as emulator,
            exporter_session(keepalive_s=5.0, request_timeout_s=0.2) as session,
        ):
            for _ in range(5):
                await fetch_page(
                    session, emulator.url("n1"), size_limit_bytes=10_000, access=Access()
                )
            return emulator.connection_count

    assert asyncio.run(connections()) == 1
