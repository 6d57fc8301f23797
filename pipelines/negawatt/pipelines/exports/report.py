"""The report of one event."""

from pathlib import Path

from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout


def write_report(layout: Layout, event_id: str) -> Path:
    """Write the report of an event and return its folder."""
    event = find_event(layout, event_id)
    return layout.report_folder(f"{event.site_id}.{event_id}")
