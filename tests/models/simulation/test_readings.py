from datetime import timedelta

import polars as pl
import pytest

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_minutes import gpu_interval_energy
from negawatt.models.simulation import readings
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.record import HallRecord


@pytest.fixture(scope="module")
def record() -> HallRecord:
    return simulate(demo_plan(1, nodes=3, days=2))


def test_metered_energy_is_what_the_counters_say(record: HallRecord) -> None:
    """The counter's difference over the first day is the energy; it counts in millijoules."""
    plan, node = record.plan, record.gpus[0].node_id
    day = Interval(plan.start_utc, plan.start_utc + timedelta(days=1))
    window = Interval(plan.start_utc, plan.end_utc)
    samples = readings.power_samples(record, node, window, boot_id="b")

    minutes, _ = gpu_interval_energy(samples, day, "s", max_gap_s=95.0)

    whole = minutes.filter(pl.col("energy_j").is_null().any().over("gpu_uuid").not_())
    assert not whole.is_empty()
    for (gpu,), rows in whole.partition_by("gpu_uuid", as_dict=True).items():
        column = next(n for n, g in enumerate(record.gpus) if g.gpu_uuid == gpu)
        counter = record.energy_total_millijoule[:, column]
        step = record.grid.steps_of_day(0).stop
        assert rows["energy_j"].sum() == pytest.approx((counter[step] - counter[0]) / 1e3)


def test_the_limit_is_a_quarter_off_the_hour_before_the_ramp(record: HallRecord) -> None:
    event = record.plan.events[-1]

    row = readings.event_rows(record, "pjm_economic_3day").row(-1, named=True)

    end_utc = event.start_utc - timedelta(minutes=event.ramp_down_minutes)
    hour = record.minutes_in(Interval(end_utc - timedelta(hours=1), end_utc))
    exact_kw = 0.75 * record.meter_kw[hour].mean()
    assert exact_kw <= row["limit_kw"] < exact_kw + 1


def test_no_gpu_is_allocated_twice_at_a_time(record: HallRecord) -> None:
    held = readings.allocations(record).sort("gpu_uuid", "allocation_start_utc")
    before_end = pl.col("allocation_end_utc").shift().over("gpu_uuid")

    overlapping = held.filter(pl.col("allocation_start_utc") < before_end)

    assert held.height > 10
    assert overlapping.is_empty()


def test_the_meter_reports_a_minute_after_its_end(record: HallRecord) -> None:
    rows = readings.meter_readings(record, "m")

    late = (rows["available_at_utc"] - rows["interval_end_utc"]).unique().to_list()
    assert late == [timedelta(minutes=1)]
    assert rows["energy_kwh"].sum() == pytest.approx(record.meter_kw.mean() * 48)
