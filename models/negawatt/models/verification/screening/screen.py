"""All nine tests of one event, in order.

Not here: any test, and what a person decides about a finding.
"""

from collections.abc import Callable
from typing import Final

from negawatt.models.verification.screening.days import day_set_exploitation, frozen_baseline
from negawatt.models.verification.screening.elsewhere import displacement, generation_swap
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.methods import method_shopping, placebo_payments
from negawatt.models.verification.screening.outcome import ScreenResult
from negawatt.models.verification.screening.thresholds import Thresholds, default_thresholds
from negawatt.models.verification.screening.timing import no_action, rebound
from negawatt.models.verification.screening.window import window_inflation

SCREENS: Final[tuple[Callable[[ScreenInputs, Thresholds], ScreenResult], ...]] = (
    window_inflation,
    day_set_exploitation,
    frozen_baseline,
    generation_swap,
    displacement,
    rebound,
    no_action,
    placebo_payments,
    method_shopping,
)


def screen_event(
    inputs: ScreenInputs, thresholds: Thresholds | None = None
) -> tuple[ScreenResult, ...]:
    """Make every test of an event that its data allows; the others say what they need.

    Args:
        inputs: The event with all that is known around it.
        thresholds: Where the tests draw their lines; negawatt's own where none are given.
    """
    limits = thresholds or default_thresholds()
    return tuple(screen(inputs, limits) for screen in SCREENS)
