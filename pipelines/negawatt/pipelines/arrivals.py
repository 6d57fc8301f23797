"""What a sensor remembers of readings that arrived, from one look to the next.

Here: which days are due. Not here: looking for files (negawatt.warehouse.raw_files).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pydantic import TypeAdapter, ValidationError

from negawatt.models.domain.units import NS_PER_S

QUIET_S: Final = 5
"""A day is due once no file has appeared for it for so long [s]: an import writes many at once."""
APART_S: Final = 600
"""A day is due once it was not asked for for so long [s]: each time is a version of the tables."""


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """The newest file of a site and UTC day.

    Attributes:
        appeared_ns: When it appeared, by the file system's clock [ns since 1970 UTC].
        site_id: The site.
        day: The UTC day.
    """

    appeared_ns: int
    site_id: str
    day: date

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.site_id}:{self.day}:{self.appeared_ns}"

    @property
    def of(self) -> str:
        """The site and day."""
        return f"{self.site_id}:{self.day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is remembered of a site.

    Attributes:
        since_ns: From when files are looked at next [ns since 1970 UTC].
        done: Arrivals since then that are done with, by name.
        asked_ns: When each day was asked for lately [ns since 1970 UTC].
    """

    since_ns: int = 1
    done: list[str] = field(default_factory=list)
    asked_ns: dict[str, int] = field(default_factory=dict)

    def is_due(self, arrival: Arrival, now_ns: int) -> bool:
        """Say whether a day is metered now.

        Examples:
            >>> seen = Seen(asked_ns={"s1:2026-06-30": 90 * NS_PER_S})
            >>> late = Arrival(95 * NS_PER_S, "s1", date(2026, 6, 30))
            >>> other = Arrival(95 * NS_PER_S, "s2", date(2026, 6, 30))
            >>> [seen.is_due(one, 100 * NS_PER_S) for one in (late, other)]
            [False, True]
            >>> seen.is_due(other, 99 * NS_PER_S), seen.is_due(late, 690 * NS_PER_S)
            (False, True)
        """
        is_quiet = now_ns - arrival.appeared_ns >= QUIET_S * NS_PER_S
        asked_ns = self.asked_ns.get(arrival.of)
        return is_quiet and (asked_ns is None or now_ns - asked_ns >= APART_S * NS_PER_S)

    def after(
        self,
        arrived: Sequence[Arrival],
        taken: Sequence[Arrival],
        waiting: Sequence[Arrival],
        began_ns: int,
    ) -> "Seen":
        """Return what is remembered after a look.

        Args:
            arrived: What was found.
            taken: What of it is asked for now.
            waiting: What of it is left for later.
            began_ns: When the look began.
        """
        done = [one for one in arrived if one not in waiting]
        newest_ns = max((one.appeared_ns for one in done), default=self.since_ns)
        since_ns = min([newest_ns, began_ns, *(one.appeared_ns for one in waiting)])
        lately = {of: ns for of, ns in self.asked_ns.items() if began_ns - ns < APART_S * NS_PER_S}
        return Seen(
            since_ns=since_ns,
            done=[one.name for one in done if one.appeared_ns >= since_ns],
            asked_ns=lately | {one.of: began_ns for one in taken},
        )


_CURSOR: Final = TypeAdapter(dict[str, Seen])
_LOG = logging.getLogger(__name__)


def to_cursor(seen: Mapping[str, Seen]) -> str:
    """Return what is remembered of each site as a sensor keeps it."""
    return _CURSOR.dump_json(dict(seen)).decode()


def from_cursor(cursor: str) -> dict[str, Seen]:
    """Return what a sensor kept of each site.

    Of a site that is not in it, as one that was registered since, everything is new. So it is of
    all where the cursor cannot be read: metering a day again changes nothing.

    Examples:
        >>> from_cursor(to_cursor({"s1": Seen(since_ns=7)}))
        {'s1': Seen(since_ns=7, done=[], asked_ns={})}
        >>> from_cursor("2026-07-01")
        {}
    """
    try:
        return _CURSOR.validate_json(cursor)
    except ValidationError as error:
        _LOG.warning("the cursor %r is not understood, every day is new: %s", cursor[:80], error)
        return {}
