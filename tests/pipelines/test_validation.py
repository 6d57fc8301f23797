"""The checks of meters in a metered day: what a site declares, and what its table then holds."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.pipelines import settlement
from negawatt.pipelines.assets.core import CORE_TABLES, metered_day
from negawatt.pipelines.settlement import gather_inputs
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw, seal_rows
from negawatt.warehouse.sites import Site, read_site, read_sites_file, register_sites
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    LAST_DAY,
    QUARTER,
    SITE,
    meter_rows,
)

pytestmark = pytest.mark.slow  # each test settles

DAY = date(2026, 6, 24)
NOON_UTC = datetime(2026, 6, 24, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)
DISAGREES = "meter_register_disagrees"


def codes(layout: Layout) -> list[str]:
    frames = metered_day(layout, SITE, DAY, AFTER_UTC, layout.root)
    return frames["core_site__findings"]["finding_code"].to_list()


def declare(layout: Layout, toml: str) -> None:
    """Add keys to the small site, as a file that is imported."""
    text = f"[{SITE}]\n{toml}"
    path = layout.root / "declared.toml"
    head = read_site(layout, SITE).model_dump(include={"time_zone", "settlement_meter_id"})
    lines = [f'{key} = "{value}"' for key, value in head.items()]
    lines += ["revenue_grade = true", 'boundary = "one feeder"']
    path.write_text(text.replace(f"[{SITE}]", "\n".join([f"[{SITE}]", *lines]), 1))
    register_sites(layout, read_sites_file(path))


def test_a_flat_site_has_no_finding_until_it_declares_what_it_is(layout: Layout) -> None:
    """100 kW all day: constant by construction, above a service of 90 kW, at least 8 h."""
    assert codes(layout) == []

    declare(layout, f"[{SITE}.meters.feeder]\nservice_rating_kw = 90\nconstant_load = false\n")

    assert codes(layout) == ["reading_out_of_range", "meter_flat"]


def test_a_site_replaces_a_limit_and_the_readings_stay_as_they_are(layout: Layout) -> None:
    spike = meter_rows(DAY, DAY).filter(pl.col.interval_start_utc == NOON_UTC)
    correction = spike.with_columns(
        energy_kwh=pl.lit(75.0), available_at_utc=pl.col.available_at_utc + timedelta(hours=1)
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", correction)
    before = read_raw(layout, "raw_meter__readings", SITE, DAY, DAY)

    assert codes(layout) == ["meter_spike"]
    metered = metered_day(layout, SITE, DAY, AFTER_UTC, layout.root)["core_site__interval_energy"]
    assert metered["energy_kwh"].max() == 75.0
    assert read_raw(layout, "raw_meter__readings", SITE, DAY, DAY).equals(before)

    declare(layout, "meter_limits = { spike_ratio_max = 4 }\n")
    assert codes(layout) == []


def test_the_register_of_a_meter_is_found_where_it_is_declared(layout: Layout) -> None:
    """The feeder reads 25 kWh a quarter hour, the register 26: 50 against 52 kWh."""
    rows = [
        {
            "node_id": "pdu-1",
            "meter_id": "input",
            "observed_at_utc": NOON_UTC + n * timedelta(minutes=15),
            "power_w": None,
            "energy_total_kwh": 26.0 * n,
            "reading_quality": "ok",
        }
        for n in range(3)
    ]
    name = "raw_node__power_samples"
    seal_rows(layout, name, SITE, "test", pl.DataFrame(rows, schema=schema(name)))
    assert codes(layout) == []

    declare(
        layout,
        f'[{SITE}.meters.feeder]\nregister_node_id = "pdu-1"\nregister_meter_id = "input"\n',
    )

    assert codes(layout) == ["meter_register_disagrees"]


def test_declarations_survive_a_second_registration(layout: Layout) -> None:
    declare(layout, f"[{SITE}.meters.feeder]\nexports = false\n")
    once: Site = read_site(layout, SITE)

    register_sites(layout, {"other": once})

    assert read_site(layout, SITE) == once
    assert once.meters["feeder"].exports is False


@pytest.mark.parametrize(
    "toml",
    [
        f"[{SITE}.meters.feeder]\nrating_kw = 90\n",
        f"[{SITE}.meters.feeder]\nservice_rating_kw = -1\n",
        f'[{SITE}.meters.feeder]\nregister_node_id = "n"\n',
        "meter_limits = { spike = 3 }\n",
        "meter_limits = { flat_h_min = 0 }\n",
    ],
)
def test_a_declaration_that_cannot_be_is_refused(layout: Layout, toml: str) -> None:
    with pytest.raises(ConfigurationError, match=SITE):
        declare(layout, toml)


def test_gaps_of_the_event_day_are_filled_only_where_the_program_allows_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 kW from 18:00 to 20:00 UTC the quarter hours 18:30 and 18:45 are not known: 10 kWh.

    So is 16:00, before the event, of 100 kW.
    """
    missing = meter_rows(LAST_DAY, LAST_DAY).filter(
        pl.col.interval_start_utc.is_between(
            EVENT_START_UTC + 2 * QUARTER, EVENT_START_UTC + 3 * QUARTER
        )
        | (pl.col.interval_start_utc == EVENT_START_UTC - 8 * QUARTER)
    )
    unknown = missing.with_columns(
        energy_kwh=pl.lit(None, dtype=pl.Float64),
        available_at_utc=pl.col.available_at_utc + timedelta(hours=1),
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", unknown)
    metered = metered_day(layout, SITE, LAST_DAY, AFTER_UTC, layout.root)
    for table in CORE_TABLES:
        replace_days(layout, table, SITE, LAST_DAY, LAST_DAY, metered[table])
    blocked = gather_inputs(layout, EVENT).inputs

    allowed_rule = load_program(
        "pjm_economic_3day",
        overrides=("estimates.interpolated_h_max=2", "estimates.like_day_count=4"),
    )
    monkeypatch.setattr(settlement, "load_program", lambda _: allowed_rule)
    allowed = gather_inputs(layout, EVENT).inputs

    first = allowed.load.index_of(EVENT_START_UTC)
    assert np.isnan(blocked.load.energy_kwh[first - 8 : first + 8]).sum() == 3
    assert allowed.load.energy_kwh[first - 8] == 25.0
    assert allowed.load.energy_kwh[first : first + 8].tolist() == [10.0] * 8
    (finding,) = (f for f in allowed.data_findings if f.code is FindingCode.READING_ESTIMATED)
    assert finding.severity is Severity.WARNING
    assert finding.evidence == {"interval_count": 3, "methods": ["interpolated"]}
    assert not any(f.code is FindingCode.READING_ESTIMATED for f in blocked.data_findings)


def register(layout: Layout, shown_kwh: dict[datetime, float]) -> None:
    """Seal what a register showed, and declare it as that of the feeder."""
    rows = [
        {
            "node_id": "NMI1234567",
            "meter_id": "E1",
            "observed_at_utc": moment,
            "power_w": None,
            "energy_total_kwh": shown,
            "reading_quality": "ok",
        }
        for moment, shown in shown_kwh.items()
    ]
    name = "raw_node__power_samples"
    seal_rows(layout, name, SITE, "import", pl.DataFrame(rows, schema=schema(name)))
    meter = f"[{SITE}.meters.feeder]\n"
    declare(layout, f'{meter}register_node_id = "NMI1234567"\nregister_meter_id = "E1"\n')


@pytest.mark.parametrize(("counted_kwh", "found"), [(4_824.0, []), (4_900.0, [DISAGREES])])
def test_a_register_that_is_read_once_in_days_is_compared_from_read_to_read(
    layout: Layout, counted_kwh: float, found: list[str]
) -> None:
    """12 hours of a Monday at 102 kW and 36 at 100 kW are 4,824 kWh, from noon to noon."""
    register(layout, {NOON_UTC - 2 * A_DAY: 1_000.0, NOON_UTC: 1_000.0 + counted_kwh})

    assert codes(layout) == found


@pytest.mark.parametrize(("overnight_kwh", "found"), [(1_600.0, []), (3_200.0, [DISAGREES])])
def test_a_register_that_is_read_twice_a_day_is_compared_over_the_night_too(
    layout: Layout, overnight_kwh: float, found: list[str]
) -> None:
    """100 kW: 800 kWh from 8 to 16 UTC on both days, 1,600 kWh in the 16 hours between."""
    eight_h = timedelta(hours=8)
    morning = NOON_UTC - timedelta(hours=4)
    shown_kwh = {
        morning - A_DAY: 0.0,
        morning - A_DAY + eight_h: 800.0,
        morning: 800.0 + overnight_kwh,
        morning + eight_h: 1_600.0 + overnight_kwh,
    }
    register(layout, shown_kwh)

    assert codes(layout) == found


def test_intervals_that_changed_their_length_between_two_reads_are_not_compared(
    layout: Layout,
) -> None:
    """Half hours of 50 kWh until the day before; with quarter hours on their grid they overlap."""
    before = meter_rows(DAY - A_DAY, DAY - A_DAY)
    for path in layout.table_folder("raw_meter__readings").rglob("*.parquet"):
        path.unlink()
    halves = before[::2].with_columns(
        interval_end_utc=pl.col.interval_start_utc + 2 * QUARTER, energy_kwh=2 * pl.col.energy_kwh
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", halves)
    seal_rows(layout, "raw_meter__readings", SITE, "test", meter_rows(DAY, DAY))
    register(layout, {NOON_UTC - A_DAY: 0.0, NOON_UTC: 2_400.0})

    assert codes(layout) == []
