"""``reading_quality`` of a meter's readings: one word, and behind it the source's own code.

``substituted nem12 F14,76,text`` is a substituted reading; a NEM12 file called it F14 with reason
76. The word is what the rest of the house reads; the code is kept so that nothing is lost when the
reading leaves again in its own format. Not here: which code has which word (nem12, espi).
"""

from typing import Final

OK: Final = "ok"
NO_READING: Final = "no_reading"


def quality_text(word: str, source: str, code: str) -> str:
    """Return a word with its source's code behind it.

    Examples:
        >>> quality_text("estimated", "espi", "8")
        'estimated espi 8'
    """
    return f"{word} {source} {code}"


def quality_code(quality: str, source: str) -> str | None:
    """Return the code that a source gave, None where the text holds none of that source.

    Examples:
        >>> quality_code("estimated espi 8", "espi"), quality_code("ok", "espi")
        ('8', None)
    """
    word, _, rest = quality.partition(" ")
    name, _, code = rest.partition(" ")
    return code if word and name == source else None


def quality_word(quality: str) -> str:
    """Return the word alone.

    Examples:
        >>> quality_word("estimated espi 8")
        'estimated'
    """
    return quality.partition(" ")[0]
