"""Capacity measured twice: by the engine's baseline at the meter, and here at the generators."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import exact_decimal
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.measure import measure
from negawatt.models.settlement.payment.rules import load_payment_rule

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
EVENT = Interval(datetime(2026, 7, 15, 19, tzinfo=UTC), datetime(2026, 7, 15, 23, tzinfo=UTC))


@pytest.mark.parametrize("program_id", ["pjm_capacity_fsl", "pjm_capacity_gld"])
@pytest.mark.parametrize("peak_load_kw", [400.0, 1000.0])
def test_the_reduction_at_the_meter_times_losses_is_what_is_paid(
    program_id: str, peak_load_kw: float
) -> None:
    """Load of 300 to 500 kW, 250 to 300 in the event; a peak load of 400 kW binds the drop."""
    rng = np.random.default_rng(4)
    energy_kwh = rng.uniform(300, 500, 60 * 24)
    first_utc = EVENT.start_utc.replace(hour=0) - timedelta(days=58)
    position = (EVENT.start_utc - first_utc) // HOUR
    energy_kwh[position : position + 4] = rng.uniform(250, 300, 4)
    load = LoadSeries(
        meter_id="m",
        start_utc=first_utc,
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.ones(energy_kwh.size),
    )
    site = SiteInputs(loss_factor=1.06, peak_load_contribution_kw=peak_load_kw)
    result = compute_baseline(load_program(program_id), load, EVENT, site=site)
    event = EventInputs(
        subject="event 'e'",
        interval_minutes=60,
        interval_start_utc=result.interval_start_utc,
        metered_kwh=tuple(map(exact_decimal, result.metered_kwh)),
        comparison_kwh=tuple(map(exact_decimal, result.adjusted_baseline_kwh)),
        peak_load_kw=exact_decimal(peak_load_kw),
        loss_factor=Decimal("1.06"),
    )

    paid_kw = measure(load_payment_rule(program_id), event).interval_kw

    assert [float(value) for value in paid_kw] == pytest.approx(
        np.maximum(1.06 * result.reduction_kwh, 0), abs=1e-9
    )
