from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.simulation.equipment import HostModel, OverheadModel
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.site import settled_site_w, site_load

PLAN = HallPlan(site_id="hall", seed=1, start_utc=datetime(2026, 6, 2, tzinfo=UTC), nodes=4, days=1)


def test_a_steady_site_is_gpus_hosts_and_overhead_by_hand() -> None:
    """Hosts 4 * 1200 + 0.11 * 10000 = 5.9 kW, IT 15.9 kW; overhead 0.5 + (0.03 + 0.08) * 15.9.

    At 28 degrees, ten above free cooling, cooling takes 0.05 + 10 * 0.003 of IT.
    """
    load = site_load(PLAN, np.full(1440, 10_000.0), np.zeros(1440), np.full(1440, 28.0))

    assert load.host_kw[-1] == pytest.approx(5.9)
    assert load.overhead_kw[-1] == pytest.approx(0.5 + 0.11 * 15.9)
    assert load.site_kw[-1] == pytest.approx(15.9 + 0.5 + 0.11 * 15.9)
    assert load.site_kw[-1] == pytest.approx(settled_site_w(PLAN, 10_000.0, 28.0) / 1e3)


def test_cooling_follows_a_step_with_its_lag() -> None:
    """A lag of 1200 s: 20 minutes after the step 1 - 1/e = 63.2 % of it have come."""
    gpu_w = np.concatenate([np.full(60, 20_000.0), np.full(1380, 10_000.0)])

    load = site_load(PLAN, gpu_w, np.zeros(1440), np.full(1440, 18.0))

    cooling_kw = load.overhead_kw - 0.03 * (load.gpu_kw + load.host_kw)
    fallen = (cooling_kw[59] - cooling_kw[59 + 20]) / (0.05 * 1.11 * 10)
    assert fallen == pytest.approx(1 - np.exp(-1))


def test_the_site_is_the_sum_of_its_parts(small_hall: HallRecord) -> None:
    """GPUs to within rounding of the minute means, and hosts and overhead on top."""
    minutes = small_hall.grid.minute_means(small_hall.gpu_power_w.T)
    load = small_hall.load

    np.testing.assert_allclose(load.gpu_kw, minutes.sum(axis=0) / 1e3, rtol=1e-12)
    np.testing.assert_array_equal(load.site_kw, load.gpu_kw + load.host_kw + load.overhead_kw)
    assert (load.host_kw > 0).all()
    assert (load.overhead_kw > 0).all()


def test_each_busy_gpu_adds_to_its_host() -> None:
    """Ten busy GPUs at 25 W are 0.25 kW more of hosts, whatever their power."""
    plan = PLAN.model_copy(update={"host": HostModel(per_busy_gpu_w=25.0)})
    gpu_w, temp_c = np.full(1440, 10_000.0), np.full(1440, 28.0)

    busy = site_load(plan, gpu_w, np.full(1440, 10.0), temp_c)
    idle = site_load(plan, gpu_w, np.zeros(1440), temp_c)

    np.testing.assert_allclose(busy.host_kw - idle.host_kw, 0.25)


def test_small_loads_are_there_by_day_on_weekdays() -> None:
    """10 kW of offices: 2 kW at night, 10 kW at 13:00 in New York, which is 17:00 UTC in June."""
    plan = PLAN.model_copy(update={"overhead": OverheadModel(daily_w=10_000.0)})
    none = np.zeros(1440)

    small_kw = (
        site_load(plan, none, none, none).overhead_kw
        - site_load(PLAN, none, none, none).overhead_kw
    )

    assert small_kw[17 * 60] == pytest.approx(10)
    assert small_kw[6 * 60] == pytest.approx(2)
