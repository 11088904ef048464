import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import sqrtm
from scipy.stats import norm, ortho_group

from vaelib.errors import InputError
from vaelib.metrics import quality
from vaelib.metrics.probes import target_entropy
from vaelib.models.losses import bernoulli_nll

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (8, 16, 16)) / 255
UNIT = st.floats(0, 1, width=32)


def exactly_normal(n, d):
    """Return n rows whose mean is 0 and whose covariance is the identity, to rounding."""
    x = np.random.default_rng(1).normal(size=(n, d))
    x -= x.mean(0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


def test_a_perfect_reconstruction_costs_nothing_and_is_wholly_similar():
    # Cutting probabilities off 0 and 1 leaves 1e-6 a black or white pixel, of which there are a handful.
    np.testing.assert_allclose(quality.excess_bce(IMAGES, IMAGES), 0, atol=1e-4)
    np.testing.assert_array_equal(quality.mse(IMAGES, IMAGES), 0)
    np.testing.assert_allclose(quality.ssim(IMAGES, IMAGES), 1)


def test_excess_is_the_loss_less_the_entropy_of_the_targets():
    logits = torch.from_numpy(RNG.normal(size=(8, 1, 16, 16)))
    loss = bernoulli_nll(logits, torch.from_numpy(IMAGES)[:, None]).numpy()
    excess = quality.excess_bce(IMAGES, torch.sigmoid(logits)[:, 0].numpy())
    np.testing.assert_allclose(excess, loss - target_entropy(IMAGES))


@given(arrays(np.float32, (2, 3, 3), elements=UNIT), arrays(np.float32, (2, 3, 3), elements=UNIT))
def test_no_reconstruction_is_below_the_floor_or_infinitely_above_it(images, probabilities):
    excess = quality.excess_bce(images, probabilities)
    assert (excess > -1e-9).all()
    assert (excess <= 9 * -np.log(quality.LEAST_PROBABILITY) + 1e-9).all()


def test_errors_known_by_hand():
    black, grey, white = (np.full((1, 4, 4), value) for value in (0.0, 0.5, 1.0))
    assert quality.mse(black, grey)[0] == 0.25
    assert quality.excess_bce(black, grey)[0] == pytest.approx(16 * np.log(2))
    assert quality.excess_bce(white, black)[0] == pytest.approx(-16 * np.log(1e-6))


def test_similarity_of_flat_images_is_that_of_their_brightness():
    # Wang et al. 2004, eq. 6: without contrast, (2ab + c) / (a² + b² + c) with c = 0.01².
    a, b = 0.2, 0.8
    found = quality.ssim(np.full((1, 12, 12), a), np.full((1, 12, 12), b))[0]
    assert found == pytest.approx((2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4))


def test_similarity_falls_with_noise_and_is_one_for_each_image():
    noise = RNG.normal(size=IMAGES.shape)
    some, much = (quality.ssim(IMAGES, np.clip(IMAGES + s * noise, 0, 1)) for s in (0.05, 0.3))
    assert some.shape == (8,)
    assert (some > much).all()
    np.testing.assert_allclose(
        quality.ssim(IMAGES[3:4], IMAGES[2:3]), quality.ssim(IMAGES, np.roll(IMAGES, 1, 0))[3]
    )


@pytest.mark.parametrize(
    ("images", "probabilities", "said"),
    [
        (np.zeros((2, 12, 12)), np.zeros((3, 12, 12)), r"\(2, 12, 12\) with probabilities \(3, 12, 12\)"),
        (np.zeros((2, 1, 12, 12)), np.zeros((2, 1, 12, 12)), r"\(2, 1, 12, 12\).*accepted: \(N, S, S\)"),
        (np.full((1, 12, 12), 255), np.zeros((1, 12, 12)), r"images outside \[0, 1\].*as_float"),
        (np.zeros((1, 12, 12)), np.full((1, 12, 12), np.nan), r"probabilities outside \[0, 1\]"),
    ],
)
def test_other_images_are_refused(images, probabilities, said):
    for measure in (quality.excess_bce, quality.mse, quality.ssim):
        with pytest.raises(InputError, match=said):
            measure(images, probabilities)


def test_images_smaller_than_a_window_are_refused_by_ssim():
    with pytest.raises(InputError, match=r"images of 10 pixels are refused.*11 or more"):
        quality.ssim(np.zeros((1, 10, 10)), np.zeros((1, 10, 10)))


def test_frechet_distance_of_moved_and_stretched_normals():
    x = exactly_normal(50, 3)
    shift, stretch = np.array([1.0, -2.0, 0.5]), np.array([3.0, 0.5, 1.0])
    expected = (shift**2).sum() + ((stretch - 1) ** 2).sum()
    assert quality.frechet_distance(x, x * stretch + shift) == pytest.approx(expected)
    assert quality.frechet_distance(x[:, :1], 2 * x[:, :1]) == pytest.approx(1)


def test_frechet_distance_of_a_set_to_itself_is_zero_also_without_full_rank():
    x = RNG.normal(size=(30, 4)) @ RNG.normal(size=(4, 4))
    assert quality.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    flat = np.column_stack([x, np.zeros(30), x[:, 0]])
    assert quality.frechet_distance(flat, flat[::-1]) == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 10_000))
def test_frechet_distance_is_the_formula_s_symmetric_and_blind_to_a_turn_of_both(seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(20, 3)) @ rng.normal(size=(3, 3)) + rng.normal(size=3) for _ in range(2))
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    formula = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    distance = quality.frechet_distance(a, b)
    turn = ortho_group.rvs(3, random_state=rng)
    assert distance == pytest.approx(formula, rel=1e-5, abs=1e-6)
    assert quality.frechet_distance(b, a) == pytest.approx(distance, rel=1e-6, abs=1e-8)
    assert quality.frechet_distance(a @ turn, b @ turn) == pytest.approx(distance, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), r"\(5, 2\) and \(5, 3\)"),
        (np.zeros((5, 2)), np.zeros((1, 2)), "two rows at least"),
        (np.zeros((5, 2)), np.full((5, 2), np.inf), "not finite"),
    ],
)
def test_features_without_a_distance_are_refused(a, b, said):
    with pytest.raises(InputError, match=said):
        quality.frechet_distance(a, b)


def test_one_draw_is_the_single_sample_bound_and_equal_weights_are_that_weight():
    weights = RNG.normal(-600, 5, (1, 7))
    np.testing.assert_allclose(quality.iwae_bound(weights), weights[0])
    np.testing.assert_allclose(quality.iwae_bound(np.tile(weights, (9, 1))), weights[0])


@given(arrays(float, (4, 2), elements=st.floats(-1000, 0)))
def test_the_bound_rises_with_draws_on_average(weights):
    # Over all subsets of k of the draws; Burda et al. 2016, theorem 1, holds for their mean exactly.
    means = [
        np.mean([quality.iwae_bound(weights[list(s)]) for s in itertools.combinations(range(4), k)], axis=0)
        for k in (1, 2, 3, 4)
    ]
    assert (np.diff(means, axis=0) >= -1e-9).all()
    assert (means[-1] <= weights.max(0) + 1e-9).all()


def test_the_exact_posterior_gives_the_likelihood_with_any_draw_and_another_approaches_it():
    # z ~ N(0, 1), x | z ~ N(z, 1): the posterior is N(x/2, 1/2) and x ~ N(0, 2).
    rng, x = np.random.default_rng(3), np.array([-1.0, 0.0, 2.5])
    log_p = norm.logpdf(x, 0, np.sqrt(2))

    def weights(mean, sd, k):
        z = mean + sd * rng.normal(size=(k, 3))
        return norm.logpdf(x, z, 1) + norm.logpdf(z) - norm.logpdf(z, mean, sd)

    exact = weights(x / 2, np.sqrt(0.5), 5)
    np.testing.assert_allclose(exact, np.tile(log_p, (5, 1)))
    np.testing.assert_allclose(quality.iwae_bound(exact), log_p)
    prior = weights(0 * x, 1.0, 20_000)
    assert (prior.mean(0) < log_p - 0.1).all()
    np.testing.assert_allclose(quality.iwae_bound(prior), log_p, atol=0.05)


@pytest.mark.parametrize("shape", [(0, 3), (3,)])
def test_weights_without_draws_are_refused(shape):
    with pytest.raises(InputError, match=r"log weights .* accepted: \(K, N\)"):
        quality.iwae_bound(np.zeros(shape))
