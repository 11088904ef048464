"""How a latent responds while a digit is turned: how monotone, and what of the class is in it.

mu (I, A, M) are the codes of I digits, each at the same A angles.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import mean_of_finite, ratio
from vaelib.metrics.inputs import latent_index
from vaelib.metrics.probes import knn_classes
from vaelib.metrics.rotation import read_sweep


@dataclass(frozen=True, eq=False)
class Bands:
    """The response of latents to the angle over digits: mean and two quantiles, each (A, M)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def rank_correlations(mu: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return Spearman's ρ between the angle and each latent, digit by digit: (I, A, M), (A,) → (I, M).

    ±1 for a digit whose latent rises or falls throughout; NaN for one whose latent does not move.
    """
    mu = read_sweep(mu)
    ranks = rankdata(mu, axis=1) - (mu.shape[1] + 1) / 2
    order = rankdata(angles) - (mu.shape[1] + 1) / 2
    norms = np.sqrt((ranks**2).sum(1) * (order**2).sum())
    return ratio(np.einsum("iam,a->im", ranks, order), norms)


def monotonicity(mu: np.ndarray, angles: np.ndarray, draws: int = 20) -> pd.DataFrame:
    """Return how monotone the responses (I, A, M) are, and whether digits agree: a row a latent, from 1.

    From ρ of `rank_correlations`: mean_abs, mean |ρ|, a monotone response of each digit by itself; abs_mean,
    |mean ρ|, in the same direction for all; consistency, the share of digits of the commoner sign.

    None of these is near 0 by chance, since responses are smooth. mean_abs_null is the mean |ρ| of curves as
    smooth as these which do not know where −90° is: each response followed by its mirror image is a closed
    curve, entered anywhere (`draws` random places a digit). abs_mean_null is the mean of |mean ρ| when every
    digit has a direction of its own, √(2/π · mean ρ² / I). NaN for a latent without variance.
    """
    mu, rho = read_sweep(mu), rank_correlations(mu, angles)
    rng, (n, a, m) = np.random.default_rng(0), mu.shape
    closed = np.concatenate([mu, mu[:, ::-1]], axis=1)
    null = np.zeros((n, m))
    for _ in range(draws):
        places = (rng.integers(2 * a, size=(n, 1)) + np.arange(a)) % (2 * a)
        null += (
            np.abs(rank_correlations(np.take_along_axis(closed, places[..., None], axis=1), angles)) / draws
        )
    rising, moving = (rho > 0).sum(0), np.isfinite(rho).sum(0)
    return pd.DataFrame(
        {
            "mean_abs": mean_of_finite(np.abs(rho)),
            "mean_abs_null": mean_of_finite(null),
            "abs_mean": np.abs(mean_of_finite(rho)),
            "abs_mean_null": np.sqrt(2 / np.pi * ratio(mean_of_finite(rho**2), moving)),
            "consistency": ratio(np.maximum(rising, moving - rising), moving),
        },
        index=latent_index(m),
    )


def response_bands(mu: np.ndarray) -> Bands:
    """Return mean, 10 % and 90 % quantile over digits of the responses (I, A, M) at each angle."""
    return Bands(mu.mean(0), *np.quantile(mu, [0.1, 0.9], axis=0))


def invariance(
    mu: np.ndarray,
    digit: np.ndarray,
    angles: np.ndarray,
    dim: int,
    fit: np.ndarray,
    edges: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Return how well the class is read from the codes (I, A, M) with and without latent `dim` (0-based).

    Accuracy of k nearest neighbours (`probes.knn_classes`) fitted at all angles of the digits `fit`,
    bool (I,), and scored on the others: columns all, without, alone, n images. A row a range of |angle|
    between two `edges` (left out: six equal ones up to the largest angle), the right end in, named by it, and
    the row "all". A latent that holds rotation alone leaves `without` as
    it is, and says nothing `alone`: accuracy 0.1 with ten classes of equal size. Raises `InputError` for a
    latent that is not there, or where no other one is left.
    """
    mu, fit = read_sweep(mu), np.asarray(fit, dtype=bool)
    m = mu.shape[2]
    if m < 2 or not 0 <= dim < m:
        raise InputError(
            f"latent {dim} of {m} is refused; accepted: 0 to {m - 1}, among two latents or more."
        )
    rows, fitted = mu.reshape(-1, m), np.repeat(fit, len(angles))
    truth, size = np.repeat(digit, len(angles)), np.tile(np.abs(angles), len(digit))[~fitted]
    codes = {"all": rows, "without": np.delete(rows, dim, axis=1), "alone": rows[:, [dim]]}
    right = pd.DataFrame(
        {name: knn_classes(part, truth, fitted) == truth[~fitted] for name, part in codes.items()}
    )
    cuts = np.linspace(0, np.abs(angles).max(), 7).tolist() if edges is None else list(edges)
    ranges = pd.cut(
        size, cuts, include_lowest=True, labels=[f"{a:g}–{b:g}" for a, b in itertools.pairwise(cuts)]
    )
    table = right.groupby(ranges, observed=False).mean()
    table["n"] = pd.Series(ranges).value_counts()
    table.index = table.index.astype(str)
    table.loc["all"] = [*right.mean(), len(right)]
    return table.astype({"n": int}).rename_axis("angle")


def latents_moved(mu: np.ndarray, far: float) -> np.ndarray:
    """Return how many latents of each digit cover more than `far` while it is turned: (I, A, M) → (I,).

    >>> latents_moved(np.array([[[0.0, 0.0], [1.0, 0.2]]]), far=0.5).tolist()
    [1]
    """
    return (np.ptp(mu, axis=1) > far).sum(-1)
