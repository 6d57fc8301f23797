import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.ensemble import best_weights


def test_a_method_that_only_adds_noise_to_another_gets_no_weight() -> None:
    """The second errs a little more than the first, always with it: any weight on it is lost."""
    first = np.array([1.0, -2.0, 3.0, -1.0])

    weights = best_weights(np.column_stack([first, 1.05 * first]))

    np.testing.assert_allclose(weights, [1.0, 0.0])


def test_errors_that_go_against_each_other_are_averaged_away() -> None:
    """Errors of 1 and -3 always together: three quarters and one quarter leave none."""
    weights = best_weights(np.tile([1.0, -3.0], (5, 1)))

    np.testing.assert_allclose(weights, [0.75, 0.25], rtol=1e-6)


@settings(max_examples=10)
@given(
    st.lists(st.tuples(*[st.floats(-9, 9)] * 3), min_size=4, max_size=12),
    st.permutations([0, 1, 2]),
)
def test_weights_are_shares_no_worse_than_the_best_method_and_follow_their_method(
    rows: list[tuple[float, float, float]], order: list[int]
) -> None:
    errors = np.array(rows) + np.array([0.5, 1.0, 2.0])

    weights = best_weights(errors)

    assert weights.min() >= 0
    assert abs(weights.sum() - 1) < 1e-9
    best = (errors**2).mean(axis=0).min()
    assert ((errors @ weights) ** 2).mean() <= best + 1e-6
    np.testing.assert_allclose(
        errors[:, order] @ best_weights(errors[:, order]), errors @ weights, atol=1e-4
    )
