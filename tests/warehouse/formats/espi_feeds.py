"""Green Button feeds by hand, after NAESB REQ.21 (ESPI), schema 3.3, and RFC 4287 (Atom)."""

from collections.abc import Sequence

ATOM = "http://www.w3.org/2005/Atom"
ESPI = "http://naesb.org/espi"
START_S = 1_751_328_000
"""2025-07-01T00:00:00Z."""
TYPE = (
    "<accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity>"
    "<flowDirection>1</flowDirection><intervalLength>900</intervalLength><kind>12</kind>"
    "<powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom>"
)


def reading(number: int, value: str = "<value>1250</value>", quality: str = "") -> str:
    """Return the reading of a quarter hour, counted from midnight."""
    start_s = START_S + 900 * number
    return (
        f"<IntervalReading>{quality}<timePeriod><duration>900</duration><start>{start_s}</start>"
        f"</timePeriod>{value}</IntervalReading>"
    )


def quality(*codes: int | str) -> str:
    """Return quality elements."""
    return "".join(f"<ReadingQuality><quality>{one}</quality></ReadingQuality>" for one in codes)


def block(*readings: str) -> str:
    """Return the IntervalBlock of the day."""
    interval = f"<interval><duration>86400</duration><start>{START_S}</start></interval>"
    return f'<IntervalBlock xmlns="{ESPI}">{interval}{"".join(readings)}</IntervalBlock>'


def entry(resource: str, links: Sequence[tuple[str, str]] = ()) -> str:
    """Return an entry with links by relation."""
    texts = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in links)
    return f"<entry>{texts}<content>{resource}</content></entry>"


def kind(elements: str = TYPE) -> str:
    """Return a ReadingType."""
    return f'<ReadingType xmlns="{ESPI}">{elements}</ReadingType>'


def feed(*entries: str) -> bytes:
    """Return a feed."""
    return f'<feed xmlns="{ATOM}">{"".join(entries)}</feed>'.encode()


def plain(*readings: str, elements: str = TYPE) -> bytes:
    """Return a feed of one type and one block without links."""
    return feed(entry(kind(elements)), entry(block(*readings)))
