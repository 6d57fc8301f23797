"""Answers of the driver to values: what is none, and what never stands in for another."""

import numpy as np
import pytest

from negawatt.collectors.sources.nvml_fields import (
    ASKED,
    FIELD_VALUE,
    NOT_ANSWERED,
    Span,
    decoded,
    question,
    span,
)
from negawatt.collectors.sources.protocol import PowerScope

_DOUBLE, _UINT, _ULONGLONG, _SIGNED = 0, 1, 3, 5
_POWER = 0  # of ASKED
_ENERGY = [asked.column for asked in ASKED].index("energy_total_millijoule")


def _answered(place: int, kind: int, value: int, result: int = 0) -> tuple[int, bool]:
    answers = question()
    answers[place]["result"], answers[place]["value_type"] = result, kind
    answers[place]["value"] = np.uint64(value)
    values, known = decoded(answers)
    return int(values[place]), bool(known[place])


def test_the_structure_has_the_size_of_the_header() -> None:
    """nvml.h: 4 + 4 + 8 + 8 + 4 + 4 + 8 bytes."""
    assert FIELD_VALUE.itemsize == 40


def test_nothing_is_known_before_the_driver_wrote_it() -> None:
    assert set(question()["result"]) == {NOT_ANSWERED}
    assert not decoded(question())[1].any()


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (_UINT, 500_000, 500_000),
        (_UINT, (7 << 32) | 500_000, 500_000),  # the union's upper half is not of this type
        (_ULONGLONG, 500_000, 500_000),
        (_SIGNED, 500_000, 500_000),
        (_DOUBLE, int(np.float64(499_999.6).view(np.uint64)), 500_000),
    ],
)
def test_each_type_is_read_from_its_own_part_of_the_union(kind: int, raw: int, value: int) -> None:
    assert _answered(_POWER, kind, raw) == (value, True)


def test_a_counter_keeps_all_its_bits() -> None:
    """2^53 + 1 mJ is no float."""
    assert _answered(_ENERGY, _ULONGLONG, 2**53 + 1) == (2**53 + 1, True)


@pytest.mark.parametrize(
    ("kind", "raw", "result"),
    [
        (_UINT, 500_000, 3),  # NOT_SUPPORTED, of the field itself
        (_UINT, 2**32 - 1, 0),  # no board draws 4 MW
        (_SIGNED, 2**32 - 1, 0),  # -1
        (_ULONGLONG, 2**63, 0),
        (_DOUBLE, int(np.float64("nan").view(np.uint64)), 0),
        (99, 500_000, 0),  # a type that is not known
    ],
)
def test_what_is_no_value_is_not_known(kind: int, raw: int, result: int) -> None:
    assert _answered(_POWER, kind, raw, result) == (0, False)


def test_a_gpu_is_asked_for_the_scopes_that_it_has() -> None:
    answers = question()
    answers["value_type"] = _UINT
    answers["result"] = [0 if asked.scope is PowerScope.GPU else 3 for asked in ASKED]
    assert span(answers) == Span(4, 7, 8)

    answers["result"] = [0 if asked.scope is not PowerScope.MODULE else 3 for asked in ASKED]
    assert span(answers) == Span(3, 7, 8)

    answers["result"] = [0 if asked.scope is PowerScope.MODULE else 3 for asked in ASKED]
    assert span(answers) == Span(0, 7, 9)
