"""Instants, durations and arrays of OpenADR, as the document writes them."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.message import MessageRefusedError
from negawatt.collectors.openadr.spec import (
    ENDLESS,
    NOW,
    Payload,
    items_of,
    read_duration,
    read_instant,
    read_object,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=25)
@given(st.lists(JSON, max_size=5), st.sampled_from([None, 0, 2]))
def test_the_texts_of_an_array_are_its_elements(values: list[Any], indent: int | None) -> None:
    text = json.dumps(values, indent=indent)

    found = list(items_of(text))

    assert [json.loads(one) for one in found] == values
    assert all(one in text for one in found)


@pytest.mark.parametrize("text", ["", "{}", "[1 2]", "[1,]", "[,]", "[1] x", "[", "[1", '["a]'])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own message, or ours
        list(items_of(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1DT12H", timedelta(hours=36)),
        ("P2W", timedelta(days=14)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P9999Y", ENDLESS),
    ],
)
def test_a_duration_is_read_by_its_parts(text: str, expected: timedelta) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "-PT1H", "1H", "P1Y", "P1M", "P99999999999D", 3600]
)
def test_a_duration_whose_length_is_not_known_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        read_duration(text)


def test_an_instant_is_utc_to_the_millisecond() -> None:
    assert read_instant("2026-07-01T21:00:00.123987+02:00") == datetime(
        2026, 7, 1, 19, 0, 0, 123_000, tzinfo=UTC
    )
    assert read_instant("0001-01-01T00:00:00.000Z") == NOW


@pytest.mark.parametrize(
    "text",
    ["2026-07-01", "2026-07-01T21:00:00", "9999-12-31T23:00:00-05:00", "1969-01-01T00:00:00Z", 0],
)
def test_an_instant_without_its_offset_or_out_of_reach_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="an instant"):
        read_instant(text)


def test_numbers_with_a_fraction_keep_every_digit() -> None:
    text = '{"type": "PRICE", "values": [0.1234567890123456789, 3, true, "3"]}'

    found = read_object(Payload, text).values

    assert found == (Decimal("0.1234567890123456789"), 3, True, "3")
    assert isinstance(found[2], bool)


@pytest.mark.parametrize(
    "value",
    [
        "NaN", "Infinity", "1e999", f"1.0e{'9' * 20}", f"0e{'9' * 20}", f"1e-{'9' * 20}",
        "9" * 5000, "null", "[1]", "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(value: str) -> None:
    with pytest.raises(MessageRefusedError):
        read_object(Payload, f'{{"type": "PRICE", "values": [{value}]}}')
