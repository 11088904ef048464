import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, spearmanr

from vaelib.errors import InputError
from vaelib.metrics import dependence

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(10_000, 6))


def correlated(rho, n=10_000):
    """Return two columns whose sample correlation is `rho` exactly."""
    x, y = np.linalg.qr(NOISE[:n, :2] - NOISE[:n, :2].mean(0))[0].T
    return np.column_stack([x, rho * x + np.sqrt(1 - rho**2) * y])


@pytest.mark.parametrize(("rho", "nats"), [(0.1, 0.0050), (0.3, 0.0472), (0.5, 0.1438), (0.9, 0.8304)])
def test_gaussian_total_correlation_of_a_pair(rho, nats):
    assert dependence.gaussian_total_correlation(correlated(rho)) == pytest.approx(nats, abs=5e-5)
    assert dependence.gaussian_total_correlation(correlated(-rho)) == pytest.approx(nats, abs=5e-5)


def test_total_correlation_of_independent_latents_is_at_its_bias():
    found = [dependence.gaussian_total_correlation(NOISE[k : k + 500]) for k in range(0, 10_000, 500)]
    assert np.mean(found) == pytest.approx(6 * 5 / (4 * 500), rel=0.25)


@given(st.integers(0, 2**32 - 1))
def test_total_correlation_is_blind_to_scale_shift_sign_and_order(seed):
    rng = np.random.default_rng(seed)
    z = NOISE[:50] @ RNG.normal(size=(6, 6))
    changed = (z * rng.uniform(0.1, 5, 6) * rng.choice([-1, 1], 6) + rng.normal(size=6))[
        :, rng.permutation(6)
    ]
    assert dependence.gaussian_total_correlation(changed) == pytest.approx(
        dependence.gaussian_total_correlation(z), rel=1e-6
    )


def test_total_correlation_where_it_is_not_a_number():
    x = NOISE[:, 0]
    dead = np.zeros_like(x)
    assert np.isnan(dependence.gaussian_total_correlation(NOISE[:, :1]))
    assert np.isnan(dependence.gaussian_total_correlation(np.column_stack([x, dead])))
    assert dependence.gaussian_total_correlation(np.column_stack([x, 2 * x])) > 15
    active = np.array([True, False, True])
    pair = correlated(0.5)
    with_dead = np.column_stack([pair[:, 0], dead, pair[:, 1]])
    assert dependence.gaussian_total_correlation(with_dead, active) == pytest.approx(0.1438, abs=5e-5)


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.9])
def test_information_of_a_normal_pair_is_known(rho):
    """−½ ln(1 − ρ²), less what 20 cells a side cannot see: up to 8 %."""
    exact = -0.5 * np.log(1 - rho**2)
    found = dependence.pairwise_information(correlated(rho))[0, 1]
    assert 0.9 * exact < found < 1.02 * exact


def mean_of_pairs(z):
    return np.nanmean(dependence.pairwise_information(z))


def test_independent_latents_share_nothing_on_average():
    information = dependence.pairwise_information(NOISE)
    assert np.isnan(np.diag(information)).all()
    np.testing.assert_array_equal(information, information.T)
    assert abs(mean_of_pairs(NOISE)) < 0.001


def test_information_sees_what_correlation_does_not():
    x = NOISE[:, 0]
    pair = np.column_stack([x, x**2])
    assert dependence.gaussian_total_correlation(pair) < 0.01
    assert mean_of_pairs(pair) > 1


def test_information_does_not_depend_on_how_a_latent_is_stretched():
    pair = correlated(0.6)
    stretched = np.column_stack([np.exp(3 * pair[:, 0]), -(pair[:, 1] ** 3)])
    assert mean_of_pairs(stretched) == pytest.approx(mean_of_pairs(pair), rel=0.02)


def test_information_of_a_constant_latent_is_not_a_number():
    information = dependence.pairwise_information(np.column_stack([NOISE[:, :2], np.zeros(10_000)]))
    assert np.isfinite(information[0, 1])
    assert np.isnan(information[2]).all()


THETA = np.arange(-10_000, 10_001) * 0.009


def test_circular_linear_known_answers():
    radians = np.deg2rad(THETA)
    mu = np.column_stack([np.sin(radians), THETA, np.abs(THETA), np.cos(radians - 1), 0 * THETA])
    sine, angle, even, shifted, dead = dependence.circular_linear_r2(mu, THETA)
    assert sine == pytest.approx(1)
    assert angle == pytest.approx(96 / np.pi**4, abs=1e-4)
    assert even > 0.9
    assert abs(spearmanr(np.abs(THETA), THETA).statistic) < 1e-9
    assert shifted == pytest.approx(1)
    assert np.isnan(dead)


def test_circular_linear_of_noise_is_chi_squared():
    n, m = 200, 3000
    angles = RNG.uniform(-90, 90, n)
    r2 = dependence.circular_linear_r2(RNG.normal(size=(n, m)), angles)
    assert r2.mean() == pytest.approx(2 / n, rel=0.1)
    assert (n * r2 > chi2.isf(0.05, 2)).mean() == pytest.approx(0.05, abs=0.02)


def test_circular_linear_is_the_fit_of_sine_and_cosine():
    angles = RNG.uniform(-90, 90, 300)
    mu = RNG.normal(size=300) + np.sin(np.deg2rad(angles)) + 0.5 * np.cos(np.deg2rad(3 * angles))
    waves = np.column_stack([np.ones(300), np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))])
    residual = mu - waves @ np.linalg.lstsq(waves, mu)[0]
    assert dependence.circular_linear_r2(mu[:, None], angles)[0] == pytest.approx(
        1 - residual.var() / mu.var()
    )


def test_refusals_name_what_is_wrong():
    with pytest.raises(InputError, match="6 latents"):
        dependence.gaussian_total_correlation(NOISE[:6])
    with pytest.raises(InputError, match="at least 2000"):
        dependence.pairwise_information(NOISE[:1999])
    with pytest.raises(InputError, match=r"\(5,\) angles"):
        dependence.circular_linear_r2(NOISE, np.zeros(5))
    with pytest.raises(InputError, match="1 different angles"):
        dependence.circular_linear_r2(NOISE, np.zeros(10_000))
    with pytest.raises(InputError, match="finite"):
        dependence.circular_linear_r2(np.full((5, 1), np.nan), np.arange(5))
