"""The value of a line on an exporter page: usable, or why not.

Here: numbers, and the codes that mean "no value". Not here: what stands left of a value
(negawatt.collectors.sources.page_layout).
"""

import math
from collections.abc import Collection
from enum import StrEnum
from typing import Final

# Codes for "no value": DCGM dcgm_structs.h, DCGM_INT64_BLANK, DCGM_INT32_BLANK and DCGM_FP64_BLANK
# and the three codes after each (not found, not supported, no permission).
_SENTINELS: Final = frozenset(
    float(first + code)
    for first in (0x7FFFFFFFFFFFFFF0, 0x7FFFFFF0, 140_737_488_355_328)
    for code in range(4)
)


class LineReason(StrEnum):
    """Why a line of a page was not read."""

    EXPORTER_ERROR = "exporter_error"
    MALFORMED_LABELS = "malformed_labels"
    MALFORMED_NAME = "malformed_name"
    MIG_UUID = "mig_uuid"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    NOT_UTF8 = "not_utf8"
    NO_GPU_UUID = "no_gpu_uuid"
    NO_VALUE = "no_value"
    SENTINEL = "sentinel"
    TIMESTAMPED = "timestamped"
    VALUE_OUT_OF_RANGE = "value_out_of_range"


def value_problem(value: bytes) -> LineReason | None:
    """Say why a value cannot be used, or None if it is a finite number that is no sentinel.

    Examples:
        >>> value_problem(b"68.244000"), value_problem(b"9223372036854775794").value
        (None, 'sentinel')
    """
    try:
        number = float(value)
    except ValueError:
        return _text_problem(value.strip())
    if b"_" in value:  # Python reads 1_0 as 10; the format has no such number
        return LineReason.NOT_A_NUMBER
    if number in _SENTINELS:
        return LineReason.SENTINEL
    return None if math.isfinite(number) else LineReason.NOT_FINITE


def all_usable(values: Collection[bytes]) -> bool:
    """Say whether all are finite numbers and no sentinels, or perhaps not: then look at each."""
    try:
        numbers = list(map(float, values))
    except ValueError:
        return False
    finite = math.isfinite(sum(numbers))  # one NaN or infinity shows in the sum
    return finite and _SENTINELS.isdisjoint(numbers) and b"_" not in b"".join(values)


def _text_problem(text: bytes) -> LineReason:
    if not text:
        return LineReason.NO_VALUE
    if text.startswith(b"ERROR"):
        return LineReason.EXPORTER_ERROR
    if text.startswith(b"<<<"):
        return LineReason.SENTINEL
    if not is_utf8(text):
        return LineReason.NOT_UTF8
    first, _, second = text.partition(b" ")
    if second.strip().lstrip(b"-").isdigit() and value_problem(first) is None:
        return LineReason.TIMESTAMPED
    return LineReason.NOT_A_NUMBER


def is_utf8(text: bytes) -> bool:
    """Say whether bytes are text in UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
