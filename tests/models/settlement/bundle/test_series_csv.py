from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.bundle.series_csv import series_from_csv, series_to_csv

START_UTC = datetime(2026, 7, 1, tzinfo=UTC)


def of(energy_kwh: list[float]) -> LoadSeries:
    return LoadSeries(
        meter_id="m",
        start_utc=START_UTC,
        interval_minutes=15,
        energy_kwh=np.array(energy_kwh, dtype=np.float64),
        coverage_ratio=np.ones(len(energy_kwh)),
    )


def read(data: bytes) -> LoadSeries:
    return series_from_csv(
        data, name="inputs/load.csv", meter_id="m", start_utc=START_UTC, interval_minutes=15
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(allow_infinity=False), max_size=5))
def test_every_number_comes_back_bit_for_bit(energy_kwh: list[float]) -> None:
    """A NaN comes back as the NaN that is written for it: it says that nothing is known."""
    load = of([np.nan if value != value else value for value in energy_kwh])  # noqa: PLR0124 - NaN

    again = read(series_to_csv(load))

    assert again.energy_kwh.tobytes() == load.energy_kwh.tobytes()
    assert again.end_utc == load.end_utc


def test_what_is_not_known_is_an_empty_field() -> None:
    rows = series_to_csv(of([np.nan, -0.0, 1e-300])).decode().splitlines()

    assert rows[1:] == [
        "2026-07-01T00:00:00Z,,1.0",
        "2026-07-01T00:15:00Z,-0.0,1.0",
        "2026-07-01T00:30:00Z,1e-300,1.0",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1.5", b"1.50"),
        (b"1.5", b"1.5 "),
        (b"1.5", b"x"),
        (b"1.5,", b""),
        (b"00:15", b"00:30"),
        (b"\n", b"\r\n"),
        (b"energy_kwh", b"energy_wh"),
    ],
)
def test_other_bytes_for_a_series_are_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(DataRefusedError, match=r"inputs/load\.csv"):
        read(series_to_csv(of([1.5, 1.5])).replace(old, new))


def test_infinity_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="infinite"):
        series_to_csv(of([np.inf]))
