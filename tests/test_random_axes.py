import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from vaelib.errors import InputError
from vaelib.metrics.random_axes import haar_null, haar_rotations, p_value, standardised

RNG = np.random.default_rng(0)


def code(n=300, dead=True):
    """Four latents: three that vary, correlated and in different units, and, where wanted, a dead one."""
    mu = np.random.default_rng(5).normal(size=(n, 3)) @ np.array([[2, 1, 0], [0, 0.5, 0], [0, 0, 1]]) + 7
    return np.column_stack([mu[:, :1], np.full(n, 0.05), mu[:, 1:]]) if dead else mu


@given(st.integers(0, 10_000))
def test_rotations_are_orthogonal_and_leave_the_dead_alone(seed):
    z = standardised(code())
    (turned,) = haar_rotations(code(), 1, seed)
    assert (turned[:, 1] == 0).all()
    live = [0, 2, 3]
    turn = np.linalg.lstsq(z[:, live], turned[:, live], rcond=None)[0]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(z[:, live] @ turn, turned[:, live], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(z, axis=1))


def test_rotations_of_uncorrelated_latents_stay_uncorrelated():
    white = code(dead=False)
    white = (white - white.mean(0)) @ np.linalg.inv(
        np.linalg.cholesky(np.cov(white, rowvar=False, bias=True))
    ).T
    for turned in haar_rotations(white, 3):
        np.testing.assert_allclose(np.cov(turned, rowvar=False, bias=True), np.eye(3), atol=1e-9)


def test_any_direction_is_as_likely_as_any_other():
    # A coordinate of a uniform direction in three dimensions is uniform (Archimedes), mirrored or not.
    z = standardised(code(dead=False))
    firsts = [np.linalg.lstsq(z, turned, rcond=None)[0] for turned in haar_rotations(z, 400)]
    assert kstest(np.array(firsts)[:, 0, 1], "uniform", (-1, 2)).pvalue > 0.01
    assert 0.4 < np.mean(np.linalg.det(firsts) > 0) < 0.6


def test_standardised_is_what_it_says_and_stays_so():
    z = standardised(code())
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), [1, 0, 1, 1])
    np.testing.assert_allclose(standardised(z), z, atol=1e-12)


def test_the_first_rotations_do_not_depend_on_how_many_follow():
    few, many = list(haar_rotations(code(), 2)), list(haar_rotations(code(), 4))
    np.testing.assert_array_equal(few, many[:2])
    assert (many[0] != many[1]).any()


@pytest.mark.parametrize("varying", [0, 1])
def test_a_code_that_cannot_be_turned_is_refused_at_once(varying):
    mu = np.zeros((50, 4))
    mu[:, :varying] = RNG.normal(size=(50, varying))
    for refuse in (lambda: haar_rotations(mu, 5), lambda: haar_null(np.mean, mu)):
        with pytest.raises(InputError, match=rf"{varying} of 4 latents are active.*a rotation needs 2"):
            refuse()


def test_a_code_with_a_factor_an_axis_is_beyond_its_null_and_a_turned_one_within():
    factors = RNG.uniform(-1, 1, (400, 4))

    def gap(z):
        """Return the mean over factors of the best latent's r² less the second's."""
        r2 = np.sort(np.corrcoef(z.T, factors.T)[:4, 4:] ** 2, axis=0)
        return (r2[-1] - r2[-2]).mean()

    (turned,) = haar_rotations(factors, 1, seed=9)
    null = haar_null(gap, factors, n=99, progress=False)
    assert null.shape == (99,)
    assert gap(factors) > np.quantile(null, 0.95)
    assert p_value(gap(factors), null) == 0.01
    assert p_value(gap(turned), haar_null(gap, turned, n=99, progress=False)) > 0.05


def test_p_counts_the_score_among_the_null_and_is_nan_where_a_score_is():
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 0.75
    assert p_value(9.0, np.arange(4.0)) == 0.2
    assert np.isnan(p_value(float("nan"), np.arange(3.0)))
    assert np.isnan(p_value(1.0, np.array([0.0, np.nan])))
