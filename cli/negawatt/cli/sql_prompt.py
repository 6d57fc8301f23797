"""A prompt for ``negawatt sql``: statements end with ``;``, Tab completes names, Ctrl-D ends.

Here: reading statements and what completes a word. Not here: answering and printing (sql.py).
"""

import re
import readline
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

PROMPT: Final = "negawatt> "
CONTINUED: Final = "     ...> "
_KEYWORDS: Final = (
    *("AS", "BETWEEN", "BY", "DESC", "DESCRIBE", "DISTINCT", "EXPLAIN", "FROM", "GROUP", "HAVING"),
    *(
        "JOIN",
        "LEFT",
        "LIMIT",
        "ORDER",
        "QUALIFY",
        "SELECT",
        "SHOW",
        "SUMMARIZE",
        "TABLES",
        "USING",
    ),
    *("WHERE", "WITH"),
)
_AFTER_THIS_A_TABLE: Final = re.compile(r"\b(FROM|JOIN|DESCRIBE|SUMMARIZE)\s+\w*$", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+")


def completions(
    text: str, word: str, columns_of: Mapping[str, Sequence[str]], whole: str = ""
) -> list[str]:
    """Return what may stand where a word was begun.

    Args:
        text: The statement up to the end of the word.
        word: What was typed of it.
        columns_of: Columns of each table.
        whole: The whole statement as far as it was typed, where more follows than the word.

    Returns:
        Tables behind FROM and the like; elsewhere columns of the tables that the statement names
        (of all, where it names none yet), tables and keywords.

    Examples:
        >>> columns_of = {"core_job__energy": ["job_id"], "core_site__energy": ["site_id"]}
        >>> completions("FROM core_j", "core_j", columns_of)
        ['core_job__energy']
        >>> completions("FROM core_job__energy WHERE j", "j", columns_of)
        ['job_id', 'JOIN']
    """
    tables = sorted(columns_of)
    if _AFTER_THIS_A_TABLE.search(text):
        return _that_begin(word, tables)
    named = [name for name in _WORD.findall(whole or text) if name in columns_of] or tables
    columns = dict.fromkeys(column for name in named for column in columns_of[name])
    return _that_begin(word, [*columns, *tables, *_KEYWORDS])


def statements(columns_of: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give each statement that is typed, without its ``;``, until the input ends."""
    lines: list[str] = []
    readline.set_completer_delims(" \t\n,;()=<>+-*/.'\"")
    readline.set_completer(_completer(lines, columns_of))
    readline.parse_and_bind("tab: complete")
    while True:
        try:
            line = input(CONTINUED if lines else PROMPT)
        except KeyboardInterrupt:  # what was begun is given up
            lines.clear()
            print()  # noqa: T201 - the cursor stands behind what was typed
            continue
        except EOFError:
            print()  # noqa: T201 - as above
            return
        lines += [line] if line.strip() else []
        if line.rstrip().endswith(";"):
            typed = "\n".join(lines).rstrip().rstrip(";")
            lines.clear()
            if typed.strip():
                yield typed


def _completer(
    lines: Sequence[str], columns_of: Mapping[str, Sequence[str]]
) -> Callable[[str, int], str | None]:
    def complete(word: str, number: int) -> str | None:
        line = readline.get_line_buffer()
        before = "\n".join([*lines, line[: readline.get_endidx()]])
        found = completions(before, word, columns_of, "\n".join([*lines, line]))
        return found[number] if number < len(found) else None

    return complete


def _that_begin(word: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower().startswith(word.lower())]
