"""Readings that arrive late: which days a look of the sensor asks for."""

from datetime import UTC, date, datetime, timedelta
from time import sleep

import dagster as dg
import polars as pl
import pytest

from negawatt.pipelines import arrivals, partitions, sensors
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.warehouse import raw_files
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_sites, register_sites
from tests.pipelines.conftest import AFTER_UTC, LAST_DAY, QUARTER, SITE

pytestmark = pytest.mark.slow  # importing Dagster takes seconds
EVERYTHING = "{}"  # a cursor from before the first site


@pytest.fixture(autouse=True)
def _quiet_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "QUIET_S", 0)


@pytest.fixture
def resources(layout: Layout) -> dict[str, object]:
    return {
        "warehouse": WarehouseResource(root=str(layout.root)),
        "clock": ClockResource(fixed_utc=AFTER_UTC.isoformat()),
    }


def late_reading(
    layout: Layout, energy_kwh: float, start_utc: datetime, site_id: str = SITE
) -> None:
    """Seal one reading of a quarter hour."""
    row = {
        "meter_id": "m1",
        "interval_start_utc": start_utc,
        "interval_end_utc": start_utc + QUARTER,
        "energy_kwh": energy_kwh,
        "reading_quality": "ok",
        "available_at_utc": AFTER_UTC,
    }
    seal_rows(layout, "raw_meter__readings", site_id, "import", pl.DataFrame([row]))


def test_days_that_got_late_readings_are_metered_again_once_each(
    layout: Layout, resources: dict[str, object]
) -> None:
    """The first look remembers; a day that is not over, and one without news, are left alone."""
    cursor: str | None = None
    found = []
    for news in ((), (LAST_DAY - timedelta(days=40), AFTER_UTC.date()), ()):
        for day in news:
            late_reading(layout, 1.0, datetime.combine(day, datetime.min.time(), UTC))
        asked, cursor = _looked(cursor, resources)
        found.append(asked)

    assert found == [[], [LAST_DAY - timedelta(days=40)], []]


def _looked(cursor: str | None, resources: dict[str, object]) -> tuple[list[date], str | None]:
    """Let the sensor look once; the days of which it asks for runs, and its cursor."""
    context = dg.build_sensor_context(cursor=cursor, resources=resources)
    result = sensors.meter_what_arrived(context)
    if not isinstance(result, dg.SensorResult):
        return [], context.cursor
    asked: list[date] = []
    for request in result.run_requests or []:
        ends = [
            partitions.site_day(request.tags[f"dagster/asset_partition_range_{end}"])[1]
            for end in ("start", "end")
        ]
        asked += [ends[0] + timedelta(days=n) for n in range((ends[1] - ends[0]).days + 1)]
    return asked, result.cursor


def test_many_late_days_are_metered_in_turns_and_few_runs(
    layout: Layout, resources: dict[str, object]
) -> None:
    """50 at a look: the site's own nine, and 41 in a row, which are a run of 31 and one of 10."""
    days = [LAST_DAY - timedelta(days=100 + number) for number in range(100)]
    for day in days:
        late_reading(layout, 1.0, datetime.combine(day, datetime.min.time(), UTC))
    context = dg.build_sensor_context(cursor=EVERYTHING, resources=resources)

    result = sensors.meter_what_arrived(context)

    assert isinstance(result, dg.SensorResult)
    assert len(result.run_requests or []) == 3
    assert len({request.run_key for request in result.run_requests or []}) == 3
    assert _asked_until_nothing_is_new(resources) >= set(days)


def test_a_day_that_gets_readings_in_drops_is_metered_once_and_once_more_after_ten_minutes(
    layout: Layout, resources: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks every 10 s, with a file before each of the first five."""
    late_day, hours = LAST_DAY - timedelta(days=40), iter(range(24))
    now_ns = start_ns = raw_files.file_system_ns(layout)
    monkeypatch.setattr(sensors, "file_system_ns", lambda _: now_ns)
    _, cursor = _looked(None, resources)
    asked_after_s = []
    for look in range(80):
        if look < 5:
            start_utc = datetime.combine(late_day, datetime.min.time(), UTC)
            late_reading(layout, 1.0, start_utc + timedelta(hours=next(hours)))
        now_ns = start_ns + (300 + look * 10) * 1_000_000_000  # after all that the test writes
        asked, cursor = _looked(cursor, resources)
        asked_after_s += [look * 10] * len(asked)

    assert asked_after_s == [0, 600]


def test_days_before_the_first_that_is_metered_are_left_alone(
    layout: Layout, resources: dict[str, object]
) -> None:
    """They are no partitions: one request for them would fail every look from then on."""
    early = date.fromisoformat(partitions.FIRST_DAY) - timedelta(days=1)
    late_reading(layout, 1.0, datetime.combine(early, datetime.min.time(), UTC))

    assert early not in _asked_until_nothing_is_new(resources)


def test_a_new_site_becomes_a_partition_before_any_reading_of_it(
    layout: Layout, resources: dict[str, object]
) -> None:
    register_sites(layout, read_sites(layout) | {"s2": read_sites(layout)[SITE]})
    _, cursor = _looked(None, resources)
    context = dg.build_sensor_context(cursor=cursor, resources=resources)

    result = sensors.meter_what_arrived(context)

    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    (request,) = result.dynamic_partitions_requests or []
    assert list(request.partition_keys) == [SITE, "s2"]


def test_readings_from_before_their_site_was_registered_are_metered_once_it_is(
    layout: Layout, resources: dict[str, object]
) -> None:
    """60 days of s2 take two looks; those of the other site are not asked for again."""
    days = [LAST_DAY - timedelta(days=number) for number in range(60)]
    _, cursor = _looked(None, resources)
    for day in days:
        late_reading(layout, 1.0, datetime.combine(day, datetime.min.time(), UTC), site_id="s2")
    late_reading(layout, 1.0, datetime.combine(LAST_DAY, datetime.min.time(), UTC))
    before, cursor = _looked(cursor, resources)

    register_sites(layout, read_sites(layout) | {"s2": read_sites(layout)[SITE]})
    looks = []
    for _ in range(3):
        asked, cursor = _looked(cursor, resources)
        looks.append(asked)

    assert before == [LAST_DAY]
    assert [len(one) for one in looks] == [50, 10, 0]
    assert {day for one in looks for day in one} == set(days)


@pytest.mark.parametrize("cursor", ["5", "[]", '"2026-07-01"', "yesterday", '{"since_ns": 5}'])
def test_a_cursor_that_is_not_understood_leaves_no_day_out(
    resources: dict[str, object], cursor: str
) -> None:
    asked, after = _looked(cursor, resources)

    assert (len(asked), asked[-1]) == (9, LAST_DAY)
    assert _looked(after, resources)[0] == []


@pytest.mark.parametrize("cursor", ["5", "{}", "yesterday", "[1]"])
def test_settling_goes_on_after_a_cursor_that_is_not_understood(
    resources: dict[str, object], cursor: str
) -> None:
    context = dg.build_sensor_context(cursor=cursor, resources=resources)

    result = sensors.settle_complete_events(context)

    assert isinstance(result, dg.SensorResult)
    assert result.cursor == "[]"


def test_files_of_one_moment_are_all_asked_for(
    layout: Layout, resources: dict[str, object]
) -> None:
    """A file system stamps what follows closely alike: 120 days of few moments take turns."""
    days = [LAST_DAY - timedelta(days=200 + number) for number in range(120)]
    folders = [layout.raw_folder("raw_meter__readings", SITE, day) for day in days]
    for folder in folders:
        folder.mkdir(parents=True)
    for folder in folders:
        (folder / "import_0.parquet").touch()

    assert _asked_until_nothing_is_new(resources) >= set(days)


def test_what_appears_where_was_looked_already_is_found_at_the_next_look(
    layout: Layout, resources: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file lands in an early folder while a later one, with a newer file, is looked at."""
    early, late = (LAST_DAY - timedelta(days=number) for number in (300, 290))
    for day in (early, late):
        layout.raw_folder("raw_meter__readings", SITE, day).mkdir(parents=True)
    real = raw_files.raw_arrivals
    missed = layout.raw_folder("raw_meter__readings", SITE, early) / "import_0.parquet"

    def interrupted(*args: object) -> object:
        if not missed.exists():
            before = real(*args)  # type: ignore[arg-type]  # passed on as they came
            missed.touch()
            sleep(0.02)
            (layout.raw_folder("raw_meter__readings", SITE, late) / "import_0.parquet").touch()
            return before | {late: real(*args)[late]}  # type: ignore[arg-type]  # as above
        return real(*args)  # type: ignore[arg-type]  # as above

    monkeypatch.setattr(sensors, "raw_arrivals", interrupted)

    assert _asked_until_nothing_is_new(resources) >= {early, late}


def _asked_until_nothing_is_new(resources: dict[str, object]) -> set[date]:
    """Return the days that look after look asks for; none twice, 50 at once."""
    cursor: str | None = EVERYTHING
    asked: list[date] = []
    while True:
        turn, cursor = _looked(cursor, resources)
        if not turn:
            assert len(asked) == len(set(asked))
            return set(asked)
        assert len(turn) <= 50
        asked += turn
