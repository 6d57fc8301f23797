"""Which events a command is about, and the newest statement of each.

Not here: what is done with them (restate.py, review.py).
"""

from dataclasses import dataclass

from negawatt.models.domain.event import Event
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.statement import Statement
from negawatt.warehouse.event_tables import all_events
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import read_sites
from negawatt.warehouse.statement_tables import newest_statements_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events; a part that is None leaves out none.

    Attributes:
        site_id: Of this site.
        program_id: Settled by this program.
        month: Starting in this month on the site's clock, as ``2026-06``.
    """

    site_id: str | None = None
    program_id: str | None = None
    month: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One event with its newest statement, None where it was never settled."""

    event: Event
    statement: Statement | None


def selected(layout: Layout, selection: Selection) -> list[Selected]:
    """Return the selected events of the warehouse, oldest first, with their newest statements."""
    sites = read_sites(layout)
    texts = newest_statements_json(layout)
    found = []
    for event in all_events(layout):
        local = event.interval.start_utc.astimezone(sites[event.site_id].zone)
        if (
            selection.site_id in {None, event.site_id}
            and selection.program_id in {None, event.program_id}
            and selection.month in {None, f"{local:%Y-%m}"}
        ):
            text = texts.get(event.statement_id)
            statement = None if text is None else from_json(text.encode())
            found.append(Selected(event=event, statement=statement))
    return sorted(found, key=lambda one: (one.event.interval.start_utc, one.event.event_id))
