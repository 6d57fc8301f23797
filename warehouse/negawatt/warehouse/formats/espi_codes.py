"""Elements and codes of ESPI that matter to a meter's readings.

Source: NAESB REQ.21 (ESPI), schema 3.3: ReadingType, IntervalReading, ReadingQuality,
UnitMultiplierKind, QualityOfReading, CommodityKind, FlowDirectionKind, AccumulationKind,
MeasurementKind, DataQualifierKind. Not here: reading and writing files (espi, espi_export).
"""

from enum import StrEnum
from typing import Final

from negawatt.warehouse.formats.reading_words import NO_READING, OK, quality_text

SOURCE: Final = "espi"
ATOM: Final = "http://www.w3.org/2005/Atom"
ESPI: Final = "http://naesb.org/espi"
READING_TYPE: Final = (
    *("accumulationBehaviour", "commodity", "consumptionTier", "currency", "dataQualifier"),
    *("defaultQuality", "flowDirection", "intervalLength", "kind", "phase"),
    *("powerOfTenMultiplier", "timeAttribute", "tou", "uom", "cpp"),
    *("interharmonic", "measuringPeriod", "argument"),
)
"""Elements of a ReadingType, in the schema's order."""
INTERVAL_READING: Final = (
    *("cost", "ReadingQuality", "timePeriod", "value", "consumptionTier", "tou", "cpp"),
)
"""Elements of an IntervalReading, in the schema's order."""
DURATION_AND_START: Final = ("duration", "start")
MULTIPLIERS: Final = (-12, -9, -6, -3, -2, -1, 0, 1, 2, 3, 6, 9, 12)
W: Final = 38
WH: Final = 72
ELECTRICITY: Final = (1, 2)
DELTA: Final = 4
INDICATING: Final = 6
ENERGY: Final = 12
DEMAND: Final = 8
POWER: Final = 37
AVERAGE: Final = 2
MAX_INT48: Final = 2**47 - 1
WH_TO_KWH_EXPONENT: Final = -3


class Flow(StrEnum):
    """Which way energy went, seen from the grid."""

    DELIVERED = "delivered"
    RECEIVED = "received"
    NET = "net"
    """Delivered less received: below zero where more was received."""

    @property
    def code(self) -> int:
        """Its code of FlowDirectionKind: forward, reverse or net."""
        return {Flow.DELIVERED: 1, Flow.RECEIVED: 19, Flow.NET: 4}[self]


_WORDS: Final = {
    10: "questionable",
    16: "other",
    12: "projected",
    15: "weather_normalized",
    13: "mixed",
    11: "derived",
    8: "estimated",
    9: "estimated",
    7: "edited",
    14: "raw",
    0: OK,
    17: OK,
    18: OK,
    19: OK,
}
"""Quality codes, the one that says most against a reading first."""


def espi_name(tag: str) -> str | None:
    """Return the name of an element of ESPI, None for another namespace.

    Examples:
        >>> espi_name("{http://naesb.org/espi}value"), espi_name("value")
        ('value', None)
    """
    namespace, _, name = tag.rpartition("}")
    return name if namespace == f"{{{ESPI}" else None


def quality_of(codes: list[int], *, is_known: bool) -> str:
    """Return the ``reading_quality`` of a reading's quality codes.

    Args:
        codes: Codes of QualityOfReading; none where nobody said any.
        is_known: The reading has a value.

    Raises:
        KeyError: A code that the schema does not have.

    Examples:
        >>> quality_of([], is_known=True), quality_of([17, 8], is_known=True)
        ('ok', 'estimated espi 17,8')
        >>> quality_of([], is_known=False)
        'no_reading'
    """
    ranks = {code: rank for rank, code in enumerate(_WORDS)}
    worst = max(codes, key=lambda code: -ranks[code], default=0)
    word = _WORDS[worst] if is_known else NO_READING
    return quality_text(word, SOURCE, ",".join(map(str, codes))) if codes else word
