"""The two terms of the bound, kept per image and per latent, and the objective made of them.

Convention: reconstruction summed over pixels, KL summed over latents, both in nats and averaged over
images. Anything else a loss may have averaged is a change of the effective beta.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vaelib.spec import RunSpec


@dataclass(frozen=True)
class ElboTerms:
    """−log p(x|z) of each image (B,) and KL(q(z_j|x) ‖ p(z_j)) of each image and latent (B, M), nats.

    mu, logvar (B, M): the posterior that they are of, where it is Gaussian.
    """

    recon: Tensor
    kl: Tensor
    mu: Tensor | None = None
    logvar: Tensor | None = None

    @property
    def gaussian(self) -> tuple[Tensor, Tensor]:
        """The mean and the log variance (B, M) of the posterior; raises `ValueError` where it has none."""
        if self.mu is None or self.logvar is None:
            raise ValueError("these terms are of a posterior that is not Gaussian in all of its columns")
        return self.mu, self.logvar


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


def categorical_kl(probabilities: Tensor) -> Tensor:
    """Return KL(q ‖ uniform) of K categories as K parts that are never negative (B, K), nats.

    Part k is q_k log(K q_k) − q_k + 1/K; what is added to the usual summand adds up to zero.
    """
    k = probabilities.shape[1]
    return torch.special.xlogy(probabilities, k * probabilities) - probabilities + 1 / k


BLURS = (1 / 32, 1 / 16)
"""Standard deviations of the blurs, as shares of the image's side."""


def bernoulli_multiscale_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Return a cross-entropy (B,), nats, that also sees how far away a missing stroke is.

    H(x) + ⅓ Σ_k [CE(G_k x, G_k p) − H(G_k x)] over three scales: as it is, and blurred by Gaussians G of
    σ = side/32 and side/16 (2 and 4 pixels of 64). A perfect reconstruction, and flat images, cost what
    they cost `bernoulli_nll`. It is no likelihood: bounds are measured with the plain one.
    """
    scales = [(x, F.binary_cross_entropy_with_logits(logits, x, reduction="none"))]
    p = torch.sigmoid(logits)
    for share in BLURS:
        blur = blur_matrix(x.shape[-1], share * x.shape[-1]).to(x)
        target = (blur @ x @ blur.T).clamp(0, 1)  # rounding passes 1
        blurred = (blur @ p @ blur.T).clamp(1e-6, 1 - 1e-6)
        scales.append((target, F.binary_cross_entropy(blurred, target, reduction="none")))
    divergences = [cross - _entropy(target) for target, cross in scales]
    return (_entropy(x) + sum(divergences) / len(divergences)).flatten(1).sum(1)


def blur_matrix(side: int, sigma: float) -> Tensor:
    """Return the Gaussian blur of a row (side, side); rows sum to 1, so that flat stays flat at the edges."""
    steps = torch.arange(side)
    weights = torch.exp(-0.5 * ((steps[:, None] - steps[None]) / sigma).square())
    return weights / weights.sum(1, keepdim=True)


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p) - torch.special.xlogy(1 - p, 1 - p)


LIKELIHOODS = {"bernoulli": bernoulli_nll, "gaussian": gaussian_nll}
RECONSTRUCTIONS = LIKELIHOODS | {"bernoulli_multiscale": bernoulli_multiscale_nll}
"""What a reconstruction can be measured by: the likelihoods, and what is only trained with."""


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


REFERENCE_SIDE = 64
"""Pixels, the presentation's: to this side betas of images of other sizes are brought (`matched_beta`)."""


def matched_beta(spec: RunSpec) -> float:
    """Return the effective beta a run would have on 64×64 images: β_eff · 64² / N for images of N pixels.

    The same digit has N pixels and no more content, so that the reconstruction in nats grows as N does:
    runs of equal β_eff / N weigh the KL alike (β_norm of Higgins et al. 2017, for equal M).
    """
    return beta_eff(spec) * REFERENCE_SIDE**2 / spec.n_pixels


def beta_norm(spec: RunSpec) -> float:
    """Return beta · M / N, comparable between image sizes N and latent sizes M (Higgins et al. 2017)."""
    return beta_eff(spec) * spec.latent_dim / spec.n_pixels


def beta_loss(terms: ElboTerms, beta: float | Tensor, spec: RunSpec) -> Tensor:
    """Return the β-VAE loss, E_x[ w_recon · recon + beta · w_KL · Σ_j KL_j ] (Higgins et al. 2017, eq. 4)."""
    on_recon, on_kl = reduction_weights(spec.reduction, spec.n_pixels, spec.latent_dim)
    return (on_recon * terms.recon + beta * on_kl * terms.kl.sum(1)).mean()
