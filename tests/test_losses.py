import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaelib.data.dataset import load_split
from vaelib.metrics.dependence import active_units
from vaelib.models.losses import (
    ElboTerms,
    bernoulli_multiscale_nll,
    bernoulli_nll,
    beta_eff,
    beta_loss,
    beta_norm,
    gaussian_kl,
    gaussian_nll,
)
from vaelib.spec import REDUCTIONS, RunSpec

moderate = st.floats(-3, 3, allow_nan=False, width=32)


@pytest.mark.parametrize(("mu", "logvar", "nats"), [(0, 0, 0), (1, 0, 0.5), (0, 1, (np.e - 2) / 2)])
def test_kl_known_answers(mu, logvar, nats):
    kl = gaussian_kl(torch.tensor([[float(mu)]]), torch.tensor([[float(logvar)]]))
    assert kl.item() == pytest.approx(nats, abs=1e-6)


def test_kl_closed_form_agrees_with_monte_carlo():
    mu, logvar = torch.tensor(0.8), torch.tensor(-1.2)
    q = torch.distributions.Normal(mu, torch.exp(logvar / 2))
    torch.manual_seed(0)
    z = q.sample((200_000,))
    log_ratio = q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)
    closed = gaussian_kl(mu[None, None], logvar[None, None]).item()
    assert log_ratio.mean().item() == pytest.approx(closed, abs=4 * log_ratio.std().item() / 200_000**0.5)


@given(st.lists(moderate, min_size=4, max_size=4), st.lists(moderate, min_size=4, max_size=4))
def test_kl_is_never_negative(mu, logvar):
    assert (gaussian_kl(torch.tensor([mu]), torch.tensor([logvar])) >= -1e-6).all()


@given(st.floats(-30, 30, width=32), st.floats(0, 1, width=32))
def test_bernoulli_nll_is_the_cross_entropy(logit, x):
    p = 1 / (1 + np.exp(-np.float64(logit)))
    direct = -x * np.log(p) - (1 - x) * np.log1p(-p) if abs(logit) < 15 else max(logit, 0) - x * logit
    nll = bernoulli_nll(torch.full((1, 1, 2, 2), logit), torch.full((1, 1, 2, 2), x))
    assert nll.shape == (1,)
    assert nll.item() == pytest.approx(4 * direct, rel=1e-4, abs=1e-4)


def test_bernoulli_nll_is_least_where_the_probability_is_the_target():
    x = torch.full((1, 1, 1, 1), 0.3)
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    at_target = bernoulli_nll(torch.logit(x), x).item()
    assert at_target == pytest.approx(entropy, abs=1e-6)
    assert bernoulli_nll(torch.logit(x) + 0.5, x).item() > at_target


def images(n: int, side: int = 32) -> torch.Tensor:
    return load_split(RunSpec(n_train=240, n_test=n, image_size=side, images="upright"), "test").images / 255


def test_a_perfect_reconstruction_costs_at_several_scales_what_it_costs_at_one():
    x = images(6)
    logits = torch.logit(x, eps=1e-6)
    plain = bernoulli_nll(logits, x)
    torch.testing.assert_close(bernoulli_multiscale_nll(logits, x), plain, rtol=1e-3, atol=0)
    assert (bernoulli_multiscale_nll(logits + 0.5, x) > plain).all()


@given(st.floats(-4, 4, width=32), st.floats(0, 1, width=32))
def test_flat_images_cost_at_several_scales_what_they_cost_at_one(logit, x):
    logits, target = torch.full((1, 1, 16, 16), logit), torch.full((1, 1, 16, 16), x)
    plain = bernoulli_nll(logits, target).item()
    assert bernoulli_multiscale_nll(logits, target).item() == pytest.approx(plain, rel=1e-4, abs=1e-3)


def test_several_scales_tell_far_from_near_where_pixels_do_not():
    x = torch.zeros(1, 1, 32, 32)
    x[..., 4:28, 8:10] = 1
    near, far = (6 * torch.roll(x, shift, dims=3) - 3 for shift in (2, 12))
    assert bernoulli_nll(near, x).item() == pytest.approx(bernoulli_nll(far, x).item())
    assert bernoulli_multiscale_nll(far, x).item() > 1.1 * bernoulli_multiscale_nll(near, x).item()


def test_several_scales_have_finite_gradients_at_certain_pixels():
    x = (images(3, 16) > 0.5).float()
    logits = (200 * x - 100).requires_grad_()
    bernoulli_multiscale_nll(logits, x).sum().backward()
    assert logits.grad.isfinite().all()


def test_gaussian_nll_is_the_squared_error_summed_over_pixels():
    logits, x = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    assert gaussian_nll(logits, x).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("reduction", "effective"),
    [
        ("sum", 4),
        ("mean_latents", 0.4),
        ("mean_pixels_784", 4 * 4096 / 784),
        ("mean_pixels_784_mean_latents", 0.4 * 4096 / 784),
        ("mean_pixels_mean_latents", 1638.4),
        ("mean_pixels", 16_384),
    ],
)
def test_what_beta_4_means_under_each_reduction(reduction, effective):
    spec = RunSpec(reduction=reduction)
    assert beta_eff(spec) == pytest.approx(effective)
    assert beta_norm(spec) == pytest.approx(effective * 10 / 4096)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_reduction_is_the_convention_at_its_effective_beta_but_for_a_factor(reduction):
    spec = RunSpec(reduction=reduction)
    same = RunSpec(beta=beta_eff(spec))
    torch.manual_seed(0)
    losses = []
    for _ in range(2):
        terms = ElboTerms(torch.rand(5) * 100, torch.rand(5, 10))
        losses.append((beta_loss(terms, spec.beta, spec), beta_loss(terms, same.beta, same)))
    (a, a_same), (b, b_same) = losses
    assert (a / b).item() == pytest.approx((a_same / b_same).item(), rel=1e-5)


def test_the_objective_is_reconstruction_plus_beta_kl_averaged_over_images():
    terms = ElboTerms(torch.tensor([10.0, 20.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert beta_loss(terms, 4.0, RunSpec(latent_dim=2)).item() == pytest.approx(15 + 4 * 5)


def test_at_beta_one_the_objective_is_the_negative_elbo():
    torch.manual_seed(0)
    mu, logvar, x = torch.randn(3, 10), torch.randn(3, 10), torch.rand(3, 1, 8, 8)
    terms = ElboTerms(bernoulli_nll(torch.randn(3, 1, 8, 8), x), gaussian_kl(mu, logvar))
    neg_elbo = (terms.recon + terms.kl.sum(1)).mean()
    assert beta_loss(terms, 1.0, RunSpec()).item() == pytest.approx(neg_elbo.item(), rel=1e-6)


def test_active_units_are_those_whose_mean_moves_with_the_image():
    x = np.linspace(-1, 1, 101)
    mu = np.stack([x, 0.05 * x, 0 * x + 3], axis=1)
    assert active_units(mu).tolist() == [True, False, False]
    assert active_units(5 * mu).tolist() == [True, True, False]
