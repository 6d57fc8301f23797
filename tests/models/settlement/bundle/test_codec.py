"""Every type that a settlement's inputs are made of has a written form that comes back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Severity
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.bundle.codec import (
    alternatives,
    decode,
    encode,
    from_json,
    hints,
    to_json,
)
from negawatt.models.settlement.bundle.manifest import Manifest
from negawatt.models.settlement.canonical import statement_digest
from negawatt.models.settlement.settle import SettlementInputs, settle_event

# One value of each type without fields or items of its own.
LEAVES: dict[Any, Any] = {
    str: "a\x01\u2028'\"/../",
    int: 3,
    bool: True,
    float: 0.1,
    object: {"a": [1, 2.5, None, True, "b", {}]},
    Decimal: Decimal("1.50"),
    date: date(2026, 6, 30),
    datetime: datetime(2026, 6, 30, 18, 0, 0, 250, tzinfo=UTC),
    tzinfo: ZoneInfo("America/Phoenix"),
    BaselineRule: load_program("pjm_economic_3day", overrides=("day_types.weekday.X=3",)),
}


def leaves(kind: object) -> Iterator[Any]:
    """Yield the types that a type comes down to."""
    if len(alternatives(kind)) > 1:
        options = [one for one in alternatives(kind) if one is not type(None)]
        assert len(options) == 1, f"{kind}: the codec knows no union of several types"
        yield from leaves(options[0])
    elif get_origin(kind) is tuple or get_origin(kind) is Mapping:
        for item in get_args(kind):
            if item is not ...:
                yield from leaves(item)
    elif is_dataclass(kind) and kind not in {BaselineRule, LoadSeries}:
        for own in hints(kind).values():  # type: ignore[arg-type]  # a dataclass is a type
            yield from leaves(own)
    else:
        yield kind


@pytest.mark.parametrize("root", [SettlementInputs, Manifest])
def test_every_type_of_every_field_has_a_written_form(root: type) -> None:
    strange = {
        kind
        for kind in leaves(root)
        if kind not in LEAVES
        and kind is not LoadSeries
        and not (isinstance(kind, type) and issubclass(kind, Enum))
    }

    assert not strange, "add a rule to the codec and an example here, or use a type that has one"


@pytest.mark.parametrize("kind", LEAVES)
def test_every_kind_of_value_comes_back(kind: object) -> None:
    encoded = encode(LEAVES[kind], kind, "inputs")

    again = decode(from_json(to_json(encoded.tree), "inputs"), kind, encoded.files, "inputs")

    assert again == LEAVES[kind]
    assert type(again) is type(LEAVES[kind])


def test_the_inputs_come_back_and_settle_to_the_same_body(inputs: SettlementInputs) -> None:
    encoded = encode(inputs, SettlementInputs, "inputs")

    again = decode(from_json(to_json(encoded.tree), "i"), SettlementInputs, encoded.files, "i")

    same = [
        one.name
        for one in fields(SettlementInputs)
        if getattr(again, one.name) == getattr(inputs, one.name)
    ]
    compared_by_body = {"load", "job_loads", "context"}  # they hold arrays
    assert same == [f.name for f in fields(SettlementInputs) if f.name not in compared_by_body]
    assert np.array_equal(again.load.energy_kwh, inputs.load.energy_kwh, equal_nan=True)
    assert statement_digest(settle_event(again).body) == statement_digest(settle_event(inputs).body)


def test_a_name_of_a_job_never_becomes_a_name_of_a_file(inputs: SettlementInputs) -> None:
    files = encode(inputs, SettlementInputs, "inputs").files

    assert sorted(files) == [
        "inputs/job_loads/1.csv",
        "inputs/load.csv",
        "programs/pjm_economic_3day.toml",
        "programs/pre_event_hour.toml",
    ]


@dataclass(frozen=True, kw_only=True)
class Strange:
    """A field of a type without a rule."""

    names: frozenset[str]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (float("nan"), float),
        (float("inf"), object),
        (b"bytes", object),
        ({1: float("nan")}, object),
        ("1", int),
        (True, float),
        (None, str),
        (Strange(names=frozenset("a")), Strange),
        ([1], list[int]),
    ],
)
def test_what_has_no_written_form_is_refused(value: object, kind: object) -> None:
    with pytest.raises(DataRefusedError):
        encode(value, kind, "inputs")


def test_a_local_time_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="not in UTC"):
        encode(datetime(2026, 6, 30, tzinfo=ZoneInfo("America/Phoenix")), datetime, "inputs")


@pytest.mark.parametrize(
    ("tree", "kind"),
    [
        (1, float),
        (True, int),
        ("1", int),
        ("blue", Severity),
        ("2026-06-30T18:00:00", datetime),
        ([1], tuple[int, int]),
        ({}, SettlementInputs),
        (None, str),
        ("../../etc", tzinfo),
        ({"file": "programs/../x.toml", "overrides": []}, BaselineRule),
    ],
)
def test_what_is_no_value_of_a_type_is_refused(tree: object, kind: object) -> None:
    with pytest.raises(DataRefusedError):
        decode(tree, kind, {"programs/../x.toml": b""}, "inputs")


@pytest.mark.parametrize(
    "data", [b"{", b'{"a":1}', b'{\n "a": 1,\n "a": 1\n}\n', b"NaN\n", b"[" * 100_000]
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(DataRefusedError):
        from_json(data, "inputs.json")
