"""The seventeen sections of a report, in their order; the order is the one auditors ask for.

Each has a template of its name in ``templates/sections/``. A section whose data was not measured
says so, and why; none is left out. Not here: what a section says.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes:
        name: Its template, and where links within the page lead.
        title: Its heading.
    """

    name: str
    title: str


SECTIONS: Final = (
    Section("identification", "Identification"),
    Section("boundary", "Boundary: what the meter sees"),
    Section("result", "Result"),
    Section("course", "Course of the event"),
    Section("intervals", "Intervals"),
    Section("derivation", "How the baseline was derived"),
    Section("methods", "What other methods say"),
    Section("jobs", "Where the reduction came from"),
    Section("rebound", "Rebound and net energy"),
    Section("leakage", "Leakage to other sites"),
    Section("cost", "What it cost in work"),
    Section("data", "Quality of the data"),
    Section("screening", "Tests for manipulation"),
    Section("band", "How sure the figure is"),
    Section("limits", "Assumptions and exclusions"),
    Section("evidence", "Evidence"),
    Section("changes", "Changes since earlier versions"),
)
