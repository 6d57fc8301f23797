"""The gain of a GPU's power sensor: what it reads, as a multiple of what a meter measured.

Sensors are off by a factor that is fixed for a card, up to 10 % (Yang, Adamek, Armour, SC'24, arXiv
2312.02741). Here: fitting that factor, with its interval, and taking it out of energies; readings
stay as they are. Not here: the document's bytes and signature (gain_document.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtrit  # type: ignore[import-untyped] # no stubs are published

_CONFIDENCE = 0.9
GAIN_SUFFIX = "/gain"
_BY_THE_SENSOR = ("energy_j", "sampled_energy_j", "power_w_min", "power_w_mean", "power_w_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class GainFit:
    """A factor that was fitted to runs of one card.

    Attributes:
        gain_ratio: Reading over truth.
        lower_ratio: Lower edge of its 90 % interval.
        upper_ratio: Upper edge of its 90 % interval.
        run_count: Runs it was fitted to.
    """

    gain_ratio: float
    lower_ratio: float
    upper_ratio: float
    run_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GainDocument:
    """What is known of one card's gain, and how: a record that a correction cites.

    Attributes:
        gpu_uuid: The card.
        driver_version: The driver it was read with: another one is another instrument.
        measured_on: When.
        meter: What measured the truth.
        fit: The factor.
    """

    gpu_uuid: str
    driver_version: str
    measured_on: date
    meter: str
    fit: GainFit


def fit_gain(reading_j: NDArray[np.float64], truth_j: NDArray[np.float64]) -> GainFit:
    r"""Fit the factor to the energies of runs, by the sensor and by a meter.

    .. math:: g = \frac{\sum e}{\sum e_0}, \qquad
        s = \sqrt{\frac{\sum (e - g e_0)^2}{n - 1} \cdot \frac{n}{(\sum e_0)^2}}

    The interval is g plus and minus Student's t times s: a ratio estimate's linearization.

    Args:
        reading_j: Energy of each run by the sensor [J], shape (n,), n at least 2.
        truth_j: Energy of the same runs by the meter [J].

    Returns:
        The factor and its 90 % interval.

    Raises:
        ValueError: Fewer than two runs, or a run without energy.

    Examples:
        >>> fit_gain(np.array([95.0, 190.0]), np.array([100.0, 200.0])).gain_ratio
        0.95
    """
    n = len(truth_j)
    if n < 2 or (truth_j <= 0).any():  # noqa: PLR2004 - an interval needs two
        raise ValueError(f"a gain needs two or more runs with energy, got {truth_j.tolist()}")
    gain = float(reading_j.sum() / truth_j.sum())
    residual_j = reading_j - gain * truth_j
    spread = float(np.sqrt((residual_j**2).sum() / (n - 1) * n) / truth_j.sum())
    half = float(stdtrit(n - 1, 0.5 + _CONFIDENCE / 2)) * spread
    return GainFit(gain_ratio=gain, lower_ratio=gain - half, upper_ratio=gain + half, run_count=n)


def corrected_j(energy_j: NDArray[np.float64], document: GainDocument) -> NDArray[np.float64]:
    """Return what a meter would have measured, by a card's document [J].

    Args:
        energy_j: Energies by the card's own sensor or counter [J]; NaN stays NaN.
        document: What is known of the card.

    Examples:
        >>> fit = GainFit(gain_ratio=0.95, lower_ratio=0.94, upper_ratio=0.96, run_count=8)
        >>> document = GainDocument(gpu_uuid="GPU-a", driver_version="535.54",
        ...     measured_on=date(2023, 7, 8), meter="4.8 kHz, cables and slot", fit=fit)
        >>> corrected_j(np.array([95.0]), document)
        array([100.])
    """
    return energy_j / document.fit.gain_ratio


def over_gain(gpu_energy: pl.DataFrame, documents: Mapping[str, GainDocument]) -> pl.DataFrame:
    """Return interval energies with the gain of each card that has one taken out.

    Energy by the counter and by samples, and power, are of one sensor and are all divided; the
    ``method`` ends in ``/gain`` then. What is not known stays so, and other cards are unchanged.

    Args:
        gpu_energy: Rows of core_gpu__interval_energy.
        documents: What is known of cards, by gpu_uuid.
    """
    if not documents:
        return gpu_energy
    gain = pl.col.gpu_uuid.replace_strict(
        {uuid: document.fit.gain_ratio for uuid, document in documents.items()},
        default=None,
        return_dtype=pl.Float64,
    )
    return gpu_energy.with_columns(
        *(pl.col(name) / gain.fill_null(1.0) for name in _BY_THE_SENSOR),
        pl.when(gain.is_not_null())
        .then(pl.col.method + GAIN_SUFFIX)
        .otherwise(pl.col.method)
        .alias("method"),
    )
