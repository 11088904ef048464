"""How good images are, rebuilt or invented: arrays in, numbers out."""

import numpy as np
from scipy.special import logsumexp, xlogy
from skimage.metrics import structural_similarity

from vaelib.errors import InputError

LEAST_PROBABILITY = 1e-6
"""Probabilities are cut to [this, 1 − this]: rounded to 0 or 1, one wrong pixel would cost infinitely much.
It moves a trained network's cross-entropy by less than 0.1 nats an image."""

SSIM_SIGMA = 1.5
SSIM_WINDOW = 11
"""Side of the window in pixels: 3.5 SD of the Gaussian to each side, as in Wang et al. 2004."""


def excess_bce(images: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each image above the least possible one, (N, S, S) twice → (N,), nats.

    Σ_pixels −x ln p − (1 − x) ln(1 − p), minus `probes.target_entropy`: the KL of grey values x, read as
    probabilities, to p; 0 for a perfect reconstruction. Raises `InputError` for arrays of other shapes.
    """
    x, p = _flat(images, probabilities)
    p = np.clip(p, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return (xlogy(x, x / p) + xlogy(1 - x, (1 - x) / (1 - p))).sum(1)


def mse(images: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the mean squared error a pixel, (N, S, S) twice → (N,); times S² it is that of the image.

    Raises `InputError` for arrays of other shapes.
    """
    x, p = _flat(images, probabilities)
    return ((x - p) ** 2).mean(1)


def ssim(images: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the structural similarity of each image with its reconstruction, (N, S, S) twice → (N,).

    Mean over windows of the product of likeness in brightness, contrast and pattern: 1 for equal images
    (Wang et al. 2004; Gaussian windows of SD 1.5 pixels, values from 0 to 1). Black ground is alike in
    both, and counts. Raises `InputError` for other shapes or images smaller than a window, 11 pixels.
    """
    _flat(images, probabilities)
    if images.shape[1] < SSIM_WINDOW:
        raise InputError(
            f"images of {images.shape[1]} pixels are refused; accepted: a side of {SSIM_WINDOW} or more, "
            "one window of SSIM."
        )
    return np.array(
        [
            structural_similarity(
                x.astype(float),
                p.astype(float),
                gaussian_weights=True,
                sigma=SSIM_SIGMA,
                use_sample_covariance=False,
                data_range=1.0,
            )
            for x, p in zip(images, probabilities, strict=True)
        ]
    )


MEASURES = {"excess_bce": excess_bce, "mse": mse, "ssim": ssim}


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return how far apart two sets of features are, (N, D), (N', D), as if both were normal.

    ‖m_a − m_b‖² + tr(C_a + C_b − 2 (C_a^½ C_b C_a^½)^½): the squared 2-Wasserstein distance of the two
    normal distributions (Dowson & Landau 1982; Heusel et al. 2017, who take the features of Inception). Two
    samples of one distribution are not at 0: compare with two halves of the test images (1,000 each are
    7.5 apart in the features of `digit_classifier`), and only distances of the same N with each other.
    Raises `InputError` for sets of other shapes, fewer than two rows, or values that are not finite.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InputError(
            f"features {a.shape} and {b.shape} are refused; accepted: (N, D) and (N', D), two rows at least."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("features that are not finite are refused; leave those images out.")
    cov_a, cov_b = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    between = ((a.mean(0) - b.mean(0)) ** 2).sum()
    # Rounding takes two equal sets a little below 0.
    return float(max(between + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap, 0.0))


def iwae_bound(log_weights: np.ndarray) -> np.ndarray:
    """Return the importance-weighted bound on log p(x) of each image, (K, N) → (N,), nats.

    ln 1/K Σ_k w_k with ln w_k = log p(x, z_k) − log q(z_k|x) (Burda et al. 2016, eq. 8). K = 1 is the ELBO
    with one sample; on average it rises with K towards log p(x), and without spread of w it is exact. Raises
    `InputError` unless the weights are (K, N) with a draw at least.
    """
    log_weights = np.asarray(log_weights, dtype=float)
    if log_weights.ndim != 2 or len(log_weights) == 0:
        raise InputError(f"log weights {log_weights.shape} are refused; accepted: (K, N), K from 1.")
    return logsumexp(log_weights, axis=0) - np.log(len(log_weights))


def _flat(images: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if images.ndim != 3 or images.shape != probabilities.shape:
        raise InputError(
            f"images {images.shape} with probabilities {probabilities.shape} are refused; "
            "accepted: (N, S, S) twice."
        )
    x, p = (np.asarray(array, dtype=float).reshape(len(array), -1) for array in (images, probabilities))
    for name, values in (("images", x), ("probabilities", p)):
        if not (values >= 0).all() or not (values <= 1).all():
            raise InputError(f"{name} outside [0, 1] are refused; scale bytes with data.as_float.")
    return x, p
