"""What a network says of its own posterior and prior is what its bound is made of, whatever they are."""

import math

import numpy as np
import pytest
import torch

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.models.build import build_vae
from vaelib.models.inference import encode, prior_samples
from vaelib.models.losses import bernoulli_nll
from vaelib.objectives import OBJECTIVES

FAMILIES = ("beta_vae", "joint", "pose")


def network(objective):
    model = build_vae(tiny(objective=objective, init="he", latent_dim=3)).eval().requires_grad_(False)
    if objective == "pose":
        model.energy.out.mul_(8)  # so that energies differ by nats, as trained ones do
    return model


@pytest.fixture(scope="module")
def images():
    return load_split(tiny(n_test=40), "test").images


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_bound_is_that_of_the_draw_and_its_kl(objective, images):
    model, x = network(objective), as_float(images)
    noise = torch.randn(len(x), model.noise_dim, generator=torch.Generator().manual_seed(0))
    posterior, terms = model.posterior(x, noise), model.terms(x, noise, "bernoulli")
    assert posterior.code.shape == posterior.z.shape == posterior.kl.shape
    torch.testing.assert_close(posterior.kl, terms.kl)
    # a JointVAE keeps the weights of what is decoded above 1e-6
    torch.testing.assert_close(bernoulli_nll(model.decode(posterior.z), x), terms.recon, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("objective", FAMILIES)
def test_codes_are_centres_draws_and_kl_of_the_same_noise(objective, images):
    model = network(objective)
    codes, again = encode(model, images), encode(model, images)
    np.testing.assert_array_equal(codes.z, again.z)
    assert codes.scalars == 3
    kl = codes.kl_per_dim
    np.testing.assert_allclose(kl, codes.kl.astype(float).mean(0))
    np.testing.assert_allclose(codes.kl_of_variables[:3], kl[:3])
    np.testing.assert_allclose(codes.kl_of_variables[3:], kl[3:].sum())


def test_a_category_is_drawn_from_its_posterior_and_from_an_even_prior(images):
    model, codes = network("joint"), encode(network("joint"), images)
    for drawn in (codes.z[:, 3:], prior_samples(model, 5000, seed=0)[:, 3:]):
        assert set(np.unique(drawn)) == {0.0, 1.0}
        np.testing.assert_array_equal(drawn.sum(1), 1)
    np.testing.assert_allclose(drawn.mean(0), 0.1, atol=4 * math.sqrt(0.09 / 5000))
    np.testing.assert_allclose(codes.mu[:, 3:].sum(1), 1, rtol=1e-5)


def test_a_pose_is_drawn_from_its_prior_and_content_is_normal():
    model = network("pose")
    z = prior_samples(model, 20_000, seed=0)
    edges = np.append(model.angles - 2.5, model.angles[-1] + 2.5)
    shares = np.histogram(z[:, 0] * model.degrees, edges)[0] / len(z)
    np.testing.assert_allclose(shares, model.log_prior.exp(), atol=5 * math.sqrt(0.1 / len(z)))
    assert z[:, 1:].std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("objective", FAMILIES)
def test_the_kl_is_the_mean_log_ratio_of_the_draws(objective, images):
    """KL(q ‖ p) = E_q log q/p, with the ratio from the importance weights and the reconstruction."""
    model, x = network(objective), as_float(images[:1]).expand(4000, 1, 16, 16)
    noise = torch.randn(len(x), model.noise_dim, generator=torch.Generator().manual_seed(1))
    posterior = model.posterior(x, noise)
    ratio = -(model.log_weight(x, "bernoulli")(noise) + bernoulli_nll(model.decode(posterior.z), x).double())
    error = ratio.std().item() / math.sqrt(len(x))
    kl = posterior.kl.sum(1).double()
    assert ratio.mean().item() == pytest.approx(kl.mean().item(), abs=4 * error + 1e-2)
