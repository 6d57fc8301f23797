import re
from datetime import timedelta

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse import catalog
from tests.warehouse.conftest import DAY, site_energy

TABLE = "core_site__interval_energy"


def test_every_column_of_every_table_is_described_once() -> None:
    used = {column for table in catalog.tables().values() for column in table.columns}

    assert used == set(catalog.fields())


def test_keys_optional_and_partition_columns_are_columns_of_their_table() -> None:
    for name, table in catalog.tables().items():
        named = {*table.key, *table.optional, *table.partition_by, *table.decimal}

        assert named <= set(table.columns), name
        assert not set(table.key) & set(table.optional), name


def test_names_end_in_their_unit_and_never_in_megawatt_or_milliwatt_letters() -> None:
    suffix = {
        "kWh": "_kwh",
        "J": "_j",
        "ratio": "_ratio",
        "W": "_w",
        "kW": "_kw",
        "min": "_minutes",
    }
    for name, field in catalog.fields().items():
        assert not re.search(r"_mw(h)?(_|$)", name)
        assert suffix.get(field.unit or "", "") in name


def test_a_conforming_frame_comes_back_in_the_order_of_its_key() -> None:
    backwards = site_energy().reverse().select(reversed(site_energy().columns))

    checked = catalog.checked(TABLE, backwards)

    assert checked.columns == list(catalog.table(TABLE).columns)
    assert checked["interval_start_utc"].is_sorted()


def test_an_unknown_column_is_refused_and_named() -> None:
    with pytest.raises(DataRefusedError, match=r"unknown \['energy_mj'\]"):
        catalog.conform(TABLE, site_energy().rename({"energy_kwh": "energy_mj"}))


def test_a_repeated_key_is_refused() -> None:
    twice = pl.concat([site_energy(), site_energy()])

    with pytest.raises(DataRefusedError, match="3 repeated keys, first"):
        catalog.checked(TABLE, twice)


def test_null_is_refused_where_the_value_must_be_known_and_kept_where_it_may_be_unknown() -> None:
    unknown_energy = site_energy().with_columns(energy_kwh=pl.lit(None, dtype=pl.Float64))
    unknown_meter = site_energy().with_columns(meter_id=pl.lit(None, dtype=pl.String))

    assert catalog.checked(TABLE, unknown_energy)["energy_kwh"].null_count() == 3
    with pytest.raises(DataRefusedError, match="'meter_id': 3"):
        catalog.checked(TABLE, unknown_meter)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_share_outside_0_to_1_or_no_number_is_refused(value: float) -> None:
    with pytest.raises(DataRefusedError, match=r"outside in \{'coverage_ratio': 3\}"):
        catalog.checked(TABLE, site_energy().with_columns(coverage_ratio=pl.lit(value)))


def test_a_text_where_a_number_belongs_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="values of the catalog's types"):
        catalog.conform(TABLE, site_energy().with_columns(energy_kwh=pl.lit("n/a")))


def test_instants_are_stored_in_utc_whatever_their_zone() -> None:
    zoned = site_energy().with_columns(
        pl.col("interval_start_utc").dt.convert_time_zone("America/Phoenix")
    )

    conforming = catalog.conform(TABLE, zoned)

    assert conforming["interval_start_utc"][0].date() == DAY
    assert conforming["interval_start_utc"][0].utcoffset() == timedelta(0)


def test_an_unknown_table_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigurationError, match="expected one of raw_gpu__power_samples"):
        catalog.table("raw_gpu")
