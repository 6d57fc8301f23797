"""Least squares: right, and the same to the last bit whatever kernels the processor has."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.models.baselines.least_squares import least_squares, product
from negawatt.models.domain.errors import InsufficientHistoryError

FIT = """
import numpy as np
from negawatt.models.baselines.towt import fit_towt
random = np.random.default_rng(7)
temperature_c, week_hour = random.normal(20, 8, 900), np.arange(900) % 24
energy_kwh = 100 + 2 * temperature_c + 30 * (week_hour > 8) + random.normal(0, 5, 900)
model = fit_towt(energy_kwh, temperature_c, week_hour)
print(model.predict(week_hour, temperature_c).tobytes().hex())
"""


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(9, 60))
def test_it_solves_what_lapack_solves(seed: int, columns: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    design, energy_kwh = random.normal(size=(rows, columns)), random.normal(size=rows)

    found = least_squares(design, energy_kwh, rule_id="r", remedy="")

    expected = np.linalg.lstsq(design, energy_kwh, rcond=None)[0]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_column_that_others_explain_counts_nothing_and_the_fit_stands() -> None:
    """20 C all year is 20 times the constant: one of the two says it all."""
    design = np.column_stack([np.ones(4), np.full(4, 20.0), [0.0, 1.0, 2.0, 3.0]])

    found = least_squares(design, np.array([1.0, 3.0, 5.0, 7.0]), rule_id="r", remedy="")

    assert found[1] == 0
    assert product(design, found) == pytest.approx([1.0, 3.0, 5.0, 7.0])


def test_as_many_coefficients_as_intervals_are_refused() -> None:
    with pytest.raises(InsufficientHistoryError, match="older load"):
        least_squares(np.ones((1, 1)), np.ones(1), rule_id="r", remedy="supply older load")


@pytest.mark.slow
def test_every_kernel_gives_the_same_bits() -> None:
    """OpenBLAS takes its kernels by this variable; where it cannot, it keeps the machine's."""
    found = {
        subprocess.run(  # noqa: S603 - this interpreter, on the text above
            [sys.executable, "-c", FIT],
            env={**os.environ, "OPENBLAS_CORETYPE": kernel},
            capture_output=True,
            check=True,
        ).stdout
        for kernel in ("Prescott", "Sandybridge", "Haswell", "SkylakeX")
    }

    assert len(found) == 1
