"""How a followed meter file says what ``raw_meter__readings`` says: one row to one reading.

Pure. Not here: finding rows in files (meter_file) and imports of whole files, whose profiles
(negawatt.warehouse.profiles) state the same facts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from negawatt.collectors.sources.protocol import MeterReading, RowQuality
from negawatt.models.domain.units import J_PER_KWH, S_PER_MINUTE, W_PER_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterProfile:
    """What the columns of a file mean.

    Attributes:
        start_column: Start of each interval: an instant with an offset, or local to ``time_zone``.
        interval_minutes: Length of each interval [min].
        value_column: The reading; an empty cell is "not known".
        value_unit: W or kW (mean over the interval), Wh or kWh.
        meter_column: Which meter; None where ``meter_id`` says it.
        meter_id: The one meter of the file.
        time_zone: Zone of stamps that state no offset; None refuses such stamps.
        no_reading_values: Values that are codes for "no reading".
    """

    start_column: str
    interval_minutes: int
    value_column: str
    value_unit: str
    meter_column: str | None = None
    meter_id: str | None = None
    time_zone: str | None = None
    no_reading_values: tuple[float, ...] = ()

    def reading(self, row: Mapping[str, object], available_at_utc: datetime) -> MeterReading:
        """Return a row as a reading.

        Args:
            row: The file's columns.
            available_at_utc: When the row was found.

        Raises:
            ValueError: A column is missing or a cell is not what it should be; the text says which.

        Examples:
            >>> profile = MeterProfile(start_column="t", interval_minutes=30, value_column="kw",
            ...     value_unit="kW", meter_id="m1")
            >>> now_utc = datetime(2026, 7, 1, 1, tzinfo=UTC)
            >>> profile.reading({"t": "2026-07-01T00:00:00Z", "kw": "120.5"}, now_utc).energy_kwh
            60.25
        """
        start_utc = self._instant(_cell(row, self.start_column))
        value = _number(_cell(row, self.value_column))
        known = None if value is None or value in self.no_reading_values else value
        meter_id = self.meter_id or str(_cell(row, str(self.meter_column)) or "").strip()
        if not meter_id:
            raise ValueError(f"no meter in column {self.meter_column!r}")
        return MeterReading(
            meter_id=meter_id,
            interval_start_utc=start_utc,
            interval_end_utc=start_utc + timedelta(minutes=self.interval_minutes),
            energy_kwh=None if known is None else known * self._kwh_per_unit(),
            reading_quality=RowQuality.NO_READING if known is None else RowQuality.OK,
            available_at_utc=available_at_utc,
        )

    def _instant(self, cell: object) -> datetime:
        if isinstance(cell, str):
            cell = datetime.fromisoformat(cell.strip())
        if not isinstance(cell, datetime):
            raise ValueError(f"{cell!r} is no instant")  # noqa: TRY004 - of data, as the others
        if cell.tzinfo is None:
            cell = self._local(cell)
        return cell.astimezone(UTC)

    def _local(self, stamp: datetime) -> datetime:
        """Return a local time in its zone; one that occurs twice, or never, is refused."""
        if self.time_zone is None:
            raise ValueError(f"{stamp.isoformat()} states no offset, and no time_zone is given")
        first = stamp.replace(tzinfo=ZoneInfo(self.time_zone))
        if first.utcoffset() != first.replace(fold=1).utcoffset():
            raise ValueError(f"{stamp.isoformat()} is no single instant in {self.time_zone}")
        return first

    def _kwh_per_unit(self) -> float:
        interval_s = self.interval_minutes * S_PER_MINUTE
        return {
            "W": interval_s / J_PER_KWH,
            "kW": interval_s * W_PER_KW / J_PER_KWH,
            "Wh": 1 / W_PER_KW,
            "kWh": 1.0,
        }[self.value_unit]


def _cell(row: Mapping[str, object], column: str) -> object:
    if column not in row:
        raise ValueError(f"no column {column!r}")
    return row[column]


def _number(cell: object) -> float | None:
    """Return a finite number, or None for an empty cell."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    text = str(cell)
    value = float(text)
    if "_" in text or not math.isfinite(value):  # Python reads 1_0 as 10
        raise ValueError(f"{text!r} is no finite number")
    return value
