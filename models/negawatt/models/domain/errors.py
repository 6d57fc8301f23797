"""Every error negawatt raises on purpose.

An error is for a caller that broke a precondition, or for work that cannot go on. A fact about
the data that an auditor will want to read is a Finding (negawatt.models.domain.findings).

Every message has four parts: which thing, what was expected, what was found, what to do.
"""

from collections.abc import Mapping, Sequence


class NegawattError(Exception):
    """Base of every error raised on purpose; catch it at a process boundary only.

    Attributes:
        thing: Which thing is wrong: a file, a key, an event, a rule.
        expected: What was expected of it.
        found: What was found, with the value.
        remedy: What the reader can do.

    Examples:
        >>> raise DataRefusedError(
        ...     thing="event 'e1'", expected="an end after its start", found="both at 16:00",
        ...     remedy="correct the event file and import it again")
        Traceback (most recent call last):
            ...
        negawatt.models.domain.errors.DataRefusedError: event 'e1': expected an end after its \
start, found both at 16:00; correct the event file and import it again
    """

    exit_code = 4

    def __init__(self, *, thing: str, expected: str, found: str, remedy: str) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(f"{thing}: expected {expected}, found {found}; {remedy}")


class ConfigurationError(NegawattError):
    """A configuration, rule file or command line is wrong."""

    exit_code = 2


class DeviceMissingError(NegawattError):
    """A device, driver or service that was asked for is not there."""

    exit_code = 3


class DataRefusedError(NegawattError):
    """Data broke its contract and was not taken in."""


class InsufficientHistoryError(DataRefusedError):
    """Too few eligible days or intervals to compute a baseline.

    Attributes:
        found_count: What was found, in the unit of the rule.
        required_count: What the rule needs.
        rule_id: The rule that needs it.
    """

    def __init__(
        self, *, rule_id: str, required_count: int, found_count: int, unit: str, remedy: str
    ) -> None:
        self.rule_id = rule_id
        self.required_count = required_count
        self.found_count = found_count
        super().__init__(
            thing=f"rule {rule_id!r}",
            expected=f"at least {required_count} {unit}",
            found=str(found_count),
            remedy=remedy,
        )


def invalid_file(
    path: object, problems: Sequence[Mapping[str, object]], *, remedy: str
) -> ConfigurationError:
    """Turn the problems of a validated file into one error: the first, and how many more.

    Args:
        path: The file.
        problems: Mappings with the keys ``loc`` (path of keys), ``msg`` and ``input``, the form
            in which validation libraries list them.
        remedy: What the reader can do.

    Examples:
        >>> str(invalid_file("a.toml", [{"loc": ("dcgm", "port"), "msg": "Input should be a valid "
        ...     "integer", "input": "x"}], remedy="correct the key"))
        "a.toml, key 'dcgm.port': expected a valid integer, found 'x'; correct the key"
    """
    first = problems[0]
    location = first["loc"]
    keys = location if isinstance(location, tuple | list) else (location,)
    message = str(first["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ConfigurationError(
        thing=f"{path}, key {'.'.join(map(str, keys))!r}",
        expected=message[:1].lower() + message[1:],
        found=f"{first.get('input')!r}{others}",
        remedy=remedy,
    )
