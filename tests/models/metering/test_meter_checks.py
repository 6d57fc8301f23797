"""Checks of interval meters: each by hand, what none may find, and real meters."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.meter_checks import (
    days_of_meters,
    flat_line,
    meter_findings,
    spike_ratio,
    spikes,
)
from negawatt.models.metering.meter_day import MeterDay
from negawatt.models.metering.validation_limits import default_limits

DAY_UTC = datetime(2026, 3, 8, tzinfo=UTC)  # clocks of New York skip 07:00 to 08:00 UTC
HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")
DAILY_KWH = tuple(10.0 + n % 3 for n in range(24))


def readings(
    *energy_kwh: float | None, quality: str = "ok", had_after: timedelta = HOUR
) -> pl.DataFrame:
    starts = [DAY_UTC + n * HOUR for n in range(len(energy_kwh))]
    return pl.DataFrame(
        {
            "meter_id": "m",
            "interval_start_utc": starts,
            "interval_end_utc": [start + HOUR for start in starts],
            "energy_kwh": pl.Series(energy_kwh, dtype=pl.Float64),
            "reading_quality": quality,
            "available_at_utc": [start + had_after for start in starts],
        }
    )


def day_of(rows: pl.DataFrame) -> list[MeterDay]:
    day = Interval(DAY_UTC, DAY_UTC + 24 * HOUR)
    return days_of_meters(rows, day, as_of_utc=DAY_UTC + 48 * HOUR)


def found(rows: pl.DataFrame, facts: MeterFacts | None = None, zone: tzinfo = UTC) -> list[Finding]:
    declared = {} if facts is None else {"m": facts}
    return meter_findings(day_of(rows), declared, default_limits(), zone)


def with_value(at: int, energy_kwh: float | None) -> list[float | None]:
    return [*DAILY_KWH[:at], energy_kwh, *DAILY_KWH[at + 1 :]]


def test_of_an_ordinary_day_nothing_is_found() -> None:
    facts = MeterFacts(service_rating_kw=12.0, exports=False, constant_load=False)

    assert found(readings(*DAILY_KWH), facts, NEW_YORK) == []


def test_more_than_the_service_can_carry_is_found_once_with_the_worst() -> None:
    """13 and 14 kWh in an hour of a service of 12 kW, one below zero where nothing flows back."""
    values = [*DAILY_KWH[:21], 13.0, 14.0, -1.0]

    (finding,) = found(readings(*values), MeterFacts(service_rating_kw=12.0, exports=False))

    assert finding.code is FindingCode.READING_OUT_OF_RANGE
    assert finding.evidence["interval_count"] == 3
    assert finding.evidence["worst_kw"] == 14.0
    assert finding.evidence["first_utc"] == "2026-03-08T21:00:00+00:00"


@pytest.mark.parametrize("exports", [True, None])
def test_energy_below_zero_is_judged_only_where_no_export_is_declared(
    *, exports: bool | None
) -> None:
    assert found(readings(*with_value(5, -1.0)), MeterFacts(exports=exports)) == []


def test_a_single_interval_far_above_its_neighbors_is_a_spike() -> None:
    """30 kWh; of 10, 12, 11 and 12 around it the highest is 12: 2.5 times."""
    (finding,) = found(readings(*with_value(10, 30.0)))

    assert finding.code is FindingCode.METER_SPIKE
    assert finding.evidence == {
        "interval_count": 1,
        "first_utc": "2026-03-08T10:00:00+00:00",
        "worst_kwh": 30.0,
        "worst_ratio": 2.5,
        "ratio_max": 2.0,
    }


@pytest.mark.parametrize("lasts", [2, 3, 12])
def test_a_step_of_a_load_is_no_spike_up_or_down(lasts: int) -> None:
    high = np.array(DAILY_KWH)
    high[6 : 6 + lasts] *= 20

    assert found(readings(*high)) == []


def test_beside_what_is_not_known_or_off_nothing_is_a_spike() -> None:
    """Nor at the ends of the day, where a step could not be told from a spike."""
    gap = with_value(10, 30.0)
    gap[9] = None

    assert found(readings(*gap)) == []
    assert found(readings(*[0.0] * 10, 5.0, *[0.0] * 13)) == []
    assert found(readings(*with_value(1, 30.0))) == found(readings(*with_value(22, 30.0))) == []


def test_a_reading_that_its_source_marked_is_not_judged_again() -> None:
    rows = readings(*with_value(10, 30.0), quality="estimated")

    assert found(rows, MeterFacts(service_rating_kw=12.0)) == []


def test_one_value_for_eight_hours_is_flat_where_the_load_is_declared_to_change() -> None:
    values = [*[7.0] * 8, *DAILY_KWH[8:]]

    (finding,) = found(readings(*values), MeterFacts(constant_load=False))

    assert finding.code is FindingCode.METER_FLAT
    assert (finding.evidence["lasted_h"], finding.evidence["energy_kwh"]) == (8.0, 7.0)
    assert found(readings(*[7.0] * 7, *DAILY_KWH[7:]), MeterFacts(constant_load=False)) == []


@pytest.mark.parametrize("constant", [True, None])
def test_a_constant_load_is_not_flat_unless_declared_to_change(*, constant: bool | None) -> None:
    assert found(readings(*[7.0] * 24), MeterFacts(constant_load=constant)) == []


def test_a_load_that_is_off_or_not_read_is_not_flat() -> None:
    facts = MeterFacts(constant_load=False)

    assert found(readings(*[0.0] * 24), facts) == []
    assert found(readings(*[None] * 24), facts) == []


def test_a_reading_that_came_before_its_interval_was_over_shows_a_clock() -> None:
    (finding,) = found(readings(*DAILY_KWH, had_after=HOUR - timedelta(seconds=61)))

    assert finding.code is FindingCode.METER_CLOCK_SUSPECT
    assert finding.evidence["early_count"] == 24
    assert "up to 61 s before" in finding.message
    assert found(readings(*DAILY_KWH, had_after=HOUR - timedelta(seconds=60))) == []


def test_just_the_hour_missing_that_clocks_skip_shows_stamps_of_local_time() -> None:
    """New York's clocks went from 02:00 to 03:00 on 2026-03-08, 07:00 UTC."""
    rows = readings(*DAILY_KWH)
    skipped = rows.filter(pl.col.interval_start_utc.dt.hour() != 7)
    longer = rows.filter(~pl.col.interval_start_utc.dt.hour().is_in([7, 8]))

    (finding,) = found(skipped, zone=NEW_YORK)

    assert finding.code is FindingCode.METER_CLOCK_SUSPECT
    assert finding.evidence["first_utc"] == "2026-03-08T07:00:00+00:00"
    assert found(skipped) == found(longer, zone=NEW_YORK) == []


def test_the_newest_version_is_judged() -> None:
    wrong = readings(*with_value(10, 30.0))
    correction = readings(*DAILY_KWH, had_after=2 * HOUR)

    assert found(pl.concat([wrong, correction])) == []


@pytest.fixture(scope="module")
def university(shared_data: Path) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Days of hourly meters with under 1 % zeros (its gaps) and a mean above 5 kW [kWh]."""
    table = pl.read_parquet(shared_data / "buildings" / "cambridge_hourly.parquet")
    kept = {}
    for (name,), rows in (
        table.sort("interval_start_utc").partition_by("meter_id", as_dict=True).items()
    ):
        kwh = rows["energy_kwh"].to_numpy().astype(np.float64)
        if len(kwh) >= 17_000 and (kwh > 0).mean() > 0.99 and kwh.mean() > 5:
            kept[str(name)] = kwh[: len(kwh) // 24 * 24].reshape(-1, 24)
    return kept


def hourly(energy_kwh: np.ndarray[tuple[int], np.dtype[np.float64]]) -> MeterDay:
    (day,) = day_of(readings(*energy_kwh))
    return day


@pytest.mark.shared
def test_on_real_meters_a_check_is_wrong_on_one_day_of_a_thousand_at_most(
    university: dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]],
) -> None:
    """29,930 days of 41 meters; some of what is found is real: the archive has spikes."""
    limits = default_limits()
    days = [day for meter in university.values() for day in meter]
    suspect = [
        day
        for day in days
        if (spike_ratio(day) > limits.spike_ratio_max).any()
        or np.unique(day[day > 0], return_counts=True)[1].max(initial=0) >= limits.flat_h_min
    ]

    spiked = sum(bool(spikes(hourly(day), limits.spike_ratio_max)) for day in suspect)
    flat = sum(bool(flat_line(hourly(day), limits.flat_h_min)) for day in suspect)

    assert len(days) == 29_930
    assert (spiked, flat) == (15, 21)


@pytest.mark.shared
def test_a_reading_three_times_too_high_is_found_on_nine_days_of_ten(
    university: dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]],
) -> None:
    rng = np.random.default_rng(20261128)
    ratios = []

    for meter in university.values():
        for day in meter[::5]:
            at = int(rng.integers(2, 22))
            wrong = day.copy()
            wrong[at] *= 3
            ratios.append(spike_ratio(wrong)[at])

    assert np.mean(np.array(ratios) > default_limits().spike_ratio_max) > 0.9


@pytest.mark.shared
def test_no_minute_of_two_real_halls_under_an_event_is_a_spike(shared_data: Path) -> None:
    """400 minutes of each hall of the Phoenix trials and of each job: ramps, a floor, a return."""
    table = pl.read_parquet(shared_data / "phoenix" / "power_1min.parquet")

    worst = [
        np.nanmax(spike_ratio(rows["power_w"].to_numpy()))
        for rows in table.sort("time_utc").partition_by("experiment", "series")
    ]

    assert max(worst) == pytest.approx(1.171, abs=0.001)


@pytest.mark.shared
def test_a_minute_of_a_single_training_node_is_a_spike_once_in_a_thousand(
    shared_data: Path,
) -> None:
    """17,097 minutes of nodes in MLPerf training, start and end of runs included: 14, to 2.2."""
    table = pl.read_parquet(shared_data / "mlperf" / "training_v40_h100_node_power.parquet")
    run = ["system", "benchmark", "run", "node"]
    minutes = (
        table.filter(pl.col.meter == "ac")
        .group_by(*run, pl.col.time_ms // 60_000)
        .agg(pl.col.watts.mean())
        .sort("time_ms")
    )

    ratios = np.concatenate(
        [spike_ratio(rows["watts"].to_numpy()) for rows in minutes.partition_by(*run)]
    )

    assert len(ratios) == 17_097
    assert (ratios > default_limits().spike_ratio_max).sum() == 14
