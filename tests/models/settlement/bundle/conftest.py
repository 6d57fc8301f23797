"""The settled event of made.py, computed once."""

import pytest

from negawatt.models.settlement.bundle.write import Evidence
from negawatt.models.settlement.settle import SettlementInputs
from tests.models.settlement.bundle.made import evidence_of, made_inputs


@pytest.fixture(scope="session")
def inputs() -> SettlementInputs:
    return made_inputs()


@pytest.fixture(scope="session")
def evidence(inputs: SettlementInputs) -> Evidence:
    return evidence_of(inputs)
