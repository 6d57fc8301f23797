"""How every page is rendered: escaped, strict, and with the words of words.py as filters.

Not here: what a page says (page.py, overview_page.py, the templates).
"""

from datetime import datetime
from typing import Final

import jinja2
from jinja2.bccache import Bucket

from negawatt.pipelines.exports import words as say


class _Compiled(jinja2.BytecodeCache):
    """Templates, compiled once for all pages of a process."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


def environment() -> jinja2.Environment:
    """Return an environment of its own, to which a page adds its filters."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("negawatt.pipelines.exports"),
        bytecode_cache=_COMPILED,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "settled": say.settled,
        "sentence": say.sentence,
        "percent": say.percent,
        "minutes": say.minutes,
        "duration": say.duration,
        "date": say.day,
        "count": say.count,
        "money": say.money,
        "number": say.number,
        "method_name": say.method_name,
        "iso": datetime.isoformat,
    }
    return made


def _shown(value: object) -> object:
    """Return what a page shows of a value: text from data without marks that change what is read.

    Markup of our own passes; everything else is escaped after this.
    """
    return say.visible(value) if type(value) is str else value
