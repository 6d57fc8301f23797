from zoneinfo import ZoneInfo

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.espi_clock import TimeConfiguration, time_configuration


def rule(month: int, operator: int, weekday: int, hour: int) -> str:
    """Return a DstRuleType by its fields: bits 28-31, 25-27, 17-19 and 12-16."""
    return f"{month * 2**28 + operator * 2**25 + weekday * 2**17 + hour * 2**12:08X}"


@pytest.mark.parametrize(
    ("zone", "offset_h", "start", "end"),
    [
        ("America/Los_Angeles", -8, rule(3, 3, 7, 2), rule(11, 2, 7, 2)),
        ("Europe/London", 0, rule(3, 7, 7, 1), rule(10, 7, 7, 2)),
        ("Europe/Brussels", 1, rule(3, 7, 7, 2), rule(10, 7, 7, 3)),
        ("Australia/Sydney", 10, rule(10, 2, 7, 2), rule(4, 2, 7, 3)),
    ],
)
def test_the_clock_changes_at_its_own_hour_of_a_weekday_of_a_month(
    zone: str, offset_h: int, start: str, end: str
) -> None:
    """Operator 2 is the first, 3 the second, 7 the last; Sunday is 7; hours of the old clock."""
    assert time_configuration(ZoneInfo(zone), 2026) == TimeConfiguration(
        offset_s=offset_h * 3600, dst_offset_s=3600, dst_start_rule=start, dst_end_rule=end
    )


@pytest.mark.parametrize(
    ("zone", "offset_s"), [("America/Phoenix", -25200), ("Asia/Kolkata", 19800)]
)
def test_a_clock_that_never_changes_has_no_rules(zone: str, offset_s: int) -> None:
    found = time_configuration(ZoneInfo(zone), 2026)

    assert (found.offset_s, found.dst_offset_s, found.dst_start_rule) == (offset_s, 0, "00000000")


def test_a_clock_that_follows_no_rule_is_refused() -> None:
    """Morocco leaves summer time for Ramadan, which moves by eleven days a year."""
    with pytest.raises(DataRefusedError, match="a weekday of a month, the same each year"):
        time_configuration(ZoneInfo("Africa/Casablanca"), 2026)
