"""Other names for jobs, tenants, nodes and GPUs: keyed, stable, and everywhere in a settlement.

Inputs get other names, and the statement is computed from those inputs like any other, so that it
still recomputes. Not here: finding the names of a warehouse (negawatt.warehouse.identities).
"""

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, Final, get_args, get_origin

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.identifiers import IDENTIFYING
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.bundle.codec import alternatives, hints, items_of
from negawatt.models.settlement.bundle.manifest import Pseudonyms
from negawatt.models.settlement.bundle.write import Evidence
from negawatt.models.settlement.canonical import json_tree, statement_digest
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.statement import Statement, StatementBody

SCHEME: Final = "HMAC-SHA256 with the operator's key, the first 16 digits"
_DIGITS: Final = 16
_DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SHORT: Final = 4
"""A shorter name is replaced in a text only where it is quoted: ``1`` stands in too many."""
_AS_THEY_ARE: Final = frozenset(
    {"event", "rule", "alternative_rules", "other_event_windows", "time_zone", "market"}
)
"""Inputs that name no job, tenant, node or GPU: what was asked, by which rule, at which price."""
_PUBLIC_DIGESTS: Final = ("program ", "site ")
"""Digests of what lies in the bundle as it is; others are of tables with the real names."""


class Replacement:
    """What stands for what: other names, and other digests of what holds real ones.

    Args:
        key: The operator's key.
        names: The real names, by kind.

    Examples:
        >>> hidden = Replacement(b"key", {"job": ["job-1"]})
        >>> hidden.text("job 'job-1' of job-12 and job-1.batch")
        "job 'job-34f762ec69a9689d' of job-12 and job-34f762ec69a9689d.batch"
    """

    def __init__(self, key: bytes, names: Mapping[str, Iterable[str]]) -> None:
        self._key = key
        self.names: dict[str, str] = {
            name: f"{kind}-{self.keyed(name)[:_DIGITS]}"
            for kind in sorted(names, reverse=True)
            for name in names[kind]
            if re.search(r"\w", name)
        }
        self._by_form = {
            form: other for name, other in self.names.items() for form in _written_forms(name)
        }
        longest_first = sorted(self._by_form, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_in_a_text, longest_first)) or r"(?!)")

    def keyed(self, text: str) -> str:
        """Return the keyed digest of a text, 64 hexadecimal digits."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def text(self, text: str) -> str:
        """Return a text with every real name in it replaced."""
        whole = self.names.get(text)
        return whole or self._pattern.sub(lambda found: self._by_form[found[0]], text)

    def digests(self, text: str | None) -> str | None:
        """Return a text with every digest in it keyed: what it is of may hold real names."""
        return text and _DIGEST.sub(lambda found: self.keyed(found[0]), text)

    def holds_a_name(self, text: str) -> str | None:
        """Return the first real name in a text, None where there is none."""
        found = self._pattern.search(text)
        return found[0] if found else None


def names_in(value: object, kind: object, field: str = "") -> Iterator[tuple[str, str]]:
    """Yield kind and name of what a value's own fields name: ``job_id``, the keys of ``job_loads``.

    Args:
        value: The value.
        kind: Its type.
        field: The field that it was found in.
    """
    for option in alternatives(kind):
        if isinstance(value, str) and option is str and field in IDENTIFYING:
            yield IDENTIFYING[field], value
        elif get_origin(option) is tuple and isinstance(value, tuple):
            for item, item_kind in items_of(value, option):
                yield from names_in(item, item_kind, field)
        elif get_origin(option) is Mapping and isinstance(value, Mapping):
            key_field = f"{field.partition('_')[0].rstrip('s')}_id"
            for key, item in value.items():
                yield from names_in(key, get_args(option)[0], key_field)
                yield from names_in(item, get_args(option)[1])
        elif _has_fields(option) and isinstance(value, option):
            for name, own in hints(option).items():
                yield from names_in(getattr(value, name), own, name)


def pseudonymized(evidence: Evidence, replacement: Replacement) -> Evidence:
    """Return the evidence of the same event with other names, its statement computed from it.

    Raises:
        DataRefusedError: A figure would be another, or a real name would remain.
    """
    hidden = replacement
    inputs = _hidden_inputs(evidence.inputs, hidden)
    original = evidence.statement
    body = settle_event(inputs).body
    _require_the_same_figures(original.body, body, hidden)
    statement: Statement = _hidden(replace(original, body=body), Statement, hidden, leave={"body"})
    return replace(
        evidence,
        inputs=inputs,
        statement=replace(
            statement,
            statement_digest=statement_digest(body),
            previous_digest=hidden.digests(original.previous_digest),
            causes=tuple(
                replace(one, old=hidden.digests(one.old), new=hidden.digests(one.new))
                for one in statement.causes
            ),
            differences=tuple(
                replace(
                    one,
                    old_json=hidden.digests(one.old_json),
                    new_json=hidden.digests(one.new_json),
                )
                for one in statement.differences
            ),
        ),
        boundary=hidden.text(evidence.boundary),
        earlier=tuple(
            replace(
                one,
                statement_digest=hidden.keyed(one.statement_digest),
                issued_digest=hidden.keyed(one.issued_digest),
            )
            for one in evidence.earlier
        ),
        pseudonyms=Pseudonyms(scheme=SCHEME, original=hidden.keyed(original.statement_digest)),
    )


def require_no_name(members: Mapping[str, bytes], replacement: Replacement) -> None:
    """Refuse members whose texts still hold a real name.

    Raises:
        DataRefusedError: One does: it is part of a name that stays, of the event or the meter.
    """
    for member in ("inputs.json", "statement.json", "manifest.json"):
        for text in _texts(json.loads(members[member])):
            name = replacement.holds_a_name(text)
            if name is not None:
                raise DataRefusedError(
                    thing=f"pseudonyms in {member}",
                    expected="no real name of a job, tenant, node or GPU",
                    found=f"{name!r} in {text!r:.120}",
                    remedy="name the event, site or meter otherwise, or bundle without pseudonyms",
                )


def _hidden_inputs(inputs: SettlementInputs, hidden: Replacement) -> SettlementInputs:
    changed: SettlementInputs = _hidden(inputs, SettlementInputs, hidden, leave=_AS_THEY_ARE)
    return replace(
        changed,
        input_sha256={
            name: sha256 if name.startswith(_PUBLIC_DIGESTS) else hidden.keyed(sha256)
            for name, sha256 in inputs.input_sha256.items()
        },
        terms=replace(changed.terms, statement_id=inputs.terms.statement_id),
    )


def _hidden(  # noqa: PLR0911 - one line for each kind
    value: Any,  # noqa: ANN401 - of the kind
    kind: Any,  # noqa: ANN401 - any annotation
    hidden: Replacement,
    leave: Iterable[str] = (),
) -> Any:  # noqa: ANN401 - of the kind
    """Return a value with real names replaced in every text of it, but in the fields to leave."""
    if value is None:
        return None
    (kind,) = (option for option in alternatives(kind) if option is not type(None))
    if kind is str:
        return hidden.text(value)
    if kind is object:
        return _hidden_json(value, hidden)
    if kind is LoadSeries:
        return replace(value, meter_id=hidden.text(value.meter_id))
    if get_origin(kind) is tuple:
        return tuple(_hidden(item, item_kind, hidden) for item, item_kind in items_of(value, kind))
    if get_origin(kind) is Mapping:
        key_kind, item_kind = get_args(kind)
        return {
            _hidden(key, key_kind, hidden): _hidden(item, item_kind, hidden)
            for key, item in value.items()
        }
    if _has_fields(kind):
        own = {name: one for name, one in hints(kind).items() if name not in leave}
        return replace(
            value, **{name: _hidden(getattr(value, name), own[name], hidden) for name in own}
        )
    return value


def _hidden_json(value: Any, hidden: Replacement) -> Any:  # noqa: ANN401 - evidence, any JSON
    if isinstance(value, str):
        return hidden.text(value)
    if isinstance(value, Mapping):
        return {hidden.text(key): _hidden_json(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden_json(item, hidden) for item in value]
    return value


def _require_the_same_figures(old: StatementBody, new: StatementBody, hidden: Replacement) -> None:
    """Refuse a body that says another thing than the original with its names replaced.

    The order of things that are sorted by name may differ, and so do digests of tables.
    """
    expected = _in_any_order(_hidden_json(json_tree(_without_digests(old)), hidden))
    found = _in_any_order(json_tree(_without_digests(new)))
    if expected != found:
        other = [key for key in expected if expected[key] != found[key]]
        raise DataRefusedError(
            thing=f"pseudonyms of statement {old.statement_id!r}",
            expected="the same statement under other names",
            found=f"other values in {', '.join(other)}",
            remedy="bundle it without pseudonyms; a name decides a figure, which is an error",
        )


def _without_digests(body: StatementBody) -> StatementBody:
    """Return a body without the digests of what holds names."""
    overrides = tuple(replace(one, decided_on=None) for one in body.overrides)
    return replace(body, inputs=(), overrides=overrides)


def _in_any_order(tree: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(tree, dict):
        return {key: _in_any_order(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return sorted((_in_any_order(item) for item in tree), key=json.dumps)
    return tree


def _texts(tree: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        yield from tree
        for item in tree.values():
            yield from _texts(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from _texts(item)


def _has_fields(kind: Any) -> bool:  # noqa: ANN401 - any annotation
    return isinstance(kind, type) and is_dataclass(kind) and kind is not BaselineRule


def _written_forms(name: str) -> set[str]:
    """Return how a name may stand in a text: as it is, or as a Python or JSON text shows it."""
    return {
        name,
        repr(name)[1:-1],
        json.dumps(name)[1:-1],
        json.dumps(name, ensure_ascii=False)[1:-1],
    }


def _in_a_text(form: str) -> str:
    """Return the pattern of a name that is no part of a longer word."""
    if len(form) < _SHORT:
        return f"(?<=['\"]){re.escape(form)}(?=['\"])"
    before = r"(?<![^\W_])" if form[0].isalnum() else ""
    after = r"(?![^\W_])" if form[-1].isalnum() else ""
    return f"{before}{re.escape(form)}{after}"
