"""What control can do to a job, as words and as caps.

Here: those. Not here: the decision (negawatt.models.simulation.control).
"""

from enum import StrEnum
from typing import Final

UNCAPPED: Final = 1.0
PAUSED: Final = 0.0


class Action(StrEnum):
    """What control did to a job."""

    CAP = "cap"
    PAUSE = "pause"
    RELEASE = "release"
    HOLD = "hold"
    MIGRATE = "migrate"
