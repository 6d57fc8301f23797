"""A receiver of alerts."""

from collections.abc import Iterator

import pytest

from tests.pipelines.alerts.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
