"""Single elements of a Green Button file: a ReadingType, and the readings of an IntervalBlock.

Source: NAESB REQ.21 (ESPI), schema 3.3: the order of elements is part of it. Not here: the feed and
its links (espi).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lxml import etree

from negawatt.models.domain.units import J_PER_KWH
from negawatt.warehouse.formats.espi_codes import (
    AVERAGE,
    DELTA,
    DEMAND,
    DURATION_AND_START,
    ELECTRICITY,
    ENERGY,
    ESPI,
    INDICATING,
    INTERVAL_READING,
    MAX_INT48,
    MULTIPLIERS,
    POWER,
    READING_TYPE,
    WH,
    WH_TO_KWH_EXPONENT,
    Flow,
    W,
    espi_name,
    quality_of,
)
from negawatt.warehouse.formats.parsed import NotTaken, not_taken

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LATEST_S = 4_102_444_800  # 2100-01-01
_LONGEST_S = 366 * 86_400


class ElementError(Exception):
    """An element breaks the schema; the text says what is expected of it and what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingType:
    """What the readings of a meter mean.

    Attributes:
        place: Where it stands.
        power: Power of ten that a value is multiplied with to be Wh or W.
        is_power: The unit is W and not Wh: a reading is the mean power of its period.
        default_quality: Code of readings that state none; None where there is none.
        wrong: How it breaks the schema, or empty.
        left_out: Why it is no energy that flowed as is wanted, or empty.
    """

    place: str
    power: int = 0
    is_power: bool = False
    default_quality: int | None = None
    wrong: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One IntervalReading.

    Attributes:
        place: Where it stands.
        start_s: Start [s since 1970 UTC].
        duration_s: Length [s].
        value: Its value, None where it has none.
        codes: Its quality codes.
    """

    place: str
    start_s: int
    duration_s: int
    value: int | None
    codes: tuple[int, ...]

    def energy_and_quality(self, kind: ReadingType) -> tuple[float | None, str]:
        """Return energy [kWh] and ``reading_quality``.

        Raises:
            ElementError: A quality code that the schema does not have.
        """
        default = [] if kind.default_quality is None else [kind.default_quality]
        codes = list(self.codes) or default
        try:
            quality = quality_of(codes, is_known=self.value is not None)
        except KeyError as error:
            raise ElementError(f"a quality of ESPI is expected, found {error}") from error
        if self.value is None:
            return None, quality
        if kind.is_power:
            energy_j = self.value * Fraction(10) ** kind.power * self.duration_s
            return float(energy_j / J_PER_KWH), quality
        return float(f"{self.value}e{kind.power + WH_TO_KWH_EXPONENT}"), quality


def type_of(element: etree._Element, flow: Flow) -> ReadingType:
    """Return what a ReadingType says; what is wrong with it stands in the result.

    Args:
        element: The ReadingType.
        flow: Which way of energy is wanted.
    """
    place = f"line {element.sourceline}"
    try:
        texts = _children(element, READING_TYPE)
        numbers: dict[str, int] = {
            name: _integer(name, texts[name])
            for name in (
                *("accumulationBehaviour", "commodity", "dataQualifier", "defaultQuality"),
                *("flowDirection", "kind", "powerOfTenMultiplier", "uom"),
            )
            if name in texts
        }
        if "uom" not in numbers or "commodity" not in numbers:
            raise ElementError("uom and commodity are expected, found no such element")  # noqa: TRY301 - as the others
        power = numbers.get("powerOfTenMultiplier", 0)
        if power not in MULTIPLIERS:
            raise ElementError(f"a multiplier of ESPI is expected, found {power}")  # noqa: TRY301 - as the others
    except ElementError as error:
        return ReadingType(place=place, wrong=str(error))
    return ReadingType(
        place=place,
        power=power,
        default_quality=numbers.get("defaultQuality"),
        is_power=numbers["uom"] == W,
        left_out=_why_left_out(numbers, flow),
    )


def _why_left_out(numbers: dict[str, int], flow: Flow) -> str:
    is_power = numbers["uom"] == W
    is_delivered = flow is Flow.DELIVERED  # also where a type states no way
    wanted: dict[str, tuple[tuple[int, ...], str]] = {
        "commodity": (ELECTRICITY, "electricity"),
        "uom": ((WH, W), "Wh or W"),
        "kind": ((0, DEMAND, POWER), "power") if is_power else ((0, ENERGY), "energy"),
        "accumulationBehaviour": ((0, DELTA, INDICATING), "a mean of the interval")
        if is_power
        else ((0, DELTA), "energy of the interval"),
        "flowDirection": ((0, flow.code) if is_delivered else (flow.code,), flow),
    }
    if is_power:  # of a greatest, a least or an instant's power nobody knows the energy
        wanted["dataQualifier"] = ((AVERAGE,), "a mean")
    for name, (codes, meaning) in wanted.items():
        where_missing = 0 if name in {"flowDirection", "dataQualifier"} else codes[0]
        if numbers.get(name, where_missing) not in codes:
            found = numbers.get(name, "without a number")
            return f"{name} {found} is not {meaning}; with it all its readings"
    return ""


def readings_of(block: etree._Element, refused: list[NotTaken]) -> list[Reading]:
    """Return the readings of an IntervalBlock; add those that break the schema to ``refused``."""
    first_s, last_s = 0, _LATEST_S
    found = []
    for child in block:
        name = espi_name(child.tag)
        place = f"line {child.sourceline}"
        try:
            if name == "interval":
                duration_s, first_s = _period(child)
                last_s = first_s + duration_s
            elif name == "IntervalReading":
                reading = _reading(child, place)
                if not first_s <= reading.start_s <= reading.start_s + reading.duration_s <= last_s:
                    raise ElementError(  # noqa: TRY301 - as the others
                        f"a reading inside its block is expected, found start {reading.start_s}"
                    )
                found.append(reading)
            else:
                raise ElementError(f"interval or IntervalReading is expected, found {child.tag}")  # noqa: TRY301 - as the others
        except ElementError as error:
            refused.append(not_taken(place, name or child.tag, str(error)))
    return found


def _reading(element: etree._Element, place: str) -> Reading:
    texts = _children(element, INTERVAL_READING)
    period = element.find(f"{{{ESPI}}}timePeriod")
    if period is None:
        raise ElementError("timePeriod is expected, found no such element")
    duration_s, start_s = _period(period)
    value = _integer("value", texts["value"]) if "value" in texts else None
    if value is not None and abs(value) > MAX_INT48:
        raise ElementError(f"value: an integer of 48 bits is expected, found {value}")
    codes = [
        _integer("quality", _children(one, ("quality",)).get("quality", ""))
        for one in element.iterchildren(f"{{{ESPI}}}ReadingQuality")
    ]
    return Reading(
        place=place, start_s=start_s, duration_s=duration_s, value=value, codes=tuple(codes)
    )


def _period(element: etree._Element) -> tuple[int, int]:
    """Return duration and start [s]."""
    texts = _children(element, DURATION_AND_START)
    duration_s, start_s = (_integer(name, texts.get(name, "")) for name in DURATION_AND_START)
    if not 0 < duration_s <= _LONGEST_S or not 0 <= start_s <= _LATEST_S - duration_s:
        raise ElementError(
            f"a duration and a start between 1970 and 2100 are expected, found {duration_s} and "
            f"{start_s}"
        )
    return duration_s, start_s


def _children(element: etree._Element, order: Sequence[str]) -> dict[str, str]:
    """Return the text of each child that has no children itself; refuse another order."""
    texts: dict[str, str] = {}
    last = 0
    for child in element:
        name = espi_name(child.tag)
        if name is None or name not in order:
            raise ElementError(f"one of {', '.join(order)} is expected, found {child.tag}")
        position = order.index(name)
        if position < last or (name in texts and name != "ReadingQuality"):
            raise ElementError(f"{name} stands behind {order[last]}, or twice")
        last = position
        texts[name] = "" if len(child) else child.text or ""
    return texts


def _integer(name: str, text: str) -> int:
    stripped = text.strip(" \t\r\n")
    if not _INTEGER.fullmatch(stripped):
        raise ElementError(f"{name}: an integer is expected, found {text!r}")
    return int(stripped)
