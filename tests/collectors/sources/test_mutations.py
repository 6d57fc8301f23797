"""The short form of the million damaged pages of `make soak`."""

import random
from datetime import UTC, datetime

import pytest

from negawatt.collectors.sources.exposition import PageParser
from negawatt.collectors.sources.protocol import Stamp
from tests.collectors.sources.mutations import PAGE, check_page, mutated

_STAMP = Stamp(observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=0)


def test_every_value_read_from_a_damaged_page_is_the_literal_on_its_line() -> None:
    generator, parser = random.Random(7), PageParser()  # noqa: S311 - noise, no secret

    found = [check_page(parser, mutated(PAGE, generator), _STAMP) for _ in range(150)]

    assert None in found
    assert any(found)


@pytest.mark.parametrize("line", [b"DCGM_FI_DEV_POWER_USAGE", b'DCGM_FI_DEV_POWER_USAGE{gpu="0"'])
def test_a_line_that_was_cut_before_its_value_is_refused(line: bytes) -> None:
    page = PageParser().parse(line + b"\n")

    assert page.samples == ()
    assert len(page.rejected) == 1
