"""The sum of intervals against the register: the bracket by hand, and what is not compared."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.meter_checks import days_of_meters
from negawatt.models.metering.register_check import register_findings

DAY_UTC = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = {"m": MeterFacts(register_node_id="n", register_meter_id="input")}


def compared(
    energy_kwh: list[float | None],
    register: dict[float, float],
    facts: dict[str, MeterFacts] = FACTS,
    *,
    quality: str = "ok",
) -> list[Finding]:
    """Hold hourly energy from midnight against a register, read at hours since midnight."""
    starts = [DAY_UTC + n * HOUR for n in range(len(energy_kwh))]
    rows = pl.DataFrame(
        {
            "meter_id": "m",
            "interval_start_utc": starts,
            "interval_end_utc": [start + HOUR for start in starts],
            "energy_kwh": pl.Series(energy_kwh, dtype=pl.Float64),
            "reading_quality": "ok",
            "available_at_utc": [start + HOUR for start in starts],
        }
    )
    day = Interval(DAY_UTC, DAY_UTC + len(energy_kwh) * HOUR)
    reads = pl.DataFrame(
        {
            "node_id": "n",
            "meter_id": "input",
            "observed_at_utc": [DAY_UTC + h * HOUR for h in register],
            "energy_total_kwh": list(register.values()),
            "reading_quality": quality,
        }
    ).sample(fraction=1.0, shuffle=True, seed=1)
    days = days_of_meters(rows, day, as_of_utc=DAY_UTC + 48 * HOUR)
    return register_findings(days, reads, facts, 0.002)


def test_a_register_that_was_read_on_the_hour_must_agree() -> None:
    """10 kWh an hour for four hours; 0.2 % of 40 kWh are 0.08 kWh."""
    register = {0.0: 1_000.0, 4.0: 1_040.0}

    assert compared([10.0] * 4, register) == []
    assert compared([10.0, 10.0, 10.0, 9.93], register) == []
    (finding,) = compared([10.0, 10.0, 10.0, 9.9], register)

    assert finding.code is FindingCode.METER_REGISTER_DISAGREES
    assert finding.evidence["interval_kwh"] == pytest.approx(39.9)
    assert finding.evidence["register_least_kwh"] == 40.0
    assert finding.evidence["register_most_kwh"] == 40.0


def test_between_readings_the_register_is_known_between_two_bounds() -> None:
    """Read at 0:30, 1:30, 2:30 and 3:30, 10 kWh apart.

    From 1:00 to 3:00 it counted at least 1,020 - 1,010 and at most 1,030 - 1,000 kWh.
    """
    register = {0.5: 1_000.0, 1.5: 1_010.0, 2.5: 1_020.0, 3.5: 1_030.0}

    assert compared([99.0, 10.0, 10.0, 99.0], register) == []
    (low,) = compared([99.0, 5.0, 4.0, 99.0], register)
    (high,) = compared([99.0, 15.0, 16.0, 99.0], register)

    assert low.evidence["register_least_kwh"] == high.evidence["register_least_kwh"] == 10.0
    assert high.evidence["register_most_kwh"] == 30.0
    assert high.evidence["first_utc"] == "2026-07-01T01:00:00+00:00"


def test_a_register_that_falls_is_found_and_not_compared() -> None:
    (finding,) = compared([10.0] * 4, {0: 1_000.0, 2: 5.0, 4: 25.0})

    assert finding.evidence == {
        "fell_at_utc": "2026-07-01T02:00:00+00:00",
        "largest_fall_kwh": 995.0,
    }


@pytest.mark.parametrize(
    ("energy_kwh", "register"),
    [
        ([10.0, None, 1.0, 1.0], {0: 0.0, 4: 40.0}),
        ([1.0] * 4, {}),
        ([1.0] * 4, {2: 20.0}),
        ([1.0] * 4, {0: 0.0, 4: np.nan}),
    ],
)
def test_what_is_not_known_is_not_compared(
    energy_kwh: list[float | None], register: dict[float, float]
) -> None:
    assert compared(energy_kwh, register) == []


def test_without_a_declared_register_nothing_is_compared() -> None:
    assert compared([1.0] * 4, {0: 0.0, 4: 40.0}, {}) == []
    assert compared([1.0] * 4, {0: 0.0, 4: 40.0}, {"m": MeterFacts()}) == []


def test_a_reading_of_the_register_that_its_source_marked_is_not_used() -> None:
    assert compared([1.0] * 4, {0: 0.0, 4: 40.0}, quality="bms_quality_0") == []
