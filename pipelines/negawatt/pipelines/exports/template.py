"""How every page is rendered: escaped, strict, and with the words of words.py as filters.

Not here: what a page says (page.py, overview_page.py, the templates).
"""

from datetime import datetime

import jinja2

from negawatt.pipelines.exports import words as say


def environment() -> jinja2.Environment:
    """Return an environment of its own, to which a page adds its filters."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("negawatt.pipelines.exports"),
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
