import numpy as np
import pytest
import torch
from torch.distributions import Normal

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.errors import InputError
from vaelib.metrics.quality import iwae_bound
from vaelib.models.build import VAE, build_vae
from vaelib.models.inference import BATCH, NOISE_SEED, bound_terms, log_weights
from vaelib.models.losses import bernoulli_nll, gaussian_nll

SPEC = tiny(init="he", n_test=60)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_vae(SPEC).eval()


@pytest.fixture(scope="module")
def images():
    return load_split(SPEC, "test").images


@pytest.mark.parametrize(("likelihood", "nll"), [("bernoulli", bernoulli_nll), ("gaussian", gaussian_nll)])
def test_one_draw_is_the_bound_at_that_draw(likelihood, nll, model, images):
    few = images[:9]
    weights = log_weights(model, few, likelihood, 1, progress=False)
    with torch.no_grad():
        mu, logvar = model.encode(as_float(few))
        z = mu + torch.exp(0.5 * logvar) * torch.randn(
            mu.shape, generator=torch.Generator().manual_seed(NOISE_SEED)
        )
        q, p = Normal(mu.double(), torch.exp(0.5 * logvar.double())), Normal(0.0, 1.0)
        elbo = -nll(model.decode(z), as_float(few)) + (p.log_prob(z) - q.log_prob(z)).sum(1)
    assert weights.shape == (1, 9)
    np.testing.assert_allclose(weights[0], elbo, rtol=1e-5)
    np.testing.assert_array_equal(iwae_bound(weights), weights[0])


def test_the_mean_weight_is_the_bound_whose_kl_is_not_sampled(model, images):
    weights = log_weights(model, images, "bernoulli", 30, progress=False)
    terms = bound_terms(model, images, "bernoulli")
    # `terms` has one draw of the reconstruction, this thirty of both: three errors of the difference.
    differ = weights.mean(0) + (terms.recon + terms.kl.sum(1)).numpy()
    assert abs(differ.mean()) < 3 * differ.std(ddof=1) / np.sqrt(len(images))
    assert (iwae_bound(weights) > weights.mean(0)).all()


class Ignorant(VAE):
    """A network whose images do not depend on its latents: the prior is the exact posterior."""

    def __init__(self):
        super().__init__(encoder=None, decoder=None, latent_dim=3)
        self.logits = torch.nn.Parameter(torch.linspace(-2, 2, 256).reshape(1, 1, 16, 16))

    def encode(self, x):
        return torch.zeros(len(x), 3), torch.zeros(len(x), 3)

    def decode(self, z):
        return self.logits.expand(len(z), 1, 16, 16)


def test_with_the_exact_posterior_every_draw_weighs_the_likelihood_of_its_own_image(images):
    assert len(images) > BATCH
    weights = log_weights(Ignorant().eval(), images, "bernoulli", 4, progress=False)
    with torch.no_grad():
        likelihood = -bernoulli_nll(Ignorant().decode(images), as_float(images)).numpy()
    np.testing.assert_allclose(weights, np.tile(likelihood, (4, 1)), rtol=1e-5)


def test_draws_repeat_with_their_seed_and_the_network_stays_as_it_was(model, images):
    model.train()
    one, again, other = (log_weights(model, images[:5], "bernoulli", 3, s, progress=False) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()
    assert model.training
    model.eval()


def test_no_draws_and_an_unknown_likelihood_are_refused(model, images):
    with pytest.raises(InputError, match="k 0 is refused; accepted: a whole number of draws from 1"):
        log_weights(model, images, "bernoulli", 0)
    with pytest.raises(InputError, match="likelihood 'laplace' is unknown; accepted: bernoulli, gaussian"):
        log_weights(model, images, "laplace", 2)
