"""What a listener on DSX Exchange seals is what sensors and settlements look for."""

from datetime import date
from pathlib import Path

from negawatt.warehouse.event_tables import events_of_site
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_arrivals, read_raw
from tests.collectors.dsx.test_store import batch, opened

DAY = date(2026, 9, 21)
"""Of 1,790,000,000 s since 1970."""


def test_readings_arrive_on_their_day_and_an_event_is_there_to_be_settled(tmp_path: Path) -> None:
    store, layout = opened(tmp_path), Layout(tmp_path)
    store.keep(batch())
    store.close()

    (event,) = events_of_site(layout, "hall-1")

    assert list(raw_arrivals(layout, "hall-1", 0)) == [DAY]
    rows = read_raw(layout, "raw_node__power_samples", "hall-1", DAY, DAY)
    assert rows.select("node_id", "power_w").rows() == [("BUS-1", 118_500.0)]
    assert (event.program_id, event.limit_kw) == ("pjm_economic_3day", 750.0)
