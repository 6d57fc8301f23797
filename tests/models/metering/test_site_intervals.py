"""Meters and jobs: which version counts, what is summed, what is refused."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.site_intervals import job_interval_energy, site_interval_energy
from negawatt.warehouse.catalog import schema

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = Interval(NOON_UTC, NOON_UTC + timedelta(hours=1))
NEXT_DAY_UTC = NOON_UTC + timedelta(days=1)


def reading(
    start_s: int,
    energy_kwh: float | None,
    *,
    length_s: int = 900,
    meter_id: str = "m",
    quality: str = "ok",
    available_utc: datetime = NOON_UTC,
) -> pl.DataFrame:
    """Return one row of raw_meter__readings, counted from noon."""
    start_utc = NOON_UTC + timedelta(seconds=start_s)
    row = {
        "meter_id": meter_id,
        "interval_start_utc": start_utc,
        "interval_end_utc": start_utc + timedelta(seconds=length_s),
        "energy_kwh": energy_kwh,
        "reading_quality": quality,
        "available_at_utc": available_utc,
    }
    return pl.DataFrame([row], schema=schema("raw_meter__readings"))


def quarters(*energy_kwh: float | None) -> list[pl.DataFrame]:
    return [reading(900 * n, value) for n, value in enumerate(energy_kwh)]


def site(*rows: pl.DataFrame, as_of_utc: datetime = NEXT_DAY_UTC) -> pl.DataFrame:
    return findings_too(*rows, as_of_utc=as_of_utc)[0]


def findings_too(
    *rows: pl.DataFrame, as_of_utc: datetime = NEXT_DAY_UTC
) -> tuple[pl.DataFrame, list[Finding]]:
    return site_interval_energy(pl.concat(rows), HOUR, "phoenix", as_of_utc=as_of_utc)


def test_quarter_hours_are_kept() -> None:
    frame, findings = findings_too(*quarters(1.0, 2.0, 3.0, 4.0))

    assert frame["energy_kwh"].to_list() == [1.0, 2.0, 3.0, 4.0]
    assert frame["coverage_ratio"].to_list() == [1.0] * 4
    assert frame["method"].to_list() == ["metered"] * 4
    assert dict(frame.schema) == schema("core_site__interval_energy")
    assert findings == []


def test_the_newest_version_that_was_available_counts() -> None:
    later_utc = NOON_UTC + timedelta(hours=5)
    rows = [*quarters(1.0, 2.0, 3.0, 4.0), reading(900, 2.5, available_utc=later_utc)]

    before = site(*rows, as_of_utc=later_utc - timedelta(milliseconds=1))
    after = site(*rows, as_of_utc=later_utc)

    assert before["energy_kwh"].to_list() == [1.0, 2.0, 3.0, 4.0]
    assert after["energy_kwh"].to_list() == [1.0, 2.5, 3.0, 4.0]


def test_order_and_repetition_of_rows_change_nothing() -> None:
    rows = [*quarters(1.0, 2.0, 3.0, 4.0), reading(0, 9.0, available_utc=NEXT_DAY_UTC)]

    assert site(*rows[::-1], *rows).equals(site(*rows))


def test_readings_of_ten_seconds_are_added_to_minutes() -> None:
    """Six times 0.5 kWh are 3 kWh; five of six leave the minute not known, 5/6 covered."""
    rows = [reading(10 * n, 0.5, length_s=10) for n in range(11)]

    frame, findings = findings_too(*rows)

    assert frame["energy_kwh"].to_list() == [3.0, None]
    assert frame["coverage_ratio"].to_list() == [1.0, pytest.approx(5 / 6)]
    assert findings[0].evidence["missing_count"] == 360 - 11


def test_null_stays_null_with_no_coverage_and_zero_stays_zero() -> None:
    frame = site(*quarters(None, 0.0, float("nan"), 4.0))

    assert frame["energy_kwh"].to_list() == [None, 0.0, None, 4.0]
    assert frame["coverage_ratio"].to_list() == [0.0, 1.0, 0.0, 1.0]


def test_a_quality_other_than_ok_becomes_the_method() -> None:
    frame = site(*quarters(1.0), reading(900, 2.0, quality="estimated"))

    assert frame["method"].to_list() == ["metered", "estimated"]


def test_missing_intervals_of_the_day_are_found_and_not_filled() -> None:
    frame, findings = findings_too(reading(900, 2.0), reading(2_700, 4.0))

    assert frame["energy_kwh"].to_list() == [2.0, 4.0]
    (gap,) = findings
    assert gap.code is FindingCode.SAMPLE_GAP
    assert gap.evidence == {
        "expected_count": 4,
        "missing_count": 2,
        "first_missing_utc": "2026-07-01T12:00:00+00:00",
    }


def test_a_job_is_missed_only_between_its_first_and_last_interval() -> None:
    rows = pl.concat([reading(900, 2.0), reading(2_700, 4.0)]).rename({"meter_id": "job_id"})

    frame, findings = job_interval_energy(rows, HOUR, "phoenix", as_of_utc=NEXT_DAY_UTC)

    assert dict(frame.schema) == schema("core_job__interval_energy")
    assert findings[0].evidence["missing_count"] == 1
    assert findings[0].evidence["first_missing_utc"] == "2026-07-01T12:30:00+00:00"


def test_intervals_of_other_days_are_not_returned() -> None:
    frame = site(reading(-900, 9.0), *quarters(1.0, 2.0, 3.0, 4.0), reading(3_600, 9.0))

    assert frame["energy_kwh"].to_list() == [1.0, 2.0, 3.0, 4.0]


def test_meters_of_different_lengths_stand_side_by_side() -> None:
    rows = [reading(60 * n, 0.1, length_s=60, meter_id="fast") for n in range(60)]

    frame, findings = findings_too(*rows, *quarters(1.0, 2.0, 3.0, 4.0))

    assert frame.group_by("meter_id", maintain_order=True).len().rows() == [("fast", 60), ("m", 4)]
    assert findings == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([reading(0, 1.0), reading(600, 1.0)], "two that overlap"),
        ([reading(0, 1.0), reading(900, 1.0, length_s=300)], "intervals of one length"),
        ([reading(60, 1.0), reading(960, 1.0)], "since midnight UTC, found a start between"),
        ([reading(0, 1.0, length_s=420)], "a length that divides a minute or a day"),
        ([reading(0, 1.0, length_s=45)], "a length that divides a minute or a day"),
        ([reading(0, 1.0, length_s=0)], "an end after its start"),
        ([reading(0, 1.0, length_s=-60)], "an end after its start"),
        ([reading(0, 1.0), reading(0, 2.0)], "one value for each version"),
    ],
)
def test_intervals_that_cannot_be_right_are_refused(rows: list[pl.DataFrame], message: str) -> None:
    with pytest.raises(DataRefusedError, match=message) as refusal:
        site(*rows)

    assert refusal.value.thing == "meter_id 'm'"


def test_no_readings_give_no_rows_of_the_right_types() -> None:
    frame, findings = findings_too(reading(0, 1.0).clear())

    assert dict(frame.schema) == schema("core_site__interval_energy")
    assert frame.is_empty()
    assert findings == []


def test_the_code_of_a_meters_format_behind_the_quality_is_not_in_the_method() -> None:
    qualities = ("ok nem12 A,79,power outage", "substituted nem12 S14,76,a + b")

    frame = site(*(reading(900 * n, 1.0, quality=one) for n, one in enumerate(qualities)))

    assert frame["method"].to_list() == ["metered", "substituted"]
