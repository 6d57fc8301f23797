"""Values to JSON and files and back, by their types: what a settlement is computed from.

One rule for each kind of type, none for a particular field: a field that is added to an input is
written without a line here, and a type without a rule is refused when it is first met. Load series
become CSV members and rules the bytes of their program file. Not here: which values are written.
"""

import json
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import parse_utc
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.bundle.programs import program_member, read_rule, rule_file
from negawatt.models.settlement.bundle.series_csv import series_from_csv, series_to_csv

Json = Any
_PLAIN: Final = (str, int, bool, types.NoneType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Values as a tree of JSON, and the files that it names.

    Attributes:
        tree: Mappings, lists, texts, numbers, flags and null.
        files: Content by member name.
    """

    tree: Json
    files: dict[str, bytes] = field(default_factory=dict)


def encode(value: object, kind: object, place: str) -> Encoded:
    """Return a value of a type as JSON and files.

    Args:
        value: The value.
        kind: Its type, as an annotation states it.
        place: What the names of its files start with.

    Raises:
        DataRefusedError: A value or type has no rule here: NaN, a local time, a set.

    Examples:
        >>> encode((Decimal("1.50"), None), tuple[Decimal | None, ...], "terms").tree
        ['1.50', None]
    """
    files: dict[str, bytes] = {}
    try:
        return Encoded(tree=_tree(value, kind, place, files), files=files)
    except ValueError as error:
        raise DataRefusedError(
            thing=place,
            expected="values with one text",
            found=str(error),
            remedy="state instants in UTC and zones by their names",
        ) from error


def decode(tree: Json, kind: object, files: Mapping[str, bytes], place: str) -> Any:  # noqa: ANN401 - the kind
    """Return the value of a type that JSON and files say.

    Raises:
        DataRefusedError: They say no value of this type.

    Examples:
        >>> decode(["1.50", None], tuple[Decimal | None, ...], {}, "terms")
        (Decimal('1.50'), None)
    """
    try:
        return _value(tree, kind, files)
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        raise DataRefusedError(
            thing=place,
            expected="values of this version of negawatt",
            found=str(error),
            remedy="verify it with the version that wrote it",
        ) from error


def to_json(tree: Json) -> bytes:
    r"""Return the one text of a tree: sorted keys, one space deeper each level, UTF-8, a last \n.

    Examples:
        >>> to_json({"b": [1.0], "a": None})
        b'{\n "a": null,\n "b": [\n  1.0\n ]\n}\n'
    """
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def from_json(data: bytes, place: str) -> Json:
    """Read a tree back.

    Raises:
        DataRefusedError: The bytes are no JSON, or not those that it is written as.
    """
    try:
        tree = json.loads(data)
        same = to_json(tree) == data
    except (ValueError, RecursionError) as error:
        raise DataRefusedError(
            thing=place, expected="JSON", found=str(error), remedy="use the bytes as issued"
        ) from error
    if not same:
        raise DataRefusedError(
            thing=place,
            expected="canonical bytes: each key once and sorted, one space a level",
            found="other bytes for the same values",
            remedy="use the bytes as they were issued",
        )
    return tree


@cache
def hints(cls: type) -> dict[str, Any]:
    """Return the type of each field of a dataclass."""
    resolved = get_type_hints(cls)
    return {one.name: resolved[one.name] for one in fields(cls)}


def alternatives(kind: object) -> tuple[Any, ...]:
    """Return the types of a union, or the type alone."""
    return get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)


def _tree(value: Any, kind: Any, place: str, files: dict[str, bytes]) -> Json:  # noqa: ANN401, C901, PLR0911 - any kind, one line each
    options = alternatives(kind)
    if len(options) > 1:
        if value is None and types.NoneType in options:
            return None
        (kind,) = (option for option in options if option is not types.NoneType)
    origin = get_origin(kind)
    if kind is object:
        return _plain(value, place)
    if origin is tuple:
        return [
            _tree(item, item_kind, f"{place}/{number}", files)
            for number, (item, item_kind) in enumerate(items_of(value, kind), start=1)
        ]
    if origin is Mapping or origin is dict:
        _, item_kind = get_args(kind)
        return {
            _text(key): _tree(value[key], item_kind, f"{place}/{number}", files)
            for number, key in enumerate(sorted(value), start=1)
        }
    if not isinstance(kind, type) or not _is_of(value, kind):
        raise _no_rule(place, kind, value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return _finite(float(value), place)
    if kind is Decimal or kind is date or issubclass(kind, Enum | datetime | tzinfo):
        return _text(value)
    if kind is LoadSeries:
        return _series_tree(value, f"{place}.csv", files)
    if kind is BaselineRule:
        files[program_member(value.program_id)] = rule_file(value)
        return {"file": program_member(value.program_id), "overrides": list(value.overrides)}
    if is_dataclass(kind):
        return {
            name: _tree(getattr(value, name), own, f"{place}/{name}", files)
            for name, own in hints(kind).items()
        }
    raise _no_rule(place, kind, value)


def _value(tree: Json, kind: Any, files: Mapping[str, bytes]) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - as above
    options = alternatives(kind)
    if len(options) > 1:
        if tree is None:
            return None
        (kind,) = (option for option in options if option is not types.NoneType)
    origin = get_origin(kind)
    if kind is object:
        return tree
    if origin is tuple:
        return tuple(_value(item, item_kind, files) for item, item_kind in items_of(tree, kind))
    if origin is Mapping or origin is dict:
        key_kind, item_kind = get_args(kind)
        return {
            _value(key, key_kind, files): _value(item, item_kind, files)
            for key, item in tree.items()
        }
    if kind in _PLAIN or kind is float:
        if type(tree) is not kind:
            raise ValueError(f"{tree!r:.80} is no {kind.__name__}")
        return tree
    if kind is Decimal or issubclass(kind, Enum):
        return kind(tree)
    if issubclass(kind, datetime):
        return parse_utc(tree)
    if kind is date:
        return date.fromisoformat(tree)
    if issubclass(kind, tzinfo):
        return ZoneInfo(tree)
    if kind is LoadSeries:
        return series_from_csv(
            files[tree["rows"]],
            name=tree["rows"],
            meter_id=tree["meter_id"],
            start_utc=parse_utc(tree["start_utc"]),
            interval_minutes=tree["interval_minutes"],
        )
    if kind is BaselineRule:
        return read_rule(tree["file"], files[tree["file"]], tree["overrides"])
    own = hints(kind)
    needed = own.keys() - {one.name for one in fields(kind) if one.default is not MISSING}
    if not needed <= tree.keys() <= own.keys():
        raise ValueError(f"{kind.__name__} has the keys {sorted(own)}, got {sorted(tree)}")
    # What a type had not yet when the file was written has its default.
    return kind(**{name: _value(tree[name], own[name], files) for name in own if name in tree})


def items_of(values: Any, kind: Any) -> Iterable[tuple[Any, Any]]:  # noqa: ANN401 - as above
    """Return the items of a tuple, each with its type."""
    item_kinds = get_args(kind)
    if item_kinds[1:] == (...,):
        item_kinds = (item_kinds[0],) * len(values)
    return zip(values, item_kinds, strict=True)


def _is_of(value: object, kind: type) -> bool:
    if kind in {int, float}:
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind)


def _text(value: Any) -> str:  # noqa: ANN401 - as above
    """Return the one text of a value that JSON has no type for."""
    if isinstance(value, datetime):
        if value.utcoffset() is None or value.utcoffset():
            raise ValueError(f"{value!r} is not in UTC")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return _text(value.value)
    if isinstance(value, ZoneInfo) and value.key:
        return value.key
    if isinstance(value, str | Decimal):
        return str(value)
    raise ValueError(f"{value!r} has no text here")


def _series_tree(load: LoadSeries, name: str, files: dict[str, bytes]) -> Json:
    files[name] = series_to_csv(load)
    return {
        "meter_id": load.meter_id,
        "start_utc": _text(load.start_utc),
        "interval_minutes": load.interval_minutes,
        "rows": name,
    }


def _plain(value: Any, place: str) -> Json:  # noqa: ANN401 - evidence, any JSON
    if isinstance(value, Mapping):
        return {str(key): _plain(item, place) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, place) for item in value]
    if isinstance(value, float):
        return _finite(value, place)
    if isinstance(value, _PLAIN):
        return value
    raise _no_rule(place, object, value)


def _finite(value: float, place: str) -> float:
    if not math.isfinite(value):
        raise DataRefusedError(
            thing=place,
            expected="a finite number, or none where it is not known",
            found=str(value),
            remedy="state what is not known as None",
        )
    return value


def _no_rule(place: str, kind: object, value: object) -> DataRefusedError:
    return DataRefusedError(
        thing=place,
        expected="a type with a rule in negawatt.models.settlement.bundle.codec",
        found=f"{value!r:.80} for {kind}",
        remedy="use a frozen dataclass of texts, numbers, instants, tuples and mappings",
    )
