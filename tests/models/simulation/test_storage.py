from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.incidents import Battery
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.storage import storage_kw

EVENT = HallEvent(
    event_id="e1",
    start_utc=datetime(2026, 6, 2, 10, tzinfo=UTC),
    end_utc=datetime(2026, 6, 2, 12, tzinfo=UTC),
)
PLAN = HallPlan(
    site_id="hall",
    seed=1,
    start_utc=datetime(2026, 6, 2, tzinfo=UTC),
    days=1,
    battery=Battery(discharge_kw=40.0, recharge_delay_h=4, recharge_h=2, efficiency_ratio=0.8),
    events=(EVENT,),
)


def test_a_battery_gives_in_the_window_and_takes_more_back_later() -> None:
    """40 kW for 2 h from 10:00; 80 kWh / 0.8 = 100 kWh back in 2 h from 16:00 are 50 kW."""
    power_kw = storage_kw(PLAN, PLAN.events)

    assert (power_kw[600:720] == 40).all()
    assert power_kw[960:1080] == pytest.approx(np.full(120, -50.0))
    assert power_kw.sum() / 60 == pytest.approx(80 - 100)
    assert np.count_nonzero(power_kw) == 240


def test_a_battery_rests_where_nobody_acts() -> None:
    null = EVENT.model_copy(update={"carried_out": False})

    assert not storage_kw(PLAN, [null]).any()
    assert not storage_kw(PLAN.model_copy(update={"battery": None}), [EVENT]).any()
