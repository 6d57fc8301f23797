import random

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from negawatt.collectors.sources.exposition import (
    Page,
    PageParser,
    TruncatedPageError,
    count_by_reason,
)
from negawatt.collectors.sources.line_value import LineReason

# As dcgm-exporter prints: HELP, TYPE, labels, doubles with six decimals, integers plain.
_PAGE = b"""# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="NVIDIA H100 80GB HBM3"} 68.244000
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b",modelName="NVIDIA H100 80GB HBM3"} 512.300000
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 91
up 1
"""


def _parse(body: bytes) -> Page:
    return PageParser().parse(body)


def _oracle(body: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def _ours(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (s.series.name, frozenset(s.series.labels.items())): float(s.value_text)
        for s in page.samples
    }


def test_a_page_reads_as_the_reference_parser_reads_it() -> None:
    page = _parse(_PAGE)

    assert page.rejected == ()
    assert _ours(page) == _oracle(_PAGE)


@given(
    st.dictionaries(
        st.sampled_from(["UUID", "pod", "namespace", "gpu"]),
        st.text(
            st.characters(
                exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffd\\"
            )
        ).map(str.strip),
        max_size=4,
    ),
    st.floats(min_value=0, max_value=1e6),
)
@settings(max_examples=30)
def test_any_escaped_label_and_value_reads_as_the_reference_parser_reads_it(
    labels: dict[str, str], value: float
) -> None:
    quoted = ",".join(f'{k}="{v.replace(chr(34), chr(92) + chr(34))}"' for k, v in labels.items())
    body = f"power{{{quoted}}} {value}\n".encode()

    page = _parse(body)

    assert _ours(page) == _oracle(body)


def test_spaces_after_the_commas_of_old_exporters_are_read() -> None:
    page = _parse(b'dcgm_power_usage{gpu="0", uuid="GPU-a", pod=""} 42.5\n')

    assert dict(page.samples[0].series.labels) == {"gpu": "0", "uuid": "GPU-a", "pod": ""}


def test_lines_may_end_in_carriage_return_and_newline() -> None:
    assert _parse(b"up 1\r\n").samples[0].value_text == "1"


def test_a_bad_line_costs_that_line_only_and_says_why() -> None:
    body = (
        b'p{UUID="GPU-a"} 1\n'
        b'p{UUID="GPU-"b"} 2\n'  # a quote that the exporter did not escape
        b'p{UUID="GPU-c"} ERROR - FAILED TO CONVERT TO STRING\n'
        b'p{UUID="GPU-d"} NaN\n'
        b'p{UUID="GPU-e"} +Inf\n'
        b'p{UUID="GPU-f"} 9223372036854775794\n'
        b'p{UUID="GPU-g"}\n'
        b'p{UUID="GPU-h"} 1 1782000000000\n'
        b'p{UUID="GPU-\xff"} 1\n'
        b'p{a="1",a="2"} 1\n'
        b"3p 1\n"
        b'p{UUID="GPU-i"} 1_0\n'
        b'p{UUID="GPU-j"} 7\n'
    )

    page = _parse(body)

    assert [s.value_text for s in page.samples] == ["1", "7"]
    assert [(line.line_number, line.reason) for line in page.rejected] == [
        (2, LineReason.MALFORMED_LABELS),
        (3, LineReason.EXPORTER_ERROR),
        (4, LineReason.NOT_FINITE),
        (5, LineReason.NOT_FINITE),
        (6, LineReason.SENTINEL),
        (7, LineReason.NO_VALUE),
        (8, LineReason.TIMESTAMPED),
        (9, LineReason.NOT_UTF8),
        (10, LineReason.MALFORMED_LABELS),
        (11, LineReason.MALFORMED_NAME),
        (12, LineReason.NOT_A_NUMBER),
    ]
    assert count_by_reason(page.rejected)["malformed_labels"] == 2


def test_a_page_cut_at_any_byte_is_refused_or_misses_whole_lines() -> None:
    """512.300000 cut short would read as 51: each cut loses lines, or is refused."""
    whole = _ours(_parse(_PAGE))

    for length in range(1, len(_PAGE)):
        try:
            part = _ours(_parse(_PAGE[:length]))
        except TruncatedPageError:
            continue
        assert part.items() <= whole.items()
        assert _PAGE[length - 1 : length] == b"\n"


def test_an_empty_body_has_no_lines() -> None:
    page = _parse(b"")

    assert (page.samples, page.rejected) == ((), ())


def test_remembered_series_do_not_change_what_is_read() -> None:
    """Series are cached by their text: the second page, with other values, reads afresh."""
    parser = PageParser()
    parser.parse(_PAGE)
    second = _PAGE.replace(b"512.300000", b"99.000000")

    page = parser.parse(second)

    assert [sample.value_text for sample in page.samples][1] == "99.000000"
    assert page.samples == _parse(second).samples


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_bytes_that_are_no_page_never_raise_anything_else(seed: int) -> None:
    noise = bytearray(_PAGE)
    generator = random.Random(seed)  # noqa: S311 - noise, no secret
    for _ in range(20):
        noise[generator.randrange(len(noise) - 1)] = generator.randrange(256)

    page = _parse(bytes(noise))

    assert len(page.samples) + len(page.rejected) <= bytes(noise).count(b"\n")
