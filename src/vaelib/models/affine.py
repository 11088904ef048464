"""Is a network an affine map, x ↦ W x + b? If so, which one, and what would be the best one?

Convolutions, dense layers, and batch norm with its running statistics are affine, and so is any chain of
them. What is measured here tells such a chain from a network with an activation in between.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh, subspace_angles
from torch import Tensor

from vaelib.data.dataset import as_float
from vaelib.errors import InputError, check_choice
from vaelib.metrics.arithmetic import ratio
from vaelib.models.inference import BATCH, decode_logits
from vaelib.models.vae import VAE

Map = Callable[[Tensor], Tensor]


def maps(model: VAE) -> dict[str, Map]:
    """Return the three maps of a VAE in eval mode and double precision, each from rows to rows.

    "mu" and "logvar" take images (N, 1, S, S) to (N, M); "logits" takes latents (N, M) to (N, S·S).
    """
    model = copy.deepcopy(model).double().eval().requires_grad_(False)

    def in_batches(f: Map) -> Map:
        return lambda rows: torch.cat([f(batch).flatten(1) for batch in rows.double().split(BATCH)])

    return {
        "mu": in_batches(lambda x: model.encode(x)[0]),
        "logvar": in_batches(lambda x: model.encode(x)[1]),
        "logits": in_batches(model.decode),
    }


def midpoint_gap(f: Map, x: Tensor, y: Tensor) -> float:
    """Return max |f((x + y)/2) − (f(x) + f(y))/2| / SD(f): 0 for an affine map, up to rounding.

    x and y are (N, …). SD is the root mean square, over the outputs, of their standard deviations over the
    2N inputs, so that an output which hardly varies is not blown up.
    """
    ends = f(torch.cat([x, y]))
    return _in_sd(f((x + y) / 2) - (ends[: len(x)] + ends[len(x) :]) / 2, ends)


def affine_map(f: Map, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the matrix W (outputs, inputs) and the offset b (outputs,) of an affine f on inputs of `shape`.

    b = f(0). Where outputs are fewer than inputs W is the derivative at 0, else its column i is f(e_i) − b:
    either way the cheaper side, and the same matrix for an affine f.
    """
    zero = torch.zeros(shape, dtype=torch.float64)
    offset = f(zero[None])[0]
    if len(offset) < zero.numel():
        return torch.func.jacrev(lambda x: f(x[None])[0])(zero).reshape(len(offset), -1), offset
    basis = torch.eye(zero.numel(), dtype=torch.float64).reshape(-1, *shape)
    return (f(basis) - offset).T, offset


def collapse_error(f: Map, matrix: Tensor, offset: Tensor, x: Tensor) -> float:
    """Return max |f(x) − (W x + b)| / SD(f) over inputs (N, …): what is lost by keeping only W and b.

    SD is as in `midpoint_gap`.
    """
    outputs = f(x)
    return _in_sd(outputs - (x.double().flatten(1) @ matrix.T + offset), outputs)


def _in_sd(gap: Tensor, outputs: Tensor) -> float:
    return float(gap.abs().max() / outputs.var(0, correction=0).mean().sqrt())


def affinity(model: VAE, images: Tensor, mu: np.ndarray) -> dict[str, dict[str, float]]:
    """Return for "mu", "logvar" and "logits" their `midpoint_gap` and `collapse_error`.

    All in double precision. The encoder is tried on uint8 images (N, 1, S, S), the decoder on their codes
    mu (N, M); the midpoints are those of the first half of them with the second.
    """
    x, codes = as_float(images).double(), torch.as_tensor(mu).double()
    half = len(images) // 2
    return {
        name: {
            "midpoint_gap": midpoint_gap(f, rows[:half], rows[half : 2 * half]),
            "collapse_error": collapse_error(f, *affine_map(f, tuple(rows.shape[1:])), rows),
        }
        for (name, f), rows in zip(maps(model).items(), (x, x, codes), strict=True)
    }


def traversal_steps(model: VAE, starts: np.ndarray) -> np.ndarray:
    """Return what a step of 1 along each latent adds to the logits of each start (N, M): (M, N, S, S)."""
    before = decode_logits(model, starts)
    return np.stack([decode_logits(model, starts + move) - before for move in np.eye(starts.shape[1])])


def pairwise_cosines(images: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of every two of N images, (M, N, …) → (M, N(N−1)/2).

    1 where all N are the same image up to a positive factor. Raises no error on an image of zeros: its
    cosines are 0.
    """
    flat = np.asarray(images, dtype=float).reshape(*images.shape[:2], -1)
    unit = ratio(flat, np.linalg.norm(flat, axis=-1, keepdims=True), 0)
    first, second = np.triu_indices(flat.shape[1], k=1)
    return (unit @ unit.swapaxes(1, 2))[:, first, second]


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
