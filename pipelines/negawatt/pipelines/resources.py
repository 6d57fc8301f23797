"""What assets are given: the warehouse's place and a clock.

Not here: reading or writing, which is the warehouse's.
"""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from negawatt.models.domain.interval import parse_utc
from negawatt.warehouse.layout import Layout


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """The warehouse below one root folder.

    Attributes:
        root: Path of the folder.
    """

    root: str

    @property
    def layout(self) -> Layout:
        """The paths below the root."""
        return Layout(Path(self.root))


class ClockResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # as above
    """The time at which things are issued; decides no number.

    Attributes:
        fixed_utc: ISO 8601 instant to stand still at, for runs that must repeat byte for byte;
            empty for the system's clock.
    """

    fixed_utc: str = ""

    def now_utc(self) -> datetime:
        """Return the time."""
        return parse_utc(self.fixed_utc) if self.fixed_utc else datetime.now(UTC)
