"""An estimate made from a fleet folder is recorded beside the event that it is of."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from negawatt.cli.counterfactual import counterfactual
from negawatt.cli.simulate import simulate
from negawatt.models.counterfactual.summary import Scope
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.estimate_tables import recorded_estimate
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites
from tests.pipelines.conftest import SITE, event_rows

pytestmark = pytest.mark.slow
EVENT, OTHER = "hall-event", "the-day-before"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Layout]:
    """A fleet folder, and a warehouse that knows its event and one a day earlier."""
    root = tmp_path_factory.mktemp("hall")
    simulate(root / "hall", nodes=8, days=14)
    folder, layout = root / "hall" / "public", Layout(root / "warehouse")
    said = json.loads((folder / "events.json").read_text(encoding="utf-8"))[-1]
    start_utc, end_utc = (datetime.fromisoformat(said[name]) for name in ("start", "end"))
    site = Site(
        time_zone="America/New_York", settlement_meter_id="m", revenue_grade=True, boundary="b"
    )
    register_sites(layout, {SITE: site})
    for event_id, earlier in ((EVENT, timedelta(0)), (OTHER, timedelta(days=1))):
        rows = event_rows(
            event_id=event_id,
            event_start_utc=start_utc - earlier,
            event_end_utc=end_utc - earlier,
        )
        seal_rows(layout, "raw_grid__events", SITE, "test", rows)
    return folder, layout


def test_it_is_recorded_for_its_window_and_again_changes_nothing(
    hall: tuple[Path, Layout], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, layout = hall
    for _ in range(2):
        counterfactual(folder, record=EVENT, warehouse=layout.root)

    said = capsys.readouterr().out
    event = find_event(layout, EVENT)
    rows = recorded_estimate(layout, event)
    assert f"beside event {EVENT}" in said
    assert rows.height == event.interval.duration_h * 4  # quarters
    assert f"would have drawn  {rows['expected_kw'].sum() / rows.height:.1f} kW" in said
    sealed = list((layout.root / "raw_event__counterfactual").rglob("*.parquet"))
    assert len(sealed) == 1


def test_another_event_s_window_and_power_at_the_gpus_are_refused(
    hall: tuple[Path, Layout],
) -> None:
    folder, layout = hall
    with pytest.raises(DataRefusedError, match=OTHER):
        counterfactual(folder, record=OTHER, warehouse=layout.root)
    with pytest.raises(ConfigurationError, match="--scope site"):
        counterfactual(folder, record=EVENT, scope=Scope.GPU, warehouse=layout.root)
