"""Forty random sites: how far off, and whether the stated error is the real one."""

import numpy as np
import pytest

from negawatt.models.counterfactual.site_gain import fit_site_response
from tests.models.counterfactual.site_bed import random_site

pytestmark = pytest.mark.slow


def error_and_stated(seed: int) -> tuple[float, float]:
    """Return error and standard error of the event's mean [% of the true change]."""
    site = random_site(seed)
    fit = fit_site_response(site.minutes, usable=site.usable)
    question = (site.gpu_change_kw, site.busy_change, site.minutes.temp_c)
    true_kw = site.true_change_kw[site.event].mean()
    found_kw = fit.site_change_kw(*question)[site.event].mean()
    stated_kw = fit.standard_error_kw(*question, site.event)
    return 100 * (found_kw - true_kw) / true_kw, 100 * stated_kw / abs(true_kw)


def test_a_drop_of_a_fifth_for_three_hours_is_found_within_half_a_percent() -> None:
    """Seeds 100 to 139, not looked at while the model was made: 0.40 %, 1.03 %, 92.5 % covered."""
    errors, stated = np.array([error_and_stated(seed) for seed in range(100, 140)]).T

    size = np.abs(errors)
    assert np.median(size) <= 0.5
    assert np.percentile(size, 90) <= 1.5
    assert abs(errors.mean()) <= 0.3
    assert 0.85 <= np.mean(size < 1.645 * stated) <= 0.95
