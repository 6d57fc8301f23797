from datetime import UTC, datetime, timedelta

import polars as pl

from negawatt.models.domain.findings import FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.estimates import without_estimates

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = Interval(NOON_UTC, NOON_UTC + HOUR)


def energy(*methods: str) -> pl.DataFrame:
    """Return the hours from 11:00 on, each with its method."""
    starts = [NOON_UTC + (n - 1) * HOUR for n in range(len(methods))]
    return pl.DataFrame(
        {
            "interval_start_utc": starts,
            "interval_end_utc": [start + HOUR for start in starts],
            "energy_kwh": 10.0,
            "coverage_ratio": 1.0,
            "method": list(methods),
        }
    )


def test_an_estimate_in_the_event_stays_and_blocks() -> None:
    rows, (finding,) = without_estimates(energy("metered", "estimated"), EVENT, "m")

    assert rows["coverage_ratio"].to_list() == [1.0, 1.0]
    assert (finding.code, finding.severity) == (FindingCode.READING_ESTIMATED, Severity.BLOCKING)
    assert finding.evidence == {"interval_count": 1, "methods": ["estimated"]}


def test_an_estimate_in_history_counts_as_not_covered() -> None:
    rows, findings = without_estimates(energy("estimated", "metered"), EVENT, "m")

    assert rows["coverage_ratio"].to_list() == [0.0, 1.0]
    assert findings == []


def test_what_is_not_known_is_no_estimate() -> None:
    unknown = energy("metered", "no_reading").with_columns(
        energy_kwh=pl.Series([10.0, None], dtype=pl.Float64)
    )

    assert without_estimates(unknown, EVENT, "m")[1] == []


def test_where_the_program_allows_estimates_they_stay_on_the_events_days_with_a_warning() -> None:
    """Of 11:00 to 15:00 the days allowed end at 14:00."""
    days = Interval(NOON_UTC - HOUR, NOON_UTC + 2 * HOUR)
    methods = ("estimated", "interpolated", "metered", "estimated")

    rows, (finding,) = without_estimates(energy(*methods), EVENT, "m", allowed=days)

    assert rows["coverage_ratio"].to_list() == [1.0, 1.0, 1.0, 0.0]
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("expected metered energy on the event's days, found 2")
    assert finding.evidence == {"interval_count": 2, "methods": ["estimated", "interpolated"]}
