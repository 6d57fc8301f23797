"""Exporter pages that were damaged on the way, and what may be read from them: an oracle.

The oracle shares nothing with our parser: it looks for a literal at the end of a line.
"""

import random
import re
from decimal import ROUND_HALF_EVEN, Decimal

from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.sources.dcgm_page import interpret
from negawatt.collectors.sources.exposition import PageParser, TruncatedPageError
from negawatt.collectors.sources.protocol import Stamp

_LITERAL = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$")
_NOISE = b'0123456789.{}"=, \t#_-+eEnN\\\r\xff\x00'
_POWER = (b"DCGM_FI_DEV_POWER_USAGE", b"power_usage", b"DCGM_FI_DEV_BOARD_POWER")

PAGE = render_page(
    [
        EmulatedGpu(
            gpu_uuid=f"GPU-{index}",
            index=index,
            power_milliwatt=512_345 + index,
            energy_total_millijoule=15_152_422_938 + index,
            power_limit_milliwatt=700_000,
            gpu_util_ratio=0.97,
            gpu_temperature_c=61,
            more_labels='pod="a",namespace="b"',
        )
        for index in range(2)
    ]
)


def mutated(page: bytes, generator: random.Random) -> bytes:
    """Return a page with one to four damages: bytes, lines, or its end."""
    for _ in range(generator.randint(1, 4)):
        kind, at = generator.randrange(7), generator.randrange(max(1, len(page)))
        lines = page.split(b"\n")
        n = generator.randrange(len(lines))
        if kind == 0:
            page = page[:at] + bytes([generator.randrange(256)]) + page[at + 1 :]
        elif kind == 1:
            page = page[:at] + bytes([generator.choice(_NOISE)]) + page[at:]
        elif kind == 2:
            page = page[:at] + page[at + generator.randint(1, 40) :]
        elif kind == 3:
            page = page[:at]
        elif kind == 4:
            page = b"\n".join([*lines[:n], lines[n][: generator.randrange(len(lines[n]) + 1)]])
        elif kind == 5:
            page = b"\n".join([*lines[:n], lines[generator.randrange(len(lines))], *lines[n:]])
        else:
            page = b"\n".join([*lines[:n], *lines[n + 1 :]])
    return page


def check_page(parser: PageParser, body: bytes, stamp: Stamp) -> int | None:
    """Read a page and hold every value against its line; return how many, None if refused.

    Raises:
        AssertionError: A value is not the literal on its line, or a cut page was read.
    """
    whole = not body or body.endswith(b"\n")
    try:
        page = parser.parse(body)
    except TruncatedPageError:
        assert not whole, f"a whole page was refused: {body!r}"
        return None
    assert whole, f"a page that was cut was read: {body!r}"
    lines = body.split(b"\n")
    for sample in page.samples:
        literal = _LITERAL.search(lines[sample.line_number - 1])
        assert literal, f"a value was read from a line without one: {sample}"
        assert Decimal(literal[0].decode()) == Decimal(sample.value_text), sample
    batch, rejected = interpret(page, stamp, subject="mutated")
    assert len(page.samples) + len(page.rejected) <= len(lines)
    assert len(rejected) >= len(page.rejected)
    for reading in batch.readings:
        if reading.power_milliwatt is not None:
            uuid = reading.identity.gpu_uuid.encode()
            assert reading.power_milliwatt in _powers_milliwatt(lines, uuid), reading
    return len(page.samples)


def _powers_milliwatt(lines: list[bytes], uuid: bytes) -> set[int]:
    """Return every literal on a power line that holds a GPU's identity, in milliwatt."""
    texts = [
        literal[0].decode()
        for line in lines
        if uuid in line.replace(b"\\", b"") or b"\\" in line
        if any(name in line for name in _POWER) and (literal := _LITERAL.search(line))
    ]
    return {int((Decimal(text) * 1000).to_integral_value(ROUND_HALF_EVEN)) for text in texts}
