"""What differs between two bodies, value by value, members of lists by what identifies them.

An interval that comes in, or a finding that goes, is one difference, and moves no other. Not here:
why two bodies differ (causes.py).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from negawatt.models.settlement.canonical import json_tree
from negawatt.models.settlement.lifecycle import Difference
from negawatt.models.settlement.statement import StatementBody

IDENTITIES: Final = (
    ("interval_start_utc",),
    ("interval", "start_utc"),
    ("candidate_date",),
    ("placebo_date",),
    ("job_id",),
    ("node_id",),
    ("meter_id",),
    ("site_id",),
    ("method_id",),
    ("code",),
    ("finding_code",),
    ("name",),
    ("scenario",),
    ("subject",),
)
"""Paths of the values that tell the members of a list apart; all that a member has count."""

_ABSENT: Final = object()


def differences(old: StatementBody, new: StatementBody) -> tuple[Difference, ...]:
    """Return every value that differs between two bodies, by path."""
    return tuple(_differences("", _tree(old), _tree(new)))


def _tree(body: StatementBody) -> dict[str, Any]:
    """Return the body's tree; figures in parallel lists are named by what they are of."""
    tree = json_tree(body)
    placebo, band = tree["placebo"], tree["band"]
    if placebo is not None:
        placebo["errors_kwh"] = _named(placebo["dates"], placebo["errors_kwh"])
    if band is not None:
        starts = [line["interval_start_utc"] for line in tree["lines"]]
        for limit in ("interval_lower_kwh", "interval_upper_kwh"):
            band[limit] = _named(starts, band[limit])
    return tree


def _named(names: list[str], figures: list[Any]) -> Any:  # noqa: ANN401 - JSON
    """Return figures by name; as they are where somebody left some out of a body."""
    return dict(zip(names, figures, strict=True)) if len(names) == len(figures) else figures


def _differences(path: str, old: Any, new: Any) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(
                f"{path}.{key}".lstrip("."), old.get(key, _ABSENT), new.get(key, _ABSENT)
            )
    elif isinstance(old, list) and isinstance(new, list):
        before, now = _by_identity(old), _by_identity(new)
        for key in [*before, *(key for key in now if key not in before)]:
            yield from _differences(
                f"{path}[{key}]", before.get(key, _ABSENT), now.get(key, _ABSENT)
            )
    elif old is _ABSENT or new is _ABSENT or old != new:
        yield Difference(path=path, old_json=_json(old), new_json=_json(new))


def _by_identity(members: list[Any]) -> Mapping[str, Any]:
    """Return members by what identifies them; of several alike the second is ``#2``."""
    seen: Counter[str] = Counter()
    found = {}
    for position, member in enumerate(members):
        name = _identity(member, position)
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} #{seen[name]}"] = member
    return found


def _identity(member: Any, position: int) -> str:  # noqa: ANN401 - JSON
    if isinstance(member, str):
        return member
    parts = [value for path in IDENTITIES if (value := _at(member, path)) is not None]
    return ":".join(parts) or str(position)


def _at(member: Any, path: tuple[str, ...]) -> str | None:  # noqa: ANN401 - JSON
    for key in path:
        member = member.get(key) if isinstance(member, dict) else None
    return member if isinstance(member, str) else None


def _json(value: object) -> str | None:
    if value is _ABSENT:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
