from datetime import UTC, datetime

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.event_tables import events_of_site, find_event, with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites
from tests.pipelines.exports.names import NAMES


def event_rows(*, hour: int = 18, available_day: int = 1, cancelled: bool = False) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event_id": "e1",
            "revision": 1,
            "site_id": "s1",
            "program_id": "pjm_economic_3day",
            "event_start_utc": datetime(2026, 6, 30, hour, tzinfo=UTC),
            "event_end_utc": datetime(2026, 6, 30, 22, tzinfo=UTC),
            "notified_at_utc": None,
            "committed_kw": 10.0,
            "target_reduction_ratio": None,
            "limit_kw": None,
            "ramp_minutes": 0.0,
            "event_kind": "economic",
            "cancelled": cancelled,
            "event_source": "file",
            "available_at_utc": datetime(2026, 7, available_day, tzinfo=UTC),
        }
    )


def imported(layout: Layout, rows: pl.DataFrame) -> int:
    fresh = with_revisions(layout, "s1", rows)
    return seal_rows(layout, "raw_grid__events", "s1", "import", fresh).row_count


def test_an_event_reads_back_as_the_domain_knows_it(layout: Layout) -> None:
    imported(layout, event_rows())

    (event,) = events_of_site(layout, "s1")

    assert (event.event_id, event.revision, event.committed_kw) == ("e1", 1, 10.0)
    assert event.interval.duration_h == 4.0


def test_a_changed_event_is_a_new_revision_and_the_same_event_twice_is_not(layout: Layout) -> None:
    imported(layout, event_rows())

    repeated = imported(layout, event_rows(available_day=2))
    changed = imported(layout, event_rows(hour=19, available_day=3))

    assert (repeated, changed) == (0, 1)
    (event,) = events_of_site(layout, "s1")
    assert (event.revision, event.interval.start_utc.hour) == (2, 19)


def test_a_cancelled_event_says_so(layout: Layout) -> None:
    imported(layout, event_rows())
    imported(layout, event_rows(cancelled=True, available_day=2))

    assert [event.cancelled for event in events_of_site(layout, "s1")] == [True]


def test_an_unknown_event_is_answered_with_the_known_ones(layout: Layout) -> None:
    site = Site(time_zone="UTC", settlement_meter_id="m", revenue_grade=True, boundary="all of it")
    register_sites(layout, {"s1": site})
    imported(layout, event_rows())

    with pytest.raises(ConfigurationError, match=r"one of the known events \(e1\)"):
        find_event(layout, "e9")


def test_an_event_that_two_sites_have_is_not_guessed(layout: Layout) -> None:
    site = Site(time_zone="UTC", settlement_meter_id="m", revenue_grade=True, boundary="all of it")
    register_sites(layout, {"s1": site, "s2": site})
    imported(layout, event_rows())
    theirs = with_revisions(layout, "s2", event_rows().with_columns(site_id=pl.lit("s2")))
    seal_rows(layout, "raw_grid__events", "s2", "import", theirs)

    with pytest.raises(DataRefusedError, match=r"event 'e1': .* found sites s1, s2"):
        find_event(layout, "e1")


def test_an_event_of_another_site_is_refused(layout: Layout) -> None:
    with pytest.raises(DataRefusedError, match=r"expected site 's2', .* found site 's1'"):
        with_revisions(layout, "s2", event_rows())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"committed_kw": -1.0}, "outside in {'committed_kw': 1}"),
        ({"target_reduction_ratio": 25.0}, "outside in {'target_reduction_ratio': 1}"),
        ({"event_id": None}, "NULL in {'event_id': 1}"),
        ({"event_end_utc": datetime(2026, 6, 30, 17, tzinfo=UTC)}, "got end 2026-06-30T17:00"),
        ({"event_end_utc": datetime(2026, 6, 30, 18, tzinfo=UTC)}, "got end 2026-06-30T18:00"),
    ],
)
def test_an_event_that_cannot_be_is_refused_at_the_door(
    layout: Layout, change: dict[str, object], found: str
) -> None:
    rows = event_rows().with_columns(pl.lit(value).alias(name) for name, value in change.items())

    with pytest.raises(DataRefusedError, match=found):
        with_revisions(layout, "s1", rows)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_event_whose_name_is_no_name_is_refused_at_the_door(name: str, layout: Layout) -> None:
    """Its name becomes a partition, a folder and a file."""
    rows = event_rows().with_columns(event_id=pl.lit(name))

    with pytest.raises(DataRefusedError, match="expected 1 to 64 letters, digits"):
        with_revisions(layout, "s1", rows)
