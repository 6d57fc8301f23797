"""Answers of a 2.0b VTN as they come, before anything makes sense of them: bounded, and plain XML.

`openleadr` reads an answer whole and gives it to a parser that expands entities, and that ends the
process at some of them. Not here: what an answer says (ven_two_b).
"""

from typing import Final
from xml.parsers import expat

import aiohttp

MOST_BYTES: Final = 4_000_000


def refuse_document_type(content: bytes) -> None:
    """Refuse what is no well-formed XML, or has a document type, and with it entities.

    Raises:
        ValueError: It is or has.

    Examples:
        >>> refuse_document_type(b"<a/>")
        >>> refuse_document_type(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
        Traceback (most recent call last):
            ...
        ValueError: XML without a document type is expected, found one of 'a'
    """

    def refuse(name: str, *_: object) -> None:
        raise ValueError(f"XML without a document type is expected, found one of {name!r}")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the end; it takes no keyword
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise ValueError(f"well-formed XML is expected: {error}") from error


class PlainAnswer(aiohttp.ClientResponse):
    """An answer whose body is refused where it is too large or no plain XML."""

    async def read(self) -> bytes:
        """Return the body.

        Raises:
            ClientPayloadError: It is refused.
        """
        found = bytearray()
        async for chunk in self.content.iter_chunked(65_536):
            found += chunk
            if len(found) > MOST_BYTES:
                self.close()
                raise aiohttp.ClientPayloadError(f"an answer of more than {MOST_BYTES} bytes")
        try:
            refuse_document_type(bytes(found))
        except ValueError as error:
            raise aiohttp.ClientPayloadError(str(error)) from error
        return bytes(found)
