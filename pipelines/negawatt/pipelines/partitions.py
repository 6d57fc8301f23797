"""The partitions: site x UTC day for what is measured, one partition for each event.

Here: the definitions and the reading of their keys. Not here: which partitions exist; sites and
events are added at run time.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import dagster as dg

FIRST_DAY = "2024-01-01"
_RANGE_START: Final = "dagster/asset_partition_range_start"
_RANGE_END: Final = "dagster/asset_partition_range_end"

sites = dg.DynamicPartitionsDefinition(name="sites")
days = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC")
site_days = dg.MultiPartitionsDefinition({"date": days, "site": sites})
events = dg.DynamicPartitionsDefinition(name="events")


def site_day_key(site_id: str, day: date) -> dg.MultiPartitionKey:
    """Return the partition key of a site and UTC day.

    Examples:
        >>> str(site_day_key("s1", date(2026, 6, 30)))
        '2026-06-30|s1'
    """
    return dg.MultiPartitionKey({"date": day.isoformat(), "site": site_id})


def range_tags(site_id: str, first: date, last: date) -> dict[str, str]:
    """Return the tags of one run over the days of a site, from one to another, both included.

    Examples:
        >>> list(range_tags("s1", date(2026, 6, 1), date(2026, 6, 30)).values())
        ['2026-06-01|s1', '2026-06-30|s1']
    """
    return {
        _RANGE_START: str(site_day_key(site_id, first)),
        _RANGE_END: str(site_day_key(site_id, last)),
    }


def said_of(tags: Mapping[str, str]) -> str:
    """Return the partition of a run, or its first and last, from its tags; empty without any.

    Examples:
        >>> said_of(range_tags("s1", date(2026, 6, 1), date(2026, 6, 30)))
        '2026-06-01|s1 to 2026-06-30|s1'
        >>> said_of({"dagster/partition": "e1"}), said_of({})
        ('e1', '')
    """
    first, last = tags.get(_RANGE_START), tags.get(_RANGE_END)
    if first is None or first == last:
        return first or tags.get("dagster/partition", "")
    return f"{first} to {last}"


def site_day(key: str) -> tuple[str, date]:
    """Return the site and UTC day of a partition key.

    Examples:
        >>> site_day("2026-06-30|s1")
        ('s1', datetime.date(2026, 6, 30))
    """
    day, site_id = key.split("|", maxsplit=1)
    return site_id, date.fromisoformat(day)
