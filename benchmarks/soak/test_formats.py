"""200,000 damaged files of each format: none may crash a reader or be read for what it is not."""

import random

import pytest

from tests.warehouse.formats.mutations import CHECKS, mutated

FILES = 200_000


@pytest.mark.parametrize("name", CHECKS)
def test_every_value_taken_from_a_damaged_file_is_the_literal_in_it(
    name: str, soak_share: float
) -> None:
    content, check = CHECKS[name]
    generator = random.Random(20260701)  # noqa: S311 - noise, no secret
    file_count, refused_count, value_count = round(FILES * soak_share), 0, 0

    for _ in range(file_count):
        found = check(mutated(content, generator))
        refused_count += found is None
        value_count += found or 0

    print(
        f"\n{name}: {file_count} damaged files, {refused_count} refused whole, {value_count} "
        "values or jobs taken, each the literal in its file",
        end="",
    )
    assert 0 < refused_count < file_count
