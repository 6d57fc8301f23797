"""The sum of intervals against the register: the bracket by hand, and what is not compared."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.meter_checks import days_of_meters
from negawatt.models.metering.meter_day import MeterDay
from negawatt.models.metering.register_check import register_between_reads, register_findings

DAY_UTC = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = {"m": MeterFacts(register_node_id="n", register_meter_id="input")}


def compared(
    energy_kwh: list[float | None],
    register: dict[float, float],
    facts: dict[str, MeterFacts] = FACTS,
    *,
    quality: str = "ok",
    again: dict[float, float] | None = None,
) -> list[Finding]:
    """Hold hourly energy from midnight against a register, read at hours since midnight."""
    told = [*register.items(), *(again or {}).items()]
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
            "observed_at_utc": [DAY_UTC + hour * HOUR for hour, _ in told],
            "energy_total_kwh": [shown_kwh for _, shown_kwh in told],
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


def test_of_two_values_at_one_moment_neither_is_used_and_they_are_found() -> None:
    """At 2:00 the register cannot show 1,020 and 1,000 kWh; from 0:00 to 4:00 all is well."""
    register = {0.0: 1_000.0, 2.0: 1_020.0, 4.0: 1_040.0}

    (finding,) = compared([10.0] * 4, register, again={2.0: 1_000.0, 4.0: 1_040.0})

    assert finding.code is FindingCode.READING_REPEATED
    assert finding.subject == "meter_id 'm'"
    assert finding.evidence == {
        "conflict_count": 1,
        "first_utc": "2026-07-01T02:00:00+00:00",
        "first_least_kwh": 1_000.0,
        "first_most_kwh": 1_020.0,
    }


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


@pytest.mark.parametrize(("exports", "count"), [(None, 0), (True, 0), (False, 1)])
def test_where_energy_may_flow_back_nothing_says_what_the_register_counts(
    exports: bool | None,  # noqa: FBT001 - pytest names it
    count: int,
) -> None:
    """10 kWh in, then 5 kWh out: a register of what flows in shows 10 more, one of both 5."""
    facts = {"m": replace(FACTS["m"], exports=exports)}
    hours: list[float | None] = [10.0, -5.0, 10.0, 10.0]

    assert len(compared(hours, {0: 0.0, 4: 30.0}, facts)) == count
    assert len(compared(hours, {0: 0.0, 1: 10.0, 2: 5.0, 4: 25.0}, facts)) == count
    assert len(between([10.0, -5.0, 10.0, 10.0], 0.5, 3.5, -5.0, exports=exports)) == count
    assert len(compared([10.0] * 4, {0: 0.0, 4: 30.0}, facts)) == 1


def test_over_days_on_which_a_meter_changed_its_intervals_it_has_no_one_grid() -> None:
    ends = [DAY_UTC + HOUR, DAY_UTC + 1.5 * HOUR]
    rows = pl.DataFrame(
        {
            "meter_id": "m",
            "interval_start_utc": [DAY_UTC, DAY_UTC + HOUR],
            "interval_end_utc": ends,
            "energy_kwh": 1.0,
            "reading_quality": "ok",
            "available_at_utc": ends,
        }
    )
    later_utc = DAY_UTC + 48 * HOUR

    def count(of: pl.DataFrame) -> int:
        return len(days_of_meters(of, Interval(DAY_UTC, later_utc), as_of_utc=later_utc))

    assert [count(rows[:1]), count(rows[1:]), count(rows), count(rows.clear())] == [1, 1, 0, 0]


def between(
    energy_kwh: list[float],
    first: float,
    last: float,
    counted_kwh: float,
    *,
    exports: bool | None = None,
) -> list[str]:
    """Hold hourly energy from midnight against a count between two hours; return the messages."""
    count, hour_ms = len(energy_kwh), 3_600_000
    meter = MeterDay(
        meter_id="m",
        start_ms=np.arange(count) * hour_ms,
        length_ms=hour_ms,
        energy_kwh=np.array(energy_kwh),
        is_ok=np.full(count, fill_value=True),
        is_there=np.full(count, fill_value=True),
        early_ms=np.zeros(count),
    )
    read_ms = (np.array([first, last]) * hour_ms).astype(np.int64)
    shown_kwh = np.array([500.0, 500.0 + counted_kwh])
    found = register_between_reads(meter, read_ms, shown_kwh, 0.002, exports=exports)
    return [finding.message for finding in found]


def test_from_read_to_read_the_count_lies_between_the_whole_intervals_and_those_cut() -> None:
    """10 kWh an hour, read at 00:30 and 03:30: 20 kWh lie between, 40 kWh around."""
    hours = [10.0] * 4

    assert [between(hours, 0.5, 3.5, count) for count in (20.0, 30.0, 40.0)] == [[], [], []]
    assert [len(between(hours, 0.5, 3.5, count)) for count in (19.9, 40.1)] == [1, 1]
    assert between(hours, 0.0, 4.0, 40.0) == []
    assert len(between(hours, 0.0, 4.0, 40.2)) == 1


def test_from_read_to_read_nothing_is_compared_where_an_interval_is_not_known_but_a_fall() -> None:
    hours = [10.0, float("nan"), 10.0, 10.0]

    assert between(hours, 0.5, 3.5, 99.0) == []
    assert "no fall" in between(hours, 0.5, 3.5, -1.0)[0]
    assert between([10.0] * 4, 0.5, 4.5, 99.0) == []
