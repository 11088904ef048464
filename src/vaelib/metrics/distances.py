"""How far images are from each other: arrays in, numbers out."""

from collections.abc import Callable

import numpy as np
import pandas as pd


def squared_distances(images: np.ndarray) -> np.ndarray:
    """Return ‖x_a − x_b‖² between all images, (N, P) → (N, N), zeros on the diagonal."""
    flat = np.asarray(images, dtype=float)
    norms = (flat**2).sum(1)
    distances = np.maximum(norms[:, None] + norms[None] - 2 * flat @ flat.T, 0)
    np.fill_diagonal(distances, 0)
    return distances


def relative_distances(
    changed: np.ndarray, between: np.ndarray, labels: np.ndarray, draws: int = 500
) -> pd.DataFrame:
    """Return how far changed images are from the unchanged ones, in units of two different digits.

    `changed` (N, K) holds the squared distance of each image to its k-th change, `between` (N, N) that
    between unchanged images, `labels` (N,) their classes. Rows 0 … K−1 are E_i changed_ik / E between
    pairs of different labels; the row "same label" is that ratio for pairs that share theirs. Columns:
    ratio, and low and high, the 95 % bootstrap interval over images (percentiles of `draws` resamples,
    in which a pair counts as often as both its images were drawn, and never an image with itself).
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

    resamples = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    low, high = np.percentile(ratios(resamples), [2.5, 97.5], axis=0)
    return pd.DataFrame(
        {"ratio": ratios(np.ones((1, n)))[0], "low": low, "high": high},
        index=[*range(changed.shape[1]), "same label"],
    )


def distances_when_turned(
    drawn: Callable[[float], np.ndarray], labels: np.ndarray, turns: np.ndarray
) -> pd.DataFrame:
    """Return `relative_distances` of images to themselves turned; `drawn` gives them (N, P) at an angle.

    A row a turn, degrees: the mean of the squared distances after turning by it and by its opposite.
    """
    upright = drawn(0.0)
    moves = [((drawn(sign * turn) - upright) ** 2).sum(1) for turn in turns for sign in (1, -1)]
    of_both = np.stack(moves, axis=1).reshape(len(labels), len(turns), 2).mean(2)
    return relative_distances(of_both, squared_distances(upright), labels)
