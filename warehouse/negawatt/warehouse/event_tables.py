"""Events as the domain knows them, read from raw_grid__events.

Not here: how an event file is read (profiles) and how an event is settled.
"""

from typing import Any

import polars as pl

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.identifiers import checked_name
from negawatt.models.domain.interval import Interval
from negawatt.warehouse.catalog import checked, schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw
from negawatt.warehouse.sites import read_sites

_TABLE = "raw_grid__events"


def events_of_site(layout: Layout, site_id: str) -> list[Event]:
    """Return the newest revision of every event of a site, oldest event first.

    Cancelled events are in the list, with ``cancelled`` set.
    """
    newest = _newest(layout, site_id)
    return [_event(row) for row in newest.sort("event_start_utc", "event_id").to_dicts()]


def all_events(layout: Layout) -> list[Event]:
    """Return the newest revision of every event of every registered site."""
    return [event for site_id in read_sites(layout) for event in events_of_site(layout, site_id)]


def find_event(layout: Layout, event_id: str) -> Event:
    """Return the newest revision of an event.

    Raises:
        ConfigurationError: No registered site has such an event.
        DataRefusedError: More than one has.
    """
    events = all_events(layout)
    found = [event for event in events if event.event_id == event_id]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataRefusedError(
            thing=f"event {event_id!r}",
            expected="one site that has it",
            found=f"sites {', '.join(event.site_id for event in found)}",
            remedy="give the events of each site names of their own",
        )
    known = ", ".join(event.event_id for event in events) or "none yet"
    raise ConfigurationError(
        thing=f"event {event_id!r}",
        expected=f"one of the known events ({known})",
        found="no such event",
        remedy="import it with `negawatt import events FILE`",
    )


def with_revisions(layout: Layout, site_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the events that are new or changed, each with the revision that follows the known one.

    Args:
        layout: Where the warehouse lies.
        site_id: The site of all rows.
        rows: Rows of raw_grid__events; their revision is ignored.

    Raises:
        DataRefusedError: A row breaks a rule of the catalog, is no event the domain accepts, or
            belongs to another site.
    """
    known = {row["event_id"]: row for row in _newest(layout, site_id).to_dicts()}
    fresh = []
    for row in checked(_TABLE, rows).to_dicts():
        _refuse_foreign_or_impossible(row, site_id)
        before = known.get(row["event_id"])
        if before is None or _said(before) != _said(row):
            fresh.append(row | {"revision": before["revision"] + 1 if before else 1})
    return pl.DataFrame(fresh, schema=schema(_TABLE))


def _newest(layout: Layout, site_id: str) -> pl.DataFrame:
    rows = read_all_raw(layout, _TABLE, site_id)
    return rows.filter(pl.col("revision") == pl.col("revision").max().over("event_id"))


def _refuse_foreign_or_impossible(row: dict[str, Any], site_id: str) -> None:
    if row["site_id"] != site_id:
        raise DataRefusedError(
            thing=f"event {row['event_id']!r}",
            expected=f"site {site_id!r}, which it is imported for",
            found=f"site {row['site_id']!r}",
            remedy="import it for its own site, or correct site_id in the profile or the file",
        )
    try:
        checked_name("event", row["event_id"])
    except ConfigurationError as error:
        raise DataRefusedError(
            thing=error.thing, expected=error.expected, found=error.found, remedy=error.remedy
        ) from error
    try:
        _event(row)
    except ValueError as error:
        raise DataRefusedError(
            thing=f"event {row['event_id']!r}",
            expected="a window that ends after it starts, no negative power, a ratio in 0 to 1",
            found=str(error),
            remedy="correct the event file and import it again",
        ) from error


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """What an event row says, apart from when and how it came to us."""
    return {key: value for key, value in row.items() if key not in {"revision", "available_at_utc"}}


def _event(row: dict[str, Any]) -> Event:
    return Event(
        event_id=row["event_id"],
        revision=row["revision"],
        site_id=row["site_id"],
        program_id=row["program_id"],
        interval=Interval(row["event_start_utc"], row["event_end_utc"]),
        notified_at_utc=row["notified_at_utc"],
        committed_kw=row["committed_kw"],
        target_reduction_ratio=row["target_reduction_ratio"],
        limit_kw=row["limit_kw"],
        ramp_minutes=row["ramp_minutes"],
        kind=row["event_kind"],
        cancelled=row["cancelled"],
    )
