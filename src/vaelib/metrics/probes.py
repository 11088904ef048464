"""What a code tells about the factors, and what each latent does to the image: arrays in, numbers out."""

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import centred, ratio

NEIGHBOURS = 10
"""k of all nearest-neighbour probes, in the latent space as it is: its unit is the prior's SD."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval over resampled images."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "undefined"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def halves(index: np.ndarray) -> np.ndarray:
    """Return which images to fit on, bool (N,); the others are scored.

    The split is by the source digit's index in its file, so that an upright image and its rotated
    version are never on both sides.
    """
    return np.asarray(index) % 2 == 0


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return 1 − Σ(truth − predicted)² / Σ(truth − mean)²: 1 is perfect, 0 no better than the mean.

    NaN of a constant truth, of which there is nothing to predict.
    """
    if np.ptp(truth) == 0:
        return float("nan")
    return float(1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def line_predictions(mu: np.ndarray, target: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the predictions of one least-squares line per latent for the images not fitted on.

    mu (N, M), target (N,), fit bool (N,) → (M, N scored). A latent without variance predicts the mean.
    """
    x, y = mu[fit].astype(float), target[fit].astype(float)
    from_mean = centred(x)
    variance = (from_mean**2).mean(0)
    covariance = (from_mean * centred(y)[:, None]).mean(0)
    slope = ratio(covariance, variance, 0)
    return (y.mean() + slope * (mu[~fit] - x.mean(0))).T


def line_r2(mu: np.ndarray, target: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the R² (M,) of a line from each latent alone, fitted on one half and scored on the other."""
    return np.array([r2(target[~fit], line) for line in line_predictions(mu, target, fit)])


def best_line(mu: np.ndarray, target: np.ndarray, fit: np.ndarray) -> int:
    """Return the 0-based latent that correlates most with the target on the half that is fitted on.

    Choosing and scoring on the same images would favour the luckiest of M latents.
    """
    x, y = centred(mu[fit]), centred(target[fit])
    return int((np.abs(y @ x) / np.maximum(np.linalg.norm(x, axis=0), np.finfo(float).tiny)).argmax())


def knn_values(mu: np.ndarray, target: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the mean target of the 10 nearest fitted codes, for the images not fitted on (N scored,)."""
    return KNeighborsRegressor(NEIGHBOURS).fit(mu[fit], target[fit]).predict(mu[~fit])


def knn_classes(mu: np.ndarray, target: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the commonest class of the 10 nearest fitted codes, of the images not fitted on (N scored,)."""
    return KNeighborsClassifier(NEIGHBOURS).fit(mu[fit], target[fit]).predict(mu[~fit])


def bootstrap_r2(truth: np.ndarray, predicted: np.ndarray, seed: int = 0, draws: int = 1000) -> Estimate:
    """Return R² with its 95 % percentile interval over images drawn with replacement.

    The predictions stay as they are: the interval covers the choice of test images, not that of the
    fitted half, of the training set or of the seed. NaN of a constant truth.
    """
    if np.ptp(truth) == 0:
        return Estimate(*[float("nan")] * 3)
    chosen = np.random.default_rng(seed).integers(len(truth), size=(draws, len(truth)))
    drawn = np.array([r2(truth[rows], predicted[rows]) for rows in chosen])
    low, high = np.quantile(drawn[~np.isnan(drawn)], [0.025, 0.975])
    return Estimate(r2(truth, predicted), float(low), float(high))


def angle_read(mu: np.ndarray, angle: np.ndarray, fit: np.ndarray) -> tuple[int, Estimate, Estimate]:
    """Return the 0-based latent of the best line, and R² of the angle from that line and from all latents.

    mu (N, M), angle (N,), degrees, fit bool (N,); all latents by nearest neighbours (`knn_values`).
    """
    best, truth = best_line(mu, angle, fit), angle[~fit]
    line = bootstrap_r2(truth, line_predictions(mu, angle, fit)[best])
    return best, line, bootstrap_r2(truth, knn_values(mu, angle, fit))


def eta_squared(mu: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the share of each latent's variance that lies between classes (M,): η² = SS_between / SS_total.

    A latent without variance has share 0.
    """
    rest = centred(mu)
    between = sum((classes == c).sum() * rest[classes == c].mean(0) ** 2 for c in np.unique(classes))
    return ratio(between, (rest**2).sum(0), 0)


def mean_square_distance(images: np.ndarray) -> float:
    """Return E‖x − x'‖² of two different images of (N, …), drawn at random: twice the summed variance."""
    pixels = images.reshape(len(images), -1)
    return float(2 * np.where(np.ptp(pixels, axis=0) > 0, pixels.var(0, ddof=1), 0).sum())


def traversal_energy(low: np.ndarray, high: np.ndarray, images: np.ndarray) -> float:
    """Return what a latent moves in units of two images' distance: E‖g(z_high) − g(z_low)‖² / E‖x − x'‖².

    low, high (N, S, S): decoded with one latent at its 5 % and at its 95 % quantile, the others as encoded;
    images (N', S, S): those whose distance is the unit. NaN where all of them are the same.
    """
    moved = ((high - low) ** 2).reshape(len(low), -1).sum(1).mean()
    unit = mean_square_distance(images)
    return float(moved / unit) if unit > 0 else float("nan")


def change_map(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the root mean square change of each pixel (S, S) between images (N, S, S) and (N, S, S)."""
    return np.sqrt(((high - low) ** 2).mean(0))


def agreement(changes: np.ndarray) -> float:
    """Return the mean cosine between the changes (N, …) that one latent makes to N different images.

    1: it does the same to every image; 0: what it does to one says nothing about the next. Σ_{a≠b}
    cos(d_a, d_b) / N(N − 1); images that do not change are left out, and fewer than two give 0. Changes as
    small as rounding errors agree as little as those.
    """
    flat = changes.reshape(len(changes), -1).astype(float)
    norms = np.linalg.norm(flat, axis=1)
    unit = flat[norms > 0] / norms[norms > 0, None]
    n = len(unit)
    return float(((unit.sum(0) ** 2).sum() - n) / (n * (n - 1))) if n > 1 else 0.0


def latent_correlations(mu: np.ndarray) -> np.ndarray:
    """Return Pearson's correlations of the latents (M, M); a latent without variance correlates 0."""
    rest = centred(mu)
    unit = ratio(rest, np.linalg.norm(rest, axis=0), 0)
    return unit.T @ unit


def mean_abs_correlation(mu: np.ndarray) -> float:
    """Return the mean of |r| over the pairs of different latents (N, M), M ≥ 2."""
    upper = np.triu_indices(mu.shape[1], k=1)
    return float(np.abs(latent_correlations(mu)[upper]).mean())


def tsne(mu: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return a t-SNE plane (N, 2) of codes, started at their first two principal components.

    van der Maaten & Hinton 2008, Barnes-Hut approximation, on one thread so that sums keep their order.
    Raises `InputError` unless 1 ≤ perplexity < N.
    """
    if not 1 <= perplexity < len(mu):
        raise InputError(
            f"perplexity {perplexity:g} is refused for {len(mu)} codes; "
            f"accepted: 1 to less than {len(mu)}. Lower it or show more codes."
        )
    with threadpool_limits(1):
        return TSNE(
            perplexity=perplexity, init="pca", method="barnes_hut", random_state=seed, n_jobs=1
        ).fit_transform(mu)


def target_entropy(images: np.ndarray) -> np.ndarray:
    """Return the least cross-entropy that a prediction of grey pixels can reach, (N, …) → (N,), nats.

    −Σ x ln x + (1 − x) ln(1 − x): a perfect reconstruction still costs this much, and black or white pixels
    cost nothing.
    """
    x = images.reshape(len(images), -1).astype(float)
    return -(xlogy(x, x) + xlogy(1 - x, 1 - x)).sum(1)
