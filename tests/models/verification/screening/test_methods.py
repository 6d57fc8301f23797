"""What a method pays on ordinary days, and what the choice of method is worth."""

import numpy as np
import pytest

from negawatt.models.uncertainty.placebo import PlaceboResult
from negawatt.models.verification.screening.outcome import ScreenOutcome
from negawatt.models.verification.sensitivity import MethodReduction, Sensitivity
from tests.models.verification.screening.conftest import (
    EVENT_DAY,
    InputsOf,
    reduced,
    result_of,
)

FOUND, NOTHING, NOT_SCREENED = ScreenOutcome


def placebos(errors_kwh: list[float], bias_ratio: float | None) -> PlaceboResult:
    return PlaceboResult(
        dates=(EVENT_DAY,) * len(errors_kwh),
        errors_kwh=tuple(errors_kwh),
        interval_errors_kwh=np.zeros((len(errors_kwh), 3)),
        refused=(),
        rrmse_ratio=0.1,
        bias_ratio=bias_ratio,
    )


@pytest.mark.parametrize(
    ("errors_kwh", "bias_ratio", "outcome"),
    [
        ([10, 12] * 6, 0.04, FOUND),
        ([10, 12] * 6, 0.01, NOTHING),
        ([-30, 52] * 6, 0.04, NOTHING),
        ([-10, -12] * 6, -0.04, NOTHING),
        ([10] * 9, 0.04, NOT_SCREENED),
        ([0.0] * 12, None, NOT_SCREENED),
    ],
)
def test_a_method_that_pays_on_ordinary_days_is_found(
    inputs_of: InputsOf, errors_kwh: list[float], bias_ratio: float | None, outcome: ScreenOutcome
) -> None:
    """Mean 11 with a standard error of 0.3; the same mean with one of 12.4 is chance."""
    inputs = inputs_of(reduced, 100, placebo=placebos(errors_kwh, bias_ratio))

    assert result_of(inputs, "placebo payments").outcome is outcome


@pytest.mark.parametrize(
    ("others_kwh", "outcome"),
    [([80, 90], FOUND), ([50, 121], NOTHING), ([90, 92], NOTHING), ([80], NOT_SCREENED)],
)
def test_the_most_generous_of_several_methods_is_found(
    inputs_of: InputsOf, others_kwh: list[float], outcome: ScreenOutcome
) -> None:
    """Settled 120 of 300 kWh: 35 above the median of 85; 34.5, but not largest; 29."""
    computed = [MethodReduction(method_id="program@1", reduction_kwh=120.0)] + [
        MethodReduction(method_id=f"other-{n}", reduction_kwh=value)
        for n, value in enumerate(others_kwh)
    ]
    sensitivity = Sensitivity(
        computed=tuple(computed), not_computable=(), spread_kwh=1.0, spread_ratio=0.1, findings=()
    )

    inputs = inputs_of(reduced, 100, sensitivity=sensitivity)

    assert result_of(inputs, "method shopping").outcome is outcome
