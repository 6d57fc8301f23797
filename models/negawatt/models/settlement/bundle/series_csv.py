"""A load series as a CSV file that any tool reads, and back without losing a bit.

Three columns, one row per interval. A number is the shortest decimal text that reads back to the
same IEEE 754 double, and nothing where it is not known. Not here: where the file lies.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries

HEADER: Final = "interval_start_utc,energy_kwh,coverage_ratio"
_COLUMNS: Final = 3


def series_to_csv(load: LoadSeries) -> bytes:
    r"""Return the rows of a series.

    Raises:
        DataRefusedError: A value is infinite.

    Examples:
        >>> hour = LoadSeries(meter_id="m", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=30, energy_kwh=np.array([0.1, np.nan]),
        ...     coverage_ratio=np.array([1.0, 0.0]))
        >>> print(series_to_csv(hour).decode(), end="")
        interval_start_utc,energy_kwh,coverage_ratio
        2026-07-01T00:00:00Z,0.1,1.0
        2026-07-01T00:30:00Z,,0.0
    """
    energy, coverage = (
        _texts(values, load.meter_id) for values in (load.energy_kwh, load.coverage_ratio)
    )
    rows = map(",".join, zip(_starts(load), energy, coverage, strict=True))
    return "\n".join([HEADER, *rows, ""]).encode("ascii")


def series_from_csv(
    data: bytes, *, name: str, meter_id: str, start_utc: datetime, interval_minutes: int
) -> LoadSeries:
    """Read a series back.

    Args:
        data: The bytes of the file.
        name: Its name, for messages.
        meter_id: The meter.
        start_utc: Start of the first interval.
        interval_minutes: Length of each [min].

    Raises:
        DataRefusedError: The bytes are not those that the series is written as.
    """
    try:
        rows = [line.split(",") for line in data.decode("ascii").splitlines()[1:]]
        _, energy, coverage = zip(*rows, strict=True) if rows else ((),) * _COLUMNS
        load = LoadSeries(
            meter_id=meter_id,
            start_utc=start_utc,
            interval_minutes=interval_minutes,
            energy_kwh=_values(energy),
            coverage_ratio=_values(coverage),
        )
    except ValueError as error:
        raise _refused(name, str(error)) from error
    if series_to_csv(load) != data:
        raise _refused(name, "other bytes for the same values, or other instants")
    return load


def _starts(load: LoadSeries) -> Iterator[str]:
    first = np.datetime64(load.start_utc.astimezone(UTC).replace(tzinfo=None), "m")
    steps = np.arange(len(load.energy_kwh)) * np.timedelta64(load.interval_minutes, "m")
    for text in np.datetime_as_string(first + steps, unit="s").tolist():
        yield f"{text}Z"


def _texts(values: NDArray[np.float64], meter_id: str) -> Iterator[str]:
    if np.isinf(values).any():
        raise DataRefusedError(
            thing=f"load of {meter_id!r}",
            expected="finite values, or none",
            found="an infinite one",
            remedy="correct the readings and meter the day again",
        )
    return ("" if value != value else repr(value) for value in values.tolist())  # noqa: PLR0124 - NaN


def _values(texts: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)


def _refused(name: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"member {name!r}",
        expected=f"rows of {HEADER}, each interval once and in order",
        found=found,
        remedy="use the bytes as they were issued",
    )
