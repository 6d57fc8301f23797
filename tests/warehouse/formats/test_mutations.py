"""Damaged files crash no reader, and what is taken stands in them; 200,000 in `make soak`."""

import random

import pytest

from tests.warehouse.formats.mutations import CHECKS, mutated


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_taken_from_a_damaged_file_is_the_literal_in_it(name: str) -> None:
    content, check = CHECKS[name]
    generator = random.Random(20260701)  # noqa: S311 - noise, no secret

    whole = check(content)
    counts = [check(mutated(content, generator)) for _ in range(20)]

    assert whole
    assert any(count is not None and count > 0 for count in counts)
    assert min(count or 0 for count in counts) < whole
