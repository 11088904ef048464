"""What is minimised: the β-VAE and its alternatives, each described by its difference from it.

A loss takes a network, images x (B, 1, S, S) in [0, 1], noise eps, normal, with a column for each draw of a
sample and those that the `Objective` adds, the weight beta of the KL at this step, the spec, and `progress`,
the share of the training that is done, from 0 to 1; one with a discriminator takes it, too. It returns the
terms of the bound of each image, for the history, and the loss, a scalar. Held-out images are measured by the
bound alone, whatever was minimised.
"""

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from vaelib.data.dataset import turned
from vaelib.models.energy import BINS
from vaelib.models.losses import ElboTerms, beta_loss
from vaelib.models.pose_vae import PoseVAE
from vaelib.models.vae import VAE, sample, uniform
from vaelib.spec import RunSpec

ASKED_EVERY = 2
"""Of so many batches one is asked for turns. Asked for all of them, a step takes 1.62 times the plain one's
instead of 1.42, for a purity of .989 instead of .983 (one seed)."""


def beta_vae(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · KL (Higgins et al. 2017); at β = 1 the negative ELBO."""
    terms = model.terms(x, eps, spec.training_likelihood)
    return terms, beta_loss(terms, beta, spec)


def beta_tcvae(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """The negative ELBO + (β − 1) · total correlation (Chen et al. 2018, eq. 4 with α = γ = 1).

    As KL = mutual information + total correlation + dimension-wise KL, this weights the second of them
    by β. At β = 1 it is the VAE to the bit; the KL itself is the closed form, not the sampled one.
    """
    terms = model.terms(x, eps, spec.training_likelihood)
    mu, logvar = terms.gaussian
    parts = kl_parts(sample(mu, logvar, eps), mu, logvar, spec.n_images)
    return terms, beta_loss(terms, 1.0, spec) + (beta - 1) * parts.total_correlation.mean()


@dataclass(frozen=True)
class KLParts:
    """Sampled log ratios of each image (B,), nats, whose sum is log q(z|x) − log p(z)."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def kl_parts(z: Tensor, mu: Tensor, logvar: Tensor, n: int) -> KLParts:
    """Return the parts of the KL at samples z ~ N(mu, exp logvar) of a batch of n images, all (B, M).

    log q(z|x)/q(z), log q(z)/Π_j q(z_j) and Σ_j log q(z_j)/p(z_j), with q(z) = (1/n) Σ_x q(z|x) estimated
    without bias by 1/n for the image itself and (n − 1)/(n (B − 1)) for each other one of the batch: the
    minibatch-stratified sampling of Chen et al. 2018, appendix C.2, averaged over the order of the batch.
    Its logarithm is biased downwards, more for q(z) than for q(z_j): the total correlation comes out too
    low where no other image of the batch is near in all latents at once, but by no more than log n.
    """
    others = math.log((n - 1) / n / (len(z) - 1))
    weights = z.new_full((len(z), len(z)), others).fill_diagonal_(-math.log(n))
    density = _log_normal(z[:, None], mu, logvar)  # (B, B, M): of sample i under image k
    posterior = _log_normal(z, mu, logvar).sum(1)
    joint = torch.logsumexp(density.sum(2) + weights, 1)
    marginals = torch.logsumexp(density + weights[:, :, None], 1).sum(1)
    prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return KLParts(posterior - joint, joint - marginals, marginals - prior)


def _log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * ((z - mu).square() * torch.exp(-logvar) + logvar + math.log(2 * math.pi))


def capacity(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · |KL − C|, C rising linearly to `spec.capacity` (Burgess et al. 2018, eq. 8).

    The KL is the batch's mean, and their γ is our beta. C = 0 is the β-VAE to the bit.
    """
    terms = model.terms(x, eps, spec.training_likelihood)
    target = capacity_at(spec, progress)
    side = torch.sign(terms.kl.detach().sum(1).mean() - target)
    return terms, beta_loss(terms, beta * side, spec) - beta * side * target


def capacity_at(spec: RunSpec, progress: float) -> float:
    """Return C, nats, when a share `progress` of the training is done."""
    return spec.capacity * min(1.0, progress * spec.epochs / (spec.capacity_epochs or spec.epochs))


def dip_vae_ii(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """The β-VAE + λ · distance of Cov[z] from the identity (Kumar et al. 2018, DIP-VAE-II, λ_d = λ_od).

    λ is `spec.penalty`; theirs has β = 1.
    """
    terms = model.terms(x, eps, spec.training_likelihood)
    return terms, beta_loss(terms, beta, spec) + spec.penalty * covariance_penalty(*terms.gaussian)


def covariance_penalty(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return Σ_ij (Cov[z] − 1)_ij² of the batch, with Cov[z] = Cov[mu] + diag E[exp logvar].

    0 exactly where latents are uncorrelated and of unit variance.
    """
    centred = mu - mu.mean(0)  # torch.cov would wait for the device
    covariance = centred.T @ centred / len(mu) + torch.diag(logvar.exp().mean(0))
    return (covariance - torch.eye(mu.shape[1], device=mu.device)).square().sum()


def factor_vae(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float, discriminator: nn.Module
) -> tuple[ElboTerms, Tensor]:
    """The β-VAE + γ · total correlation as a discriminator estimates it (Kim & Mnih 2018, eq. 3 and 5).

    The discriminator's output is log q(z)/Π_j q(z_j): it is taught to tell latents from latents permuted
    among the images of the batch, each on its own. γ is `spec.penalty`; theirs has β = 1. The loss contains
    the discriminator's own, whose gradient reaches the discriminator alone, as that of the rest reaches the
    VAE alone.
    """
    noise, shuffle = eps.split(model.noise_dim, dim=1)
    terms = model.terms(x, noise, spec.training_likelihood)
    z = sample(*terms.gaussian, noise)
    fixed = {name: weight.detach() for name, weight in discriminator.named_parameters()}
    total_correlation = functional_call(discriminator, fixed, z).mean()
    latents = z.detach()
    permuted = latents.gather(0, shuffle.argsort(0))
    wrong = F.softplus(-discriminator(latents)).mean() + F.softplus(discriminator(permuted)).mean()
    return terms, beta_loss(terms, beta, spec) + spec.penalty * total_correlation + 0.5 * wrong


def latent_discriminator(spec: RunSpec) -> nn.Module:
    """Return a discriminator of latents (B, M) with output (B, 1), its weights drawn by the spec's seed.

    Kim & Mnih have six layers of 1000 units, which would cost more than the VAE at 32 pixels; four of 256
    cost a twentieth of it.
    """
    widths = [spec.latent_dim, *DISCRIMINATOR_LAYERS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        hidden = [
            layer
            for inputs, outputs in itertools.pairwise(widths)
            for layer in (nn.Linear(inputs, outputs), nn.LeakyReLU(0.2))
        ]
        return nn.Sequential(*hidden, nn.Linear(widths[-1], 1))


DISCRIMINATOR_LAYERS = (256, 256, 256, 256)


def pair(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """The β-VAE + w · (what turning an image does to its code, less what it should do)²: self-supervised.

    No label is used, but images are turned by known angles δ, uniform in ±`spec.rotation_range` / 2. What
    that should do: the first latent moves by δ / `pair_scale`, the others stay. w is `spec.penalty`. The
    turned image is encoded and not decoded.
    """
    noise, column = eps[:, : model.noise_dim], eps[:, -1]
    terms = model.terms(x, noise, spec.training_likelihood)
    degrees = 0.5 * spec.rotation_range * uniform(column)
    moved, _ = model.encode(turned(x, degrees).contiguous(memory_format=torch.channels_last))
    should = F.pad((degrees / pair_scale(spec))[:, None], (0, moved.shape[1] - 1))
    return terms, beta_loss(terms, beta, spec) + spec.penalty * (
        moved - terms.gaussian[0] - should
    ).square().sum(1).mean()


def pair_scale(spec: RunSpec) -> float:
    """Return the degrees to a unit of the first latent: the range of angles is from −2 to 2."""
    return spec.rotation_range / 2


def joint(
    model: VAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · |KL_z − C| + β · |KL_c − min(C, log 10)| (Dupont 2018, eq. 7).

    For a `JointVAE`, whose category c would stay unused without a capacity of its own; their γ is our beta.
    """
    terms = model.terms(x, eps, spec.training_likelihood)
    of_z, of_c = (part.sum(1).mean() for part in terms.kl.tensor_split((spec.latent_dim,), dim=1))
    target = capacity_at(spec, progress)
    of_category = min(target, math.log(terms.kl.shape[1] - spec.latent_dim))
    return terms, terms.recon.mean() + beta * ((of_z - target).abs() + (of_c - of_category).abs())


def pose_loss(
    model: PoseVAE, x: Tensor, eps: Tensor, beta: float, spec: RunSpec, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Reconstruction + β · KL of a pose and a content, + the pose's surprise at turns of our own.

    For a `PoseVAE`, whose energies learn from `PoseVAE.surprise` alone, every second batch. The last column
    of eps decides the angles, uniform around the circle, by which images are turned and asked about. No
    angle is given away: these turns are our own.
    """
    noise, turn = eps.split((model.noise_dim, 1), dim=1)
    step = round(progress * spec.epochs * spec.n_batches)
    if step % ASKED_EVERY:
        terms = model.terms(x, noise, spec.training_likelihood)
        return terms, beta_loss(terms, beta, spec)
    turns = (BINS * (0.5 + 0.5 * uniform(turn[:, 0]))).long().clamp(max=BINS - 1)
    surprise, log_q = model.surprise(x, turns)
    terms = model.terms_at(x, noise, spec.training_likelihood, log_q)
    return terms, beta_loss(terms, beta, spec) + surprise.mean()
