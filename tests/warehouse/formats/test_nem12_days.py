from datetime import UTC, date, datetime

import pytest

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.formats.nem12_days import NEM12_DAYS
from tests.warehouse.formats.conftest import CHANNEL, day, nem12

VALUES = ["0.5"] * 48


def test_what_stands_beside_the_energies_of_a_day_is_kept() -> None:
    """02:00:25 and 03:15:00 UTC are 12:00:25 and 13:15:00 of market time."""
    content = nem12(
        day(VALUES, "A,,,20240202120025,20240202131500"),
        "500,O,RSA123,20240201000000,001123.50",
        "500,C,S10189,,",
        channel=f"{CHANNEL}20240503",
    )

    days = read_nem12(content).days

    assert days is not None
    assert [*days.columns, "available_at_utc"] == list(schema(NEM12_DAYS))
    assert days.row(0, named=True) == {
        "meter_id": "NMI1234567.E1",
        "market_date": date(2024, 2, 1),
        "channel_id": "NMI1234567.E1",
        "nmi_configuration": "E1",
        "register_id": "1",
        "data_stream_id": "N1",
        "meter_serial": "METER01",
        "unit_name": "kWh",
        "next_read_date": date(2024, 5, 3),
        "supplier_updated_at_utc": datetime(2024, 2, 2, 2, 0, 25, tzinfo=UTC),
        "msats_loaded_at_utc": datetime(2024, 2, 2, 3, 15, tzinfo=UTC),
        "index_reads_json": '[["O", "RSA123", "20240201000000", "001123.50"], '
        '["C", "S10189", "", ""]]',
    }


def test_what_a_record_does_not_say_is_not_known() -> None:
    content = nem12(day(VALUES, "A,,,,"), channel="200,NMI1234567,,,E1,,,kWh,30")

    days = read_nem12(content).days

    assert days is not None
    known = {name for name, value in days.row(0, named=True).items() if value is not None}
    assert known == {"meter_id", "market_date", "channel_id", "unit_name", "index_reads_json"}


@pytest.mark.parametrize(
    "records",
    [
        (day([*VALUES[:47], "x"]), "500,N,,20240201121500,12"),
        (day(VALUES, "V,,,,"), "500,N,,20240201121500,12"),
        (day(VALUES), day(VALUES)),
    ],
)
def test_of_a_day_that_is_refused_nothing_is_kept(records: tuple[str, ...]) -> None:
    parsed = read_nem12(nem12(*records, day(VALUES, date="20240301")))

    assert parsed.days is not None
    assert parsed.days["market_date"].to_list() == [date(2024, 3, 1)]
