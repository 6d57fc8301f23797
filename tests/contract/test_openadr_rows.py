"""What a listener on a VTN seals is what the warehouse reads: events, prices and messages."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from negawatt.collectors import message_store as module
from negawatt.collectors.message_journal import Journal
from negawatt.models.domain.interval import Interval
from negawatt.warehouse.event_tables import events_of_site
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_tables import prices_in
from negawatt.warehouse.raw_files import read_all_raw
from tests.collectors.openadr.vtn_events import (
    START_UTC,
    event,
    gone,
    interval,
    message,
    opened,
)

LIMIT = "IMPORT_CAPACITY_LIMIT"
AN_HOUR = timedelta(hours=1)


def test_the_newest_revision_of_each_event_and_every_price_are_read(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep([message(event(interval(0, LIMIT, 10), interval(1, LIMIT, 8)))])
    store.seal()
    store.keep([message(event(interval(0, LIMIT, 10), interval(1, LIMIT, 7.5), modified=1))])
    store.keep([message(event(interval(0, "PRICE", 0.17), vtn_id="p-1"))])
    store.keep([message(event(interval(0, "ALERT_FLEX_ALERT", ""), vtn_id="a-1"))])
    store.close()

    layout = Layout(tmp_path)
    alerts = read_all_raw(layout, "raw_grid__stress", "market")
    assert alerts["stress_level"].to_list() == ["ALERT_FLEX_ALERT"]
    found = [(one.event_id, one.revision, one.limit_kw) for one in events_of_site(layout, "hall-1")]
    prices = prices_in(layout, "utility-dynamic", Interval(START_UTC, START_UTC + AN_HOUR))
    assert found == [("e-1.0", 1, 10.0), ("e-1.1", 2, 7.5)]
    assert prices["price_amount"].to_list() == [Decimal("0.17")]
    assert read_all_raw(layout, "raw_grid__messages", "hall-1").height == 4


@pytest.mark.parametrize("last_step", ["seal_facts", "save_state", "begin_anew"])
def test_processes_that_end_between_two_steps_of_sealing_double_and_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    told = [message(event(interval(0, LIMIT, 10))), gone(received_utc=START_UTC + AN_HOUR / 2)]
    store = opened(tmp_path)
    store.keep(told)

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal if last_step == "begin_anew" else module, last_step, ends)
        with pytest.raises(KeyboardInterrupt):
            store.seal()
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path)
    opened(tmp_path).close()

    rows = read_all_raw(Layout(tmp_path), "raw_grid__events", "hall-1").sort("revision")
    assert rows["revision"].to_list() == [1, 2]
    assert rows["event_end_utc"].to_list() == [START_UTC + AN_HOUR, START_UTC + AN_HOUR / 2]
