"""What an affine VAE does at its best, from the images alone: which latents it uses, and for what."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, subspace_angles

from vaelib.errors import InputError, check_choice

NOISE = {"gaussian": 0.5, "bernoulli": 1.0}
"""Noise variance in the coordinates of `linear_theory`; a sum of squares is −log N(x; ·, ½)."""


@dataclass(frozen=True, eq=False)
class LinearTheory:
    """What an affine VAE does at its best, from the images alone.

    `thresholds` (m,), falling: latent i is silent from β_eff = threshold up. `basis` (P, m): the change of
    the pixels that latent i makes about the mean image, of unit length.
    """

    thresholds: np.ndarray
    basis: np.ndarray

    def kl(self, beta: float) -> np.ndarray:
        """Return the KL of each latent at an effective beta, nats (m,): ½ ln(threshold / β), at least 0."""
        return 0.5 * np.log(np.maximum(self.thresholds / beta, 1.0))


def linear_theory(pixels: np.ndarray, likelihood: str, m: int) -> LinearTheory:
    """Return thresholds and directions of an affine VAE with M = m latents for pixels (N, P) in [0, 1].

    Gaussian pixels: probabilistic PCA with noise variance β/2, because the sum of squares is the log
    likelihood of variance ½; a component is active iff λ_i > β/2 (Tipping & Bishop 1999; Lucas et al. 2019),
    and thresholds are 2 λ_i, of the covariance C. Bernoulli pixels with logits b + V z: to second order
    about the mean image p, a direction v of logits pays iff vᵀ C v > β vᵀ P v with P = diag p(1 − p), so
    that thresholds are the eigenvalues of P^−½ C P^−½. The largest threshold of either likelihood is exact
    with our sigmoid at the output: above it, silence is stable. The others, and the KL, take the sigmoid for
    a straight line although codes are in use. Pixels that no image lights are left out.

    Raises `InputError` for a likelihood that is unknown, or more latents than pixels.
    """
    check_choice("likelihood", likelihood, NOISE)
    x = np.asarray(pixels, dtype=float)
    if not 1 <= m <= x.shape[1]:
        raise InputError(f"m {m} is refused; accepted: 1 to the number of pixels, {x.shape[1]}.")
    mean = x.mean(0)
    curvature = mean * (1 - mean)
    root = np.sqrt(curvature) if likelihood == "bernoulli" else np.ones_like(mean)
    weight = np.divide(1.0, root, out=np.zeros_like(mean), where=curvature > 0)
    scaled = np.cov(x, rowvar=False, bias=True) * np.outer(weight, weight)
    values, vectors = eigh(scaled, subset_by_index=[len(mean) - m, len(mean) - 1])
    basis = root[:, None] * vectors[:, ::-1]
    return LinearTheory(values[::-1] / NOISE[likelihood], basis / np.linalg.norm(basis, axis=0))


def pixel_changes(matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return how pixels change with each latent at z = 0, (P, M): p(1 − p) V for logits V z + b, p = σ(b)."""
    p = 1 / (1 + np.exp(-np.asarray(offset)))
    return (p * (1 - p))[:, None] * np.asarray(matrix)


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the principal angles between the spans of the columns of (P, k) and (P, l), degrees, rising.

    0 for a direction that both hold, 90 for one that is at right angles to all of the other span.
    """
    return np.degrees(subspace_angles(a, b))[::-1]
