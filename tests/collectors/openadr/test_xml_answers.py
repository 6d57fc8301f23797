"""Answers of a 2.0b VTN are bounded, and are XML without a document type."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from negawatt.collectors.openadr.xml_answers import MOST_BYTES, PlainAnswer, refuse_document_type

LAUGHS = '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    "content",
    [
        LAUGHS.encode(),
        LAUGHS.encode("utf-16"),
        ("\ufeff" + LAUGHS).encode(),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + LAUGHS.encode(),
        b'<?xml version="1.0" encoding="cp037"?>' + LAUGHS.encode("cp037"),
        b'<?xml version="1.0" encoding="UTF-7"?>' + LAUGHS.encode("utf-7"),
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><x/>',
        b"<x>",
        b"",
        b"<x/>\0<!DOCTYPE x>",
    ],
)
def test_entities_and_whatever_is_no_whole_document_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"expected|supported"):
        refuse_document_type(content)


def test_an_answer_is_read_to_a_bound_and_no_further(tmp_path: Path) -> None:
    sent = {"/small": b"<a/>", "/large": b"<a>" + b" " * MOST_BYTES + b"</a>", "/bad": b"<a>"}
    socket = str(tmp_path / "socket")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=sent[request.path])

    async def read(path: str) -> bytes:
        app = web.Application()
        app.router.add_get("/{any}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, socket).start()
        connector = aiohttp.UnixConnector(socket)
        async with aiohttp.ClientSession(connector=connector, response_class=PlainAnswer) as one:
            try:
                async with one.get(f"http://vtn{path}") as found:
                    return await found.read()
            finally:
                await runner.cleanup()

    assert asyncio.run(read("/small")) == b"<a/>"
    for path in ("/large", "/bad"):
        with pytest.raises(aiohttp.ClientPayloadError):
            asyncio.run(read(path))
