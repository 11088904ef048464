"""Does a latent hold rotation, and nothing else? Two-way analysis of codes of digits turned under control.

mu (I, A, M) are the codes of I digits, each at the same A angles.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import rankdata

from vaelib.errors import InputError
from vaelib.metrics.probes import Estimate, knn_classes

LEAST_VARIANCE = 0.01
"""Var(mu_j) over a sweep from which a latent can be the best: that of an active unit (Burda et al. 2016)."""

SHARES = ("eta2_angle", "eta2_image", "eta2_interaction")


@dataclass(frozen=True, eq=False)
class TwoWay:
    """Where the variance of each latent over a sweep comes from.

    `table` has a row a latent, numbered from 1. The three shares of variance add up to 1: eta2_angle (one
    response, the same for every digit), eta2_image (what the digit alone decides), eta2_interaction (each
    digit responds to the angle in its own way). purity = eta2_angle / (eta2_angle + eta2_interaction);
    exclusive = 1 − eta2_image; share is the latent's part of all variance that the angle makes, variance its
    variance. NaN throughout, variance apart, where a latent has none.
    """

    table: pd.DataFrame
    complete: float  # 1 − H_M(share): 1 when one of the M latents holds all that the angle does
    best_dim: int | None  # largest eta2_angle among latents of variance > LEAST_VARIANCE, numbered from 1

    @property
    def ris(self) -> float:
        """Rotation isolation, the eta2_angle of the best latent; NaN when no latent varies enough."""
        return float("nan") if self.best_dim is None else float(self.table["eta2_angle"][self.best_dim])


@dataclass(frozen=True)
class Isolation:
    """The rotation isolation score with its interval over digits, and the latent it belongs to.

    purity is that latent's, on the same digits: the angle's part of all that turning does to it.
    """

    ris: Estimate
    purity: float
    best_dim: int | None  # numbered from 1


@dataclass(frozen=True, eq=False)
class Bands:
    """The response of latents to the angle over digits: mean and two quantiles, each (A, M)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def two_way(mu: np.ndarray, unit: np.ndarray | None = None) -> TwoWay:
    """Split the variance of each latent (I, A, M) into angle, image and their interaction.

    mu_ia = m + A(a) + I(i) + AI(i, a), each part summing to zero over its own index, so that their variances
    add up to that of mu. Of unrelated curves eta2_angle is 1/I. `unit` (M,) are the standard deviations of
    the latents on ordinary images where they are not those of the prior, 1: variance, share and complete
    are in these units. Raises `InputError` unless mu is (I, A, M) with two digits and two angles.
    """
    mu = _checked(mu) / (1.0 if unit is None else np.asarray(unit, dtype=float))
    angle, image, rest, total = (part[0] for part in _parts(mu, np.ones((1, len(mu)))))
    shares = [_ratio(part, total) for part in (angle, image, rest)]
    moved = angle + rest
    share = _ratio(moved, np.full_like(moved, moved.sum()))
    m = len(total)
    table = pd.DataFrame(
        dict(zip(SHARES, shares, strict=True))
        | {
            "purity": _ratio(angle, moved),
            "exclusive": 1 - shares[1],
            "share": np.where(np.isnan(shares[0]), np.nan, share),
            "variance": total,
        },
        index=pd.RangeIndex(1, m + 1, name="dimension"),
    )
    best = _best(shares[0], total)
    complete = 1 + xlogy(share, share).sum() / np.log(m) if m > 1 else np.nan
    return TwoWay(table, float(complete), None if best is None else best + 1)


def rotation_isolation(
    mu: np.ndarray, fit: np.ndarray | None = None, draws: int = 1000, seed: int = 0
) -> Isolation:
    """Return RIS, the eta2_angle of the best latent of codes (I, A, M), with its 95 % bootstrap interval.

    1 if and only if one latent is a function of the angle alone. The best latent, of those whose variance is
    above `LEAST_VARIANCE`, is chosen on the digits `fit`, bool (I,), or else on every second one, and scored
    on the others, so that the luckiest of M is not favoured. Percentiles of `draws` resamples of the scored
    digits with all their angles; training and its seed are not resampled. NaN when no latent varies enough.
    Raises `InputError` for codes that are not (I, A, M), or a half of fewer than two digits.
    """
    mu = _checked(mu)
    fit = np.arange(len(mu)) % 2 == 0 if fit is None else np.asarray(fit, dtype=bool)
    chosen, scored = two_way(mu[fit]).best_dim, _checked(mu[~fit])
    if chosen is None:
        return Isolation(Estimate(*[float("nan")] * 3), float("nan"), None)
    own = scored[..., [chosen - 1]]
    counts = np.random.default_rng(seed).multinomial(len(own), np.full(len(own), 1 / len(own)), size=draws)
    (angle, _, rest, total), drawn = _parts(own, np.ones((1, len(own)))), _parts(own, counts)
    eta2 = float(_ratio(angle, total)[0, 0])
    low, high = (
        np.nanpercentile(_ratio(drawn[0], drawn[3]), [2.5, 97.5]) if np.isfinite(eta2) else [np.nan] * 2
    )
    purity = float(_ratio(angle, angle + rest)[0, 0])
    return Isolation(Estimate(eta2, float(low), float(high)), purity, chosen)


def class_breakdown(response: np.ndarray, digit: np.ndarray) -> pd.DataFrame:
    """Return the three shares of variance of one latent (I, A) within each class of digit (I,).

    A row a class with its number n of digits. The angle's share within a class counts the response that
    digits of this class have in common. NaN for a class of one digit.
    """
    rows = {}
    for c in np.unique(digit):
        own = np.asarray(response)[digit == c]
        shares = two_way(own[..., None]).table.loc[1, list(SHARES)] if len(own) > 1 else [np.nan] * 3
        rows[c] = [*shares, len(own)]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*SHARES, "n"])
    return table.astype({"n": int}).rename_axis("digit")


def rank_correlations(mu: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return Spearman's ρ between the angle and each latent, digit by digit: (I, A, M), (A,) → (I, M).

    ±1 for a digit whose latent rises or falls throughout; NaN for one whose latent does not move.
    """
    mu = _checked(mu)
    ranks = rankdata(mu, axis=1) - (mu.shape[1] + 1) / 2
    order = rankdata(angles) - (mu.shape[1] + 1) / 2
    norms = np.sqrt((ranks**2).sum(1) * (order**2).sum())
    return _ratio(np.einsum("iam,a->im", ranks, order), norms)


def monotonicity(mu: np.ndarray, angles: np.ndarray, draws: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return how monotone the responses (I, A, M) are, and whether digits agree: a row a latent, from 1.

    From ρ of `rank_correlations`: mean_abs, mean |ρ|, a monotone response of each digit by itself; abs_mean,
    |mean ρ|, in the same direction for all; consistency, the share of digits of the commoner sign.

    None of these is near 0 by chance, since responses are smooth. mean_abs_null is the mean |ρ| of curves as
    smooth as these which do not know where −90° is: each response followed by its mirror image is a closed
    curve, entered anywhere (`draws` random places a digit). abs_mean_null is the mean of |mean ρ| when every
    digit has a direction of its own, √(2/π · mean ρ² / I). NaN for a latent without variance.
    """
    mu, rho = _checked(mu), rank_correlations(mu, angles)
    rng, (n, a, m) = np.random.default_rng(seed), mu.shape
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
            "mean_abs": _mean(np.abs(rho)),
            "mean_abs_null": _mean(null),
            "abs_mean": np.abs(_mean(rho)),
            "abs_mean_null": np.sqrt(2 / np.pi * _ratio(_mean(rho**2), moving)),
            "consistency": _ratio(np.maximum(rising, moving - rising), moving),
        },
        index=pd.RangeIndex(1, m + 1, name="dimension"),
    )


def response_bands(mu: np.ndarray, low: float = 0.1, high: float = 0.9) -> Bands:
    """Return mean and quantiles over digits of the responses (I, A, M) at each angle."""
    return Bands(mu.mean(0), *np.quantile(mu, [low, high], axis=0))


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
    mu, fit = _checked(mu), np.asarray(fit, dtype=bool)
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


def _checked(mu: np.ndarray) -> np.ndarray:
    mu = np.asarray(mu, dtype=float)
    if mu.ndim != 3 or min(mu.shape[:2]) < 2:
        raise InputError(
            f"codes of shape {mu.shape} are refused; accepted: (digits, angles, latents) with two digits and "
            "two angles at least, as `Sweep.layout` gives them."
        )
    return mu


def _parts(mu: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the variances (D, M) of angle, image, interaction and their sum, in D resamples of the digits.

    counts (D, I) says how often each digit was drawn; each row adds up to the same number.
    """
    n, a, m = mu.shape
    weights = counts / counts.sum(1, keepdims=True)
    centre = mu.mean((0, 1))
    centred = mu - centre
    responses = (weights @ centred.reshape(n, -1)).reshape(-1, a, m)
    mean = responses.mean(1)
    angle = ((responses - mean[:, None]) ** 2).mean(1)
    image = np.maximum(weights @ centred.mean(1) ** 2 - mean**2, 0)
    total = np.maximum(weights @ (centred**2).mean(1) - mean**2, 0)
    total[:, np.sqrt((centred**2).mean((0, 1))) <= 1e-6 * np.abs(centre)] = 0
    return angle, image, np.maximum(total - angle - image, 0), total


def _best(eta2: np.ndarray, variance: np.ndarray) -> int | None:
    able = np.where(variance > LEAST_VARIANCE, eta2, np.nan)
    return None if np.isnan(able).all() else int(np.nanargmax(able))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _mean(rho: np.ndarray) -> np.ndarray:
    """Return the mean over digits of what is finite (I, M) → (M,), NaN where nothing is."""
    finite = np.isfinite(rho)
    return _ratio(np.where(finite, rho, 0).sum(0), finite.sum(0))


def latents_moved(mu: np.ndarray, far: float) -> np.ndarray:
    """Return how many latents of each digit cover more than `far` while it is turned: (I, A, M) → (I,).

    >>> latents_moved(np.array([[[0.0, 0.0], [1.0, 0.2]]]), far=0.5).tolist()
    [1]
    """
    return (np.ptp(mu, axis=1) > far).sum(-1)
