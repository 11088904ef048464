"""The two terms of the bound, kept per picture and per latent, and the objective made of them.

Convention: reconstruction summed over pixels, KL summed over latents, both in nats and averaged over
pictures. Anything else a loss may have averaged is a change of the effective beta.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vaelib.spec import RunSpec


@dataclass(frozen=True)
class ElboTerms:
    """−log p(x|z) of each picture (B,) and KL(q(z_j|x) ‖ p(z_j)) of each picture and latent (B, M), nats."""

    recon: Tensor
    kl: Tensor


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Return −log p(x|z) of Bernoulli pixels (B,), nats: Σ_pixels log(1 + e^l) − x·l.

    For grey targets this is the cross-entropy, bounded below by the targets' own entropy.
    """
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Return the sum of squared errors (B,): −log N(x; sigmoid(l), ½) without its constant, nats."""
    return (torch.sigmoid(logits) - x).square().flatten(1).sum(1)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, exp logvar) ‖ N(0, 1)) per latent (B, M), nats: ½(mu² + e^logvar − 1 − logvar).

    Kingma & Welling 2014, appendix B.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


LIKELIHOODS = {"bernoulli": bernoulli_nll, "gaussian": gaussian_nll}


def elbo_terms(logits: Tensor, mu: Tensor, logvar: Tensor, x: Tensor, likelihood: str) -> ElboTerms:
    """Return both terms of the bound at one latent sample; their sum is the negative ELBO."""
    return ElboTerms(LIKELIHOODS[likelihood](logits, x), gaussian_kl(mu, logvar))


def reduction_weights(reduction: str, n_pixels: int, latent_dim: int) -> tuple[float, float]:
    """Return the weights that a way of averaging puts on the summed reconstruction and on the summed KL.

    >>> reduction_weights("mean_pixels", 4096, 10)
    (0.000244140625, 1.0)
    """
    return {
        "sum": (1.0, 1.0),
        "mean_latents": (1.0, 1 / latent_dim),
        "mean_pixels_784": (784 / n_pixels, 1.0),
        "mean_pixels_784_mean_latents": (784 / n_pixels, 1 / latent_dim),
        "mean_pixels_mean_latents": (1 / n_pixels, 1 / latent_dim),
        "mean_pixels": (1 / n_pixels, 1.0),
    }[reduction]


def beta_eff(spec: RunSpec) -> float:
    """Return the beta that gives the same optimum under the convention of sums: beta · w_KL / w_recon."""
    on_recon, on_kl = reduction_weights(spec.reduction, spec.n_pixels, spec.latent_dim)
    return spec.beta * on_kl / on_recon


def beta_norm(spec: RunSpec) -> float:
    """Return beta · M / N, comparable between picture sizes N and latent sizes M (Higgins et al. 2017)."""
    return beta_eff(spec) * spec.latent_dim / spec.n_pixels


def beta_loss(terms: ElboTerms, beta: float, spec: RunSpec) -> Tensor:
    """Return the β-VAE loss, E_x[ w_recon · recon + beta · w_KL · Σ_j KL_j ] (Higgins et al. 2017, eq. 4)."""
    on_recon, on_kl = reduction_weights(spec.reduction, spec.n_pixels, spec.latent_dim)
    return (on_recon * terms.recon + beta * on_kl * terms.kl.sum(1)).mean()
