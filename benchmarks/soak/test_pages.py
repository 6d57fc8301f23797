"""A million damaged exporter pages: none may crash the parser or be read for what it is not."""

import random
from datetime import UTC, datetime

from negawatt.collectors.sources.exposition import PageParser
from negawatt.collectors.sources.protocol import Stamp
from tests.collectors.sources.mutations import PAGE, check_page, mutated

PAGES = 1_000_000
_STAMP = Stamp(observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=0)


def test_every_value_read_from_a_damaged_page_is_the_literal_on_its_line(
    soak_share: float,
) -> None:
    generator, parser = random.Random(20260701), PageParser()  # noqa: S311 - noise, no secret
    page_count, refused_count, value_count = round(PAGES * soak_share), 0, 0

    for n in range(page_count):
        if n % 8 == 0:  # the next damaged page meets a warm parser
            check_page(parser, PAGE, _STAMP)
        found = check_page(parser, mutated(PAGE, generator), _STAMP)
        refused_count += found is None
        value_count += found or 0

    print(
        f"\n{page_count} damaged pages: {refused_count} cut ones refused, {value_count} values "
        "read, each the literal on its line",
        end="",
    )
    assert 0 < refused_count < page_count
