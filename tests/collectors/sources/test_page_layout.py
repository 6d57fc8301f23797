"""Reading by the layout of the page before gives what reading afresh gives: always."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.sources.exposition import Page, PageParser
from negawatt.collectors.sources.page_layout import PageLayout

_LINES = [
    b'p{UUID="GPU-a"} 68.244000',
    b'p{UUID="GPU-b"} 512.3',
    b'p{UUID="GPU-"b"} 2',
    b"# HELP p Power.",
    b"",
    b"up 1",
]
# What a line may be on the next page: other values, other series, and what looks like the old one.
_OTHER_LINES = [
    *_LINES,
    b'p{UUID="GPU-a"} 9',
    b'p{UUID="GPU-a"}9',
    b'p{UUID="GPU-a"}',
    b'p{UUID="GPU-a"} NaN',
    b'p{UUID="GPU-a"} 1 2',
    b'p{UUID="GPU-a"} 9223372036854775794',
    b'p{UUID="GPU-a"} 5"} 7',
    b'p{UUID="GPU-"b"} 5"} 7',
    b'p{UUID="GPU-c"} 3',
    b"up1e5",
    b"up",
    b"up 7",
    b"upper 7",
    b'up {UUID="GPU-a"} 7',
    b" up 7",
    b"# HELP p Power. More.",
    b"#",
    b'p{UUID="GPU-a"} \xff',
]


def _content(page: Page) -> tuple[object, object]:
    return page.samples, page.rejected


@given(
    st.lists(st.sampled_from(_OTHER_LINES), max_size=4),
    st.lists(st.sampled_from(_OTHER_LINES), max_size=4),
)
@settings(max_examples=60)
def test_the_page_before_does_not_change_what_is_read(
    before: list[bytes], now: list[bytes]
) -> None:
    parser = PageParser()
    parser.parse(b"".join(line + b"\n" for line in before))
    body = b"".join(line + b"\n" for line in now)

    assert _content(parser.parse(body)) == _content(PageParser().parse(body))


@pytest.mark.parametrize("old", _LINES)
@pytest.mark.parametrize("new", _OTHER_LINES)
def test_a_line_that_takes_anothers_place_is_read_as_itself(old: bytes, new: bytes) -> None:
    parser = PageParser()
    parser.parse(old + b"\n")

    assert _content(parser.parse(new + b"\n")) == _content(PageParser().parse(new + b"\n"))


def test_pages_that_differ_in_values_only_share_a_layout() -> None:
    pages = [
        render_page([EmulatedGpu(gpu_uuid="GPU-a", power_milliwatt=milliwatt, gpu_util_ratio=util)])
        for milliwatt, util in ((68_244, 0.1), (512_300_000, 1.0))
    ]
    parser = PageParser()

    first, second = (parser.parse(page).layout for page in pages)

    assert first is second


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_noise_on_a_warm_page_reads_as_on_a_cold_one(seed: int) -> None:
    body = render_page([EmulatedGpu(gpu_uuid=f"GPU-{n}", power_milliwatt=n) for n in range(3)])
    parser = PageParser()
    parser.parse(body)
    generator = random.Random(seed)  # noqa: S311 - noise, no secret
    noise = bytearray(body)
    for _ in range(3):
        noise[generator.randrange(len(noise) - 1)] = generator.choice(b'0 9}"{#\n_e.\xff')

    assert _content(parser.parse(bytes(noise))) == _content(PageParser().parse(bytes(noise)))


def test_no_lines_fit_no_lines_only() -> None:
    layout = PageLayout((), {})

    assert layout.fits(0, 0, ())
    assert not layout.fits(1, 4, [])
