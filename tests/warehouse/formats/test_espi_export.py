import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from lxml import etree

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.espi import read_espi
from negawatt.warehouse.formats.espi_codes import Flow
from negawatt.warehouse.formats.espi_export import GreenButton, write_espi
from tests.warehouse.formats.espi_feeds import ESPI, plain, quality, reading

NOW_UTC = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("America/Los_Angeles")
NAME = 'hall <1> & "co"/x.7'
READING_TYPE = [
    *("accumulationBehaviour", "commodity", "consumptionTier", "currency", "dataQualifier"),
    *("defaultQuality", "flowDirection", "intervalLength", "kind", "phase"),
    *("powerOfTenMultiplier", "timeAttribute", "tou", "uom"),
]
"""The schema's order."""


def rows_of(content: bytes) -> pl.DataFrame:
    return read_espi(content).rows.with_columns(pl.lit(NAME).alias("meter_id"))


def written(rows: pl.DataFrame, *, may_round: bool = False) -> GreenButton:
    return write_espi(rows, NAME, ZONE, NOW_UTC, may_round=may_round)


def hours(*energy_kwh: float | None) -> pl.DataFrame:
    starts = [datetime(2026, 7, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(len(energy_kwh))]
    return pl.DataFrame(
        {
            "meter_id": NAME,
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(hours=1) for start in starts],
            "energy_kwh": energy_kwh,
            "reading_quality": ["no_reading" if one is None else "ok" for one in energy_kwh],
        }
    )


def test_what_is_written_reads_back_with_every_value_quality_and_name() -> None:
    rows = rows_of(
        plain(
            reading(0),
            reading(1, quality=quality(17, 8)),
            reading(2, ""),
            reading(3, "", quality(10)),
            reading(4, "<value>-3</value>", quality(0)),
            reading(40, "<value>0</value>"),
        )
    )

    again = read_espi(written(rows).content)

    assert again.rows.equals(rows)
    assert (again.refused, again.left_out) == ((), ())


@pytest.mark.parametrize("energy", [0.385, 12345.678901, 1e-9, 0.0, 98765432.1, 1e12])
def test_the_power_of_ten_is_one_that_says_the_energy_exactly(energy: float) -> None:
    rows = hours(energy, None)

    again = read_espi(written(rows).content).rows

    assert again["energy_kwh"].to_list() == [energy, None]


def test_elements_stand_in_the_order_of_the_schema() -> None:
    root = etree.fromstring(written(hours(1.0, 2.0)).content)

    def names(tag: str) -> list[str]:
        (first, *_) = root.iter(f"{{{ESPI}}}{tag}")
        return [etree.QName(child).localname for child in first]

    kind = names("ReadingType")
    assert kind == sorted(kind, key=READING_TYPE.index)
    assert names("IntervalBlock")[:2] == ["interval", "IntervalReading"]
    assert names("interval") == names("timePeriod") == ["duration", "start"]
    assert names("LocalTimeParameters") == ["dstEndRule", "dstOffset", "dstStartRule", "tzOffset"]


def test_a_block_holds_a_day_of_the_sites_clock_of_23_hours_where_it_is_so() -> None:
    """Los Angeles sets its clocks forward on 8 March 2026: midnight is at 08:00, then 07:00 UTC."""
    rows = hours(*[1.0] * 72).with_columns(
        pl.col("interval_start_utc", "interval_end_utc") - timedelta(days=116) + timedelta(hours=8)
    )

    root = etree.fromstring(written(rows).content)

    blocks = root.findall(f".//{{{ESPI}}}IntervalBlock")
    assert rows["interval_start_utc"][0] == datetime(2026, 3, 7, 8, tzinfo=UTC)
    assert [len(one) - 1 for one in blocks] == [24, 23, 24, 1]
    assert blocks[1].findtext(f"{{{ESPI}}}interval/{{{ESPI}}}duration") == "82800"


def test_an_energy_of_too_many_digits_is_refused_or_rounded_and_said() -> None:
    """861.5708320915286 Wh has 16 digits; 2^47 - 1 has 15, so that 10^-9 Wh is kept."""
    rows = hours(0.8615708320915286, 0.5)

    with pytest.raises(DataRefusedError, match="let them be rounded with --round"):
        written(rows)
    rounded = written(rows, may_round=True)

    again = read_espi(rounded.content).rows["energy_kwh"]
    assert again.to_list() == [0.861570832092, 0.5]
    assert (rounded.rounded_count, rounded.largest_kwh) == (1, Decimal("4.714E-13"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (pl.lit("substituted nem12 S14,76").alias("reading_quality"), "quality 'substituted nem12"),
        (pl.lit("no_reading").alias("reading_quality"), "kWh with quality 'no_reading'"),
        (pl.lit(None, pl.Float64).alias("energy_kwh"), "None kWh with quality 'ok'"),
        (pl.col("interval_end_utc") + timedelta(milliseconds=500), "3600.5 s"),
        (pl.lit(2e14).alias("energy_kwh") * 1e12, "numbers that an integer of 48 bits"),
    ],
)
def test_what_the_format_cannot_say_is_refused(change: pl.Expr, found: str) -> None:
    with pytest.raises(DataRefusedError, match=found):
        written(hours(1.0).with_columns(change))


@pytest.mark.parametrize("name", ["feeder", ".1", "a.", "a\n.1"])
def test_a_name_without_two_parts_is_refused(name: str) -> None:
    with pytest.raises(DataRefusedError, match="give the name with --as"):
        write_espi(hours(1.0), name, ZONE, NOW_UTC, may_round=False)


@pytest.mark.shared
def test_a_real_home_comes_back_as_it_was(shared_data: Path) -> None:
    path = shared_data / "formats" / "green_button" / "sdge_2011_hourly_espi.xml.gz"
    rows = rows_of(gzip.decompress(path.read_bytes()))

    found = written(rows)

    assert read_espi(found.content).rows.equals(rows)
    assert found.rounded_count == 0


@pytest.mark.parametrize(("flow", "energy"), [(Flow.RECEIVED, 1.5), (Flow.NET, -1.5)])
def test_energy_of_another_way_leaves_and_comes_back_as_such(flow: Flow, energy: float) -> None:
    found = write_espi(hours(energy), NAME, ZONE, NOW_UTC, may_round=False, flow=flow)

    assert read_espi(found.content).rows.is_empty()
    assert read_espi(found.content, flow).rows["energy_kwh"].to_list() == [energy]
