from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.sources.meter_profile import MeterProfile

_NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
_PROFILE = MeterProfile(
    start_column="t", interval_minutes=15, value_column="v", value_unit="kWh", meter_id="m1"
)


def _profile(**changes: object) -> MeterProfile:
    values = {name: getattr(_PROFILE, name) for name in MeterProfile.__slots__}
    return MeterProfile(**(values | changes))


@pytest.mark.parametrize(
    ("unit", "energy_kwh"), [("W", 0.03), ("kW", 30.0), ("Wh", 0.12), ("kWh", 120.0)]
)
def test_a_reading_of_120_in_15_minutes_is_so_much_energy(unit: str, energy_kwh: float) -> None:
    """120 W over a quarter of an hour are 30 Wh."""
    row = {"t": "2026-07-01T00:00:00Z", "v": "120"}

    reading = _profile(value_unit=unit).reading(row, _NOW_UTC)

    assert reading.energy_kwh == pytest.approx(energy_kwh)
    assert reading.interval_end_utc == datetime(2026, 7, 1, 0, 15, tzinfo=UTC)
    assert (reading.meter_id, reading.reading_quality) == ("m1", "ok")


@pytest.mark.parametrize("cell", ["", "  ", None, "-1", "-1.0"])
def test_an_empty_cell_or_a_code_is_not_known_and_not_zero(cell: str | None) -> None:
    row = {"t": "2026-07-01T00:00:00Z", "v": cell}

    reading = _profile(no_reading_values=(-1.0,)).reading(row, _NOW_UTC)

    assert (reading.energy_kwh, reading.reading_quality) == (None, "no_reading")


def test_local_stamps_are_read_in_their_zone_and_offsets_stand_before_it() -> None:
    """Phoenix is seven hours behind UTC all year."""
    profile = _profile(time_zone="America/Phoenix")

    local = profile.reading({"t": "2026-07-01 09:00", "v": "1"}, _NOW_UTC)
    stated = profile.reading({"t": "2026-07-01T09:00:00+02:00", "v": "1"}, _NOW_UTC)

    assert local.interval_start_utc == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert stated.interval_start_utc == datetime(2026, 7, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"t": "2026-07-01T00:00:00", "v": "1"}, "no time_zone"),
        ({"t": "yesterday", "v": "1"}, "yesterday"),
        ({"t": "2026-07-01T00:00:00Z", "v": "1_0"}, "no finite number"),
        ({"t": "2026-07-01T00:00:00Z", "v": "nan"}, "no finite number"),
        ({"t": "2026-07-01T00:00:00Z", "v": "12kWh"}, "12kWh"),
        ({"t": "2026-07-01T00:00:00Z"}, "no column 'v'"),
        ({"t": None, "v": "1"}, "no instant"),
    ],
)
def test_a_cell_that_is_not_what_it_should_be_is_named(row: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _PROFILE.reading(row, _NOW_UTC)


@pytest.mark.parametrize("stamp", ["2026-11-01 01:30", "2026-03-08 02:30"])
def test_a_local_time_that_occurs_twice_or_never_is_refused(stamp: str) -> None:
    """New York set its clocks back on 1 November and forward on 8 March 2026."""
    with pytest.raises(ValueError, match="no single instant"):
        _profile(time_zone="America/New_York").reading({"t": stamp, "v": "1"}, _NOW_UTC)


def test_a_row_names_its_meter_where_a_file_holds_many() -> None:
    profile = _profile(meter_id=None, meter_column="m")
    row = {"t": "2026-07-01T00Z", "v": "1", "m": " m7 "}

    assert profile.reading(row, _NOW_UTC).meter_id == "m7"
    with pytest.raises(ValueError, match="no meter"):
        profile.reading({"t": "2026-07-01T00Z", "v": "1", "m": ""}, _NOW_UTC)


@given(st.integers(0, 2**20))
@settings(max_examples=20)
def test_twice_the_power_is_twice_the_energy(value: int) -> None:
    rows = [{"t": "2026-07-01T00:00:00Z", "v": str(v)} for v in (value, 2 * value)]

    one, two = (_profile(value_unit="kW").reading(row, _NOW_UTC).energy_kwh or 0.0 for row in rows)

    assert two == 2 * one
