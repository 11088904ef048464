"""Numbers about pictures and codes: arrays in, named numbers out."""

import numpy as np
import pandas as pd


def kl_per_dim(mu: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Return the KL of each latent to the standard normal prior, averaged over pictures: (N, M) → (M,), nats.

    KL_j = E_x ½(mu² + e^logvar − 1 − logvar), Kingma & Welling 2014, appendix B.
    """
    return (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).mean(0)


def active_units(mu: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Return which latents respond to the picture: Var_x(mu_j) > threshold, (N, M) → bool (M,).

    Burda et al. 2016, section 5.2; the threshold is theirs.
    """
    return mu.var(0) > threshold


def squared_distances(pictures: np.ndarray) -> np.ndarray:
    """Return ‖x_a − x_b‖² between all pictures, (N, P) → (N, N), zeros on the diagonal."""
    flat = np.asarray(pictures, dtype=float)
    norms = (flat**2).sum(1)
    distances = np.maximum(norms[:, None] + norms[None] - 2 * flat @ flat.T, 0)
    np.fill_diagonal(distances, 0)
    return distances


def relative_distances(
    changed: np.ndarray, between: np.ndarray, labels: np.ndarray, draws: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Return how far changed pictures are from the unchanged ones, in units of two different digits.

    `changed` (N, K) holds the squared distance of each picture to its k-th change, `between` (N, N) that
    between unchanged pictures, `labels` (N,) their classes. Rows 0 … K−1 are E_i changed_ik / E between
    pairs of different labels; the row "same label" is that ratio for pairs that share theirs. Columns:
    ratio, and low and high, the 95 % bootstrap interval over pictures (percentiles of `draws` resamples,
    in which a pair counts as often as both its pictures were drawn, and never a picture with itself).
    """
    n = len(labels)
    same = labels[:, None] == labels[None]
    pairs = {True: between * same, False: between * ~same}
    counts = {True: (same & ~np.eye(n, dtype=bool)).astype(float), False: (~same).astype(float)}

    def ratios(weights: np.ndarray) -> np.ndarray:
        mean = {
            alike: ((weights @ pairs[alike]) * weights).sum(1) / ((weights @ counts[alike]) * weights).sum(1)
            for alike in (True, False)
        }
        moved = weights @ changed / weights.sum(1, keepdims=True)
        return np.column_stack([moved, mean[True]]) / mean[False][:, None]

    resamples = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    low, high = np.percentile(ratios(resamples), [2.5, 97.5], axis=0)
    return pd.DataFrame(
        {"ratio": ratios(np.ones((1, n)))[0], "low": low, "high": high},
        index=[*range(changed.shape[1]), "same label"],
    )


def between_points(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """Return y at one place, linear between points (K,) in any order of x; NaN outside their range.

    >>> between_points(np.array([4.0, 0.0]), np.array([10.0, 30.0]), 1.0)
    25.0
    """
    order = np.argsort(x)
    return float(np.interp(at, np.asarray(x)[order], np.asarray(y)[order], left=np.nan, right=np.nan))


def crossing(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Return the first x at which y, linear between its points, rises to `level`; NaN when it never does.

    >>> crossing(np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 3.0]), 2.0)
    15.0
    """
    above = np.flatnonzero(y >= level)
    if len(above) == 0:
        return float("nan")
    k = above[0]
    return float(np.interp(level, y[k - 1 : k + 1], x[k - 1 : k + 1])) if k else float(x[0])


def direction(values: np.ndarray) -> str:
    """Return in words whether a sequence rises or falls, so that prose says what the numbers say.

    >>> direction([3.0, 2.0, 1.0]), direction([0, 0, 2]), direction([0, 2, 1])
    ('falls at every step', 'never falls', 'goes up and down')
    """
    steps = np.diff(values)
    if len(steps) == 0 or (steps == 0).all():
        return "does not change"
    return next(
        (
            words
            for words, holds in (
                ("rises at every step", steps > 0),
                ("falls at every step", steps < 0),
                ("never falls", steps >= 0),
                ("never rises", steps <= 0),
            )
            if holds.all()
        ),
        "goes up and down",
    )
