"""What a cap lets through says what would have been drawn: by hand, on one job of one GPU."""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Action, ControlAction
from negawatt.models.counterfactual.job_power import JobMinutes
from negawatt.models.counterfactual.under_a_cap import cap_ratios, cut_levels


def job(power_w: list[float]) -> JobMinutes:
    """Return a job that held one GPU all the time."""
    n = len(power_w)
    return JobMinutes(
        first=0,
        gpus_on=np.ones(n, dtype=np.int64),
        per_gpu_w=np.array(power_w),
        age_minutes=np.arange(n, dtype=np.float64) + 60,
    )


def free(n: int, capped: range) -> NDArray[np.bool_]:
    settled = np.ones(n, dtype=bool)
    settled[list(capped)] = False
    return settled


def act(minute: int, action: Action, ratio: float = np.nan) -> ControlAction:
    return ControlAction(at_s=60.0 * minute, job=0, action=action, power_ratio=ratio)


def test_a_cap_holds_until_the_next_act() -> None:
    log = [
        act(2, Action.CAP, 0.6),
        act(4, Action.HOLD),
        act(5, Action.PAUSE),
        act(7, Action.RELEASE),
    ]

    assert cap_ratios(log, 0, 9).tolist() == [1, 1, 0.6, 0.6, 0.6, 0, 0, 1, 1]
    assert cap_ratios(log, 5, 4).tolist() == [0, 0, 1, 1]


def test_minutes_at_the_cap_were_cut_and_a_checkpoint_was_not() -> None:
    """600 W without a cap; 400 W under it, but 150 W in a checkpoint, which no cap touches.

    The cap lets 400 W through, and cuts from 0.88 x 400 W = 352 W on.
    """
    minutes = job([600.0] * 20 + [400.0] * 8 + [150.0] * 2 + [600.0] * 10)
    ratios = np.array([1.0] * 20 + [0.6] * 10 + [1.0] * 10)

    cut = cut_levels(minutes, ratios, free(40, range(20, 30)))

    np.testing.assert_allclose(cut[20:28], 352.0)
    assert cut[28:30].tolist() == [0.0, 0.0]
    assert np.isnan(cut[:20]).all()
    assert np.isnan(cut[30:]).all()


def test_a_cap_that_changes_nothing_cuts_nothing() -> None:
    """A job that ignores its cap, or whose cap is above its power, would have drawn the same."""
    minutes = job([600.0] * 20 + [595.0] * 10 + [600.0] * 10)
    ratios = np.array([1.0] * 20 + [0.6] * 10 + [1.0] * 10)

    cut = cut_levels(minutes, ratios, free(40, range(20, 30)))

    assert cut[20:30].tolist() == [0.0] * 10


def test_two_caps_cut_at_two_powers() -> None:
    minutes = job([600.0] * 20 + [300.0] * 6 + [450.0] * 6 + [600.0] * 8)
    ratios = np.array([1.0] * 20 + [0.4] * 6 + [0.7] * 6 + [1.0] * 8)

    cut = cut_levels(minutes, ratios, free(40, range(20, 32)))

    np.testing.assert_allclose(cut[20:26], 0.88 * 300)
    np.testing.assert_allclose(cut[26:32], 0.88 * 450)


def test_a_cap_of_a_few_minutes_tells_nothing() -> None:
    minutes = job([600.0] * 20 + [300.0] * 4 + [600.0] * 16)
    ratios = np.array([1.0] * 20 + [0.4] * 4 + [1.0] * 16)

    assert np.isnan(cut_levels(minutes, ratios, free(40, range(20, 24)))).all()


def test_a_job_that_was_never_seen_without_a_cap_tells_nothing() -> None:
    minutes, ratios = job([300.0] * 20), np.full(20, 0.4)

    assert np.isnan(cut_levels(minutes, ratios, np.zeros(20, dtype=bool))).all()


def test_a_pause_is_no_cap() -> None:
    minutes = job([600.0] * 20 + [60.0] * 10 + [600.0] * 10)
    ratios = np.array([1.0] * 20 + [0.0] * 10 + [1.0] * 10)

    assert np.isnan(cut_levels(minutes, ratios, free(40, range(20, 30)))).all()
