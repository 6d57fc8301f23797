from collections.abc import Callable

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.power import power_kw_in


def test_power_is_energy_over_the_length_of_the_interval(
    load_around: Callable[..., tuple[LoadSeries, Interval]],
) -> None:
    """35 kWh in half an hour is 70 kW."""
    load, event = load_around([100], [70, float("nan")])
    assert load.energy_kwh[1] == 35.0

    powers_kw = power_kw_in(load, event)

    assert powers_kw[0] == 70.0
    assert powers_kw[1] != powers_kw[1]
