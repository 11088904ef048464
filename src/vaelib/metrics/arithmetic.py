"""What several metrics compute alike, with its empty cases: ratios, means, the largest two, entropies."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy


def ratio(part: ArrayLike, whole: ArrayLike, otherwise: float = np.nan) -> np.ndarray:
    """Return part / whole, float64 of their common shape, and `otherwise` where whole is not above 0.

    >>> ratio([1.0, 2.0], [4.0, 0.0], otherwise=0).tolist()
    [0.25, 0.0]
    """
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(whole.shape, float(otherwise)), where=whole > 0)


def mean(values: np.ndarray) -> float:
    """Return the mean, NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def mean_of_finite(rows: np.ndarray) -> np.ndarray:
    """Return the mean of each column over what is finite, (N, M) → (M,), NaN where nothing is."""
    finite = np.isfinite(rows)
    return ratio(np.where(finite, rows, 0).sum(0), finite.sum(0))


def largest_two(table: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest and the second largest of each column, (M, K) → (K,) twice; below one row is 0."""
    rows = np.asarray(table)
    ordered = np.sort(np.vstack([np.zeros(rows.shape[1]), rows]), axis=0)
    return ordered[-1], ordered[-2]


def entropy(counts: np.ndarray) -> float:
    """Return the entropy in nats of what was counted, corrected by Miller and Madow.

    H = −Σ p ln p + (m − 1)/2N, p = counts / N, m the number of occupied cells (Miller 1955).
    """
    p = counts / counts.sum()
    return float(-xlogy(p, p).sum() + (np.count_nonzero(counts) - 1) / (2 * counts.sum()))


def centred(values: np.ndarray) -> np.ndarray:
    """Return values (N, …) less their mean over the first axis; what is constant is exactly 0.

    The mean of N equal numbers need not be that number: what is left would pass for a tiny variance, and a
    ratio of two such, as R² is, for a result.
    """
    return np.where(np.ptp(values, axis=0) > 0, values.astype(float) - values.mean(0), 0.0)
