"""Every alternative is the β-VAE where it should be, and differs by what its definition says."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split
from vaelib.models.build import VAE, build_vae
from vaelib.models.losses import ElboTerms, gaussian_kl
from vaelib.models.vae import sample
from vaelib.objectives import OBJECTIVES, resolve, title
from vaelib.profiles import load_profile
from vaelib.report import build as report
from vaelib.spec import RunSpec
from vaelib.training import losses
from vaelib.training.losses import covariance_penalty, kl_parts


def step(beta: float = 4.0, progress: float = 0.5, **fields) -> tuple[ElboTerms, torch.Tensor, list]:
    """Return terms, loss and the gradients of the network at one batch, the same for all losses."""
    asked = tiny(init="he", beta=beta, **fields)
    torch.manual_seed(0)
    model = build_vae(asked)
    x = as_float(load_split(asked, "train").images)[:16]
    torch.manual_seed(1)
    noise = torch.cat([torch.randn(16, model.noise_dim), torch.randn(16, 11)], dim=1)
    objective = OBJECTIVES[asked.objective]
    discriminators = [resolve(objective.discriminator)(asked)] if objective.discriminator else []
    given = (model, x, noise[:, : objective.draws(model.noise_dim)], beta, asked, progress, *discriminators)
    terms, loss = resolve(objective.loss)(*given)
    loss.backward()
    return terms, loss.detach(), [p.grad for p in model.parameters()]


def assert_same_step(one, other) -> None:
    (terms, loss, gradients), (other_terms, other_loss, other_gradients) = one, other
    assert torch.equal(terms.recon, other_terms.recon)
    assert torch.equal(loss, other_loss)
    assert all(torch.equal(a, b) for a, b in zip(gradients, other_gradients, strict=True))


@pytest.mark.parametrize(
    ("fields", "beta"),
    [
        ({"objective": "beta_tcvae"}, 1.0),
        ({"objective": "capacity", "capacity": 0.0}, 0.3),
        ({"objective": "capacity", "capacity": 0.0}, 4.0),
        ({"objective": "dip_vae_ii", "penalty": 0.0}, 4.0),
        ({"objective": "pair", "penalty": 0.0}, 4.0),
    ],
)
def test_an_alternative_without_its_difference_is_the_beta_vae_to_the_bit(fields, beta):
    assert_same_step(step(beta, **fields), step(beta))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in ("beta_vae", "joint", "pose")])
def test_the_terms_returned_are_those_of_the_bound_and_the_difference_reaches_the_weights(name):
    terms, loss, gradients = step(objective=name)
    plain_terms, plain_loss, plain_gradients = step()
    assert torch.equal(terms.recon, plain_terms.recon)
    assert torch.equal(terms.kl, plain_terms.kl)
    assert loss != plain_loss
    assert any(not torch.equal(a, b) for a, b in zip(gradients, plain_gradients, strict=True))


# --- total correlation -------------------------------------------------------------------------------------


def codes(n: int, dims: int, seed: int, deviation: float = 0.5) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    mu, noise = torch.randn(2, n, dims, generator=generator, dtype=torch.float64)
    mu *= math.sqrt(1 - deviation**2)
    logvar = torch.full_like(mu, 2 * math.log(deviation))
    return sample(mu, logvar, noise), mu, logvar


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 99), st.integers(0, 10_000))
def test_the_parts_add_up_to_the_sampled_kl(batch, dims, seed, further):
    z, mu, logvar = codes(batch, dims, seed)
    parts = kl_parts(z, mu, logvar, batch + further)
    log_ratio = Normal(mu, torch.exp(logvar / 2)).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    total = parts.mutual_information + parts.total_correlation + parts.dimension_wise
    torch.testing.assert_close(total, log_ratio.sum(1))


def test_the_sampled_kl_is_the_closed_form_on_average():
    z, mu, logvar = codes(2000, 2, seed=0)
    parts = kl_parts(z, mu, logvar, 2000)
    total = parts.mutual_information + parts.total_correlation + parts.dimension_wise
    gap = total - gaussian_kl(mu, logvar).sum(1)
    assert abs(gap.mean()) < 4 * gap.std() / 2000**0.5


def test_the_estimate_of_the_aggregate_posterior_has_no_bias():
    """The mean over all batches of three that hold image 0 is the mixture over all five images."""
    z, mu, logvar = codes(5, 2, seed=3)
    at_z0 = Normal(mu, torch.exp(logvar / 2)).log_prob(z[0]).sum(1)
    estimates = []
    for others in itertools.combinations(range(1, 5), 2):
        chosen = [0, *others]
        parts = kl_parts(z[chosen], mu[chosen], logvar[chosen], 5)
        estimates.append(torch.exp(at_z0[0] - parts.mutual_information[0]))  # q(z) of z_0
    torch.testing.assert_close(sum(estimates) / len(estimates), at_z0.exp().mean())


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.9])
def test_of_gaussians_all_parts_are_known(correlation):
    n, deviation = 2000, 0.5
    generator = torch.Generator().manual_seed(0)
    mu, noise = torch.randn(2, n, 2, generator=generator, dtype=torch.float64)
    # q(z) = N(0, [[1, r], [r, 1]]): of that, deviation² is noise on the diagonal.
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    root = torch.linalg.eigh(covariance - deviation**2 * torch.eye(2, dtype=torch.float64).clamp(max=1))
    if root.eigenvalues.min() < 0:
        deviation = 0.25
        root = torch.linalg.eigh(covariance - deviation**2 * torch.eye(2, dtype=torch.float64))
    mu = mu @ (root.eigenvectors * root.eigenvalues.sqrt()).T
    logvar = torch.full_like(mu, 2 * math.log(deviation))
    parts = kl_parts(sample(mu, logvar, noise), mu, logvar, n)
    total_correlation = -0.5 * math.log(1 - correlation**2)
    information = 0.5 * torch.logdet(covariance).item() - 2 * math.log(deviation)
    assert parts.total_correlation.mean().item() == pytest.approx(total_correlation, abs=0.04)
    assert parts.mutual_information.mean().item() == pytest.approx(information, abs=0.04)
    assert parts.dimension_wise.mean().item() == pytest.approx(0, abs=0.04)


@given(st.integers(2, 64), st.integers(1, 20), st.integers(64, 120_000))
def test_codes_that_say_nothing_have_no_total_correlation(batch, dims, n):
    """Wrong constants show here: a weight that is off by a factor f gives (M − 1) log f nats."""
    z = torch.randn(batch, dims, dtype=torch.float64)
    parts = kl_parts(z, torch.zeros_like(z), torch.zeros_like(z), n)
    for part in (parts.mutual_information, parts.total_correlation, parts.dimension_wise):
        assert part.abs().max() < 1e-9


def test_the_bias_is_downwards_falls_with_the_batch_and_never_passes_log_n():
    """Ten independent latents that say much of the image: the truth is 0, a public estimator said −33."""
    n, found = 11_000, []
    for batch in (16, 64, 256):
        estimates = [
            kl_parts(*codes(batch, 10, seed, deviation=0.6), n).total_correlation.mean().item()
            for seed in range(20)
        ]
        found.append(np.mean(estimates))
    assert -math.log(n) < found[0] < found[1] < found[2] < 0


def test_beta_weights_the_total_correlation_alone():
    (_, one, _), (_, two, _), (_, three, _) = (step(beta, objective="beta_tcvae") for beta in (1.0, 2.0, 3.0))
    assert (three - two).item() == pytest.approx((two - one).item(), abs=1e-4)
    asked = tiny(init="he", objective="beta_tcvae")
    torch.manual_seed(0)
    model = build_vae(asked)
    x = as_float(load_split(asked, "train").images)[:16]
    torch.manual_seed(1)
    noise = torch.randn(16, 10)
    mu, logvar = model.encode(x)
    correlation = kl_parts(sample(mu, logvar, noise), mu, logvar, 88).total_correlation.mean()
    assert (two - one).item() == pytest.approx(correlation.item(), abs=1e-4)
    assert abs(correlation) > 1e-3


# --- capacity ----------------------------------------------------------------------------------------------


def test_capacity_rises_linearly_and_stays():
    asked = tiny(objective="capacity", capacity=12, epochs=3)
    assert [losses.capacity_at(asked, p) for p in (0, 0.25, 1)] == [0, 3, 12]
    asked = tiny(objective="capacity", capacity=12, epochs=3, capacity_epochs=1)
    assert [losses.capacity_at(asked, p) for p in (0, 1 / 6, 1 / 3, 0.5, 1)] == [0, 6, 12, 12, 12]


@pytest.mark.parametrize("capacity", [0.01, 25.0])
def test_the_loss_is_reconstruction_plus_the_distance_from_the_capacity(capacity):
    terms, loss, _ = step(beta=7.0, progress=1.0, objective="capacity", capacity=capacity)
    distance = abs(terms.kl.sum(1).mean().item() - capacity)
    assert loss.item() == pytest.approx(terms.recon.mean().item() + 7 * distance, rel=1e-6)


def test_below_its_capacity_a_network_is_pushed_to_say_more():
    (_, _, more), (_, _, less), (_, _, silent) = (
        step(beta, 1.0, objective="capacity", capacity=capacity)
        for beta, capacity in ((2.0, 25.0), (2.0, 0.0), (0.0, 0.0))
    )
    for towards, away, neither in zip(more, less, silent, strict=True):
        torch.testing.assert_close(towards - neither, neither - away, rtol=1e-3, atol=1e-4)


# --- covariance --------------------------------------------------------------------------------------------

SQUARE = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])


@pytest.mark.parametrize(
    ("mu", "variance", "penalty"),
    [
        (0 * SQUARE, 1.0, 0.0),
        (SQUARE * 0.5**0.5, 0.5, 0.0),
        (SQUARE + 3, 1.0, 2.0),  # variance 2 twice
        (SQUARE[:, :1].repeat(1, 2) * 0.5**0.5, 0.5, 2 * 0.5**2),  # covariance ½, twice
        (SQUARE[:, :1], 0.5, 0.5**2),  # one latent
    ],
)
def test_the_covariance_penalty_is_the_squared_distance_from_the_identity(mu, variance, penalty):
    logvar = torch.full_like(mu, math.log(variance))
    assert covariance_penalty(mu, logvar).item() == pytest.approx(penalty, abs=1e-6)


def test_the_covariance_is_that_of_samples():
    torch.manual_seed(0)
    mu, logvar = torch.randn(50, 3) @ torch.randn(3, 3), torch.randn(50, 3)
    z = sample(mu, logvar, torch.randn(20_000, 50, 3)).reshape(-1, 3)
    drawn = (torch.cov(z.T) - torch.eye(3)).square().sum()
    assert covariance_penalty(mu, logvar).item() == pytest.approx(drawn.item(), rel=0.03)


# --- discriminator -----------------------------------------------------------------------------------------


class Planted(VAE):
    """A network whose code is planted: a function of the images, nearly without noise."""

    def __init__(self, code):
        super().__init__(encoder=None, decoder=None, latent_dim=2)
        self.code = code

    def encode(self, x):
        mu = self.code(x)
        return mu, torch.full_like(mu, -20.0)

    def decode(self, z):
        return torch.zeros(len(z), 1, 16, 16)


def test_the_discriminator_learns_the_total_correlation_of_gaussians():
    correlation, asked = 0.8, tiny(latent_dim=2, objective="factor_vae")
    model = Planted(lambda x: x.flatten(1)[:, :2])
    torch.manual_seed(0)
    discriminator = losses.latent_discriminator(asked)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    mix = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))
    for _ in range(250):
        x = torch.zeros(512, 1, 16, 16)
        x.flatten(1)[:, :2] = torch.randn(512, 2) @ mix.T
        _, loss = losses.factor_vae(model, x, torch.randn(512, 4), 1.0, asked, 0.0, discriminator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = discriminator(torch.randn(20_000, 2) @ mix.T).mean().item()
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.1)


def test_discriminator_and_network_do_not_teach_each_other():
    asked = tiny(objective="factor_vae", penalty=3.0)
    torch.manual_seed(0)
    model, discriminator = build_vae(asked), losses.latent_discriminator(asked)
    x, noise = as_float(load_split(asked, "train").images)[:16], torch.randn(16, 20)
    losses.factor_vae(model, x, noise, 4.0, asked, 0.0, discriminator)[1].backward()
    of_network = [p.grad.clone() for p in model.parameters()]
    of_discriminator = [p.grad.clone() for p in discriminator.parameters()]

    mu, logvar = model.encode(x)
    z = sample(mu, logvar, noise[:, :10])
    model.zero_grad()
    (losses.beta_vae(model, x, noise[:, :10], 4.0, asked, 0.0)[1] + 3 * discriminator(z).mean()).backward()
    for alone, both in zip((p.grad for p in model.parameters()), of_network, strict=True):
        torch.testing.assert_close(alone, both)

    discriminator.zero_grad()
    order = noise[:, 10:].argsort(0)
    permuted = torch.stack([z.detach()[order[:, j], j] for j in range(10)], dim=1)
    wrong = torch.nn.functional.binary_cross_entropy_with_logits
    (
        0.5 * wrong(discriminator(z.detach()), torch.ones(16, 1))
        + 0.5 * wrong(discriminator(permuted), torch.zeros(16, 1))
    ).backward()
    for alone, both in zip((p.grad for p in discriminator.parameters()), of_discriminator, strict=True):
        torch.testing.assert_close(alone, both)


# --- pairs -------------------------------------------------------------------------------------------------


def spots(angles: torch.Tensor) -> torch.Tensor:
    """Return images of one soft spot each, at these angles (degrees, counter-clockwise from the right)."""
    centres = torch.arange(32) - 15.5
    radians = torch.deg2rad(angles)[:, None, None]
    x, y = centres[None, None, :] - 9 * radians.cos(), -centres[None, :, None] - 9 * radians.sin()
    return torch.exp(-(x.square() + y.square()) / 8)[:, None]


def spot_code(sign: float, per_unit: float):
    """Return a code of spots: their angle over `per_unit`, and their distance from the centre."""

    def code(x: torch.Tensor) -> torch.Tensor:
        centres = torch.arange(32) - 15.5
        mass = x.sum((1, 2, 3))
        right, up = (x[:, 0].sum(1) @ centres) / mass, -(x[:, 0].sum(2) @ centres) / mass
        return torch.stack(
            [sign * torch.rad2deg(torch.atan2(up, right)) / per_unit, torch.hypot(right, up)], 1
        )

    return code


@pytest.mark.parametrize(("sign", "free"), [(1.0, True), (-1.0, False)])
def test_a_code_that_moves_as_it_should_is_not_penalised(sign, free):
    asked = RunSpec(image_size=32, latent_dim=2, objective="pair", penalty=1.0)
    torch.manual_seed(0)
    noise, x = torch.randn(400, 3), spots(torch.linspace(-60, 60, 400))
    model = Planted(spot_code(sign, losses.pair_scale(asked)))
    model.decode = lambda z: torch.zeros(len(z), 1, 32, 32)
    penalised = losses.pair(model, x, noise, 4.0, asked, 0.0)[1]
    added = (penalised - losses.beta_vae(model, x, noise[:, :2], 4.0, asked, 0.0)[1]).item()
    # Of the wrong sign it is off by 2δ, δ uniform in ±45 degrees: (2 · 45 / 45)² / 3.
    assert added == pytest.approx(0 if free else 4 / 3, abs=0.02 if free else 0.15)


def test_titles_tell_apart_what_a_page_compares():
    scale = load_profile("published")
    page = scale.pages["alternatives"]
    by_title: dict[str, set] = {}
    for asked in report.page_runs(scale, page):
        by_title.setdefault(title(asked), set()).add(replace(asked, seed=0))
    assert all(len(alike) == 1 for alike in by_title.values())
    assert {asked.objective for alike in by_title.values() for asked in alike} == set(OBJECTIVES)
