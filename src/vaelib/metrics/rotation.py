"""Does a latent hold rotation, and nothing else? Two-way analysis of codes of digits turned under control.

mu (I, A, M) are the codes of I digits, each at the same A angles.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import ratio
from vaelib.metrics.dependence import ACTIVE_VARIANCE
from vaelib.metrics.inputs import latent_index
from vaelib.metrics.probes import Estimate

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
    best_dim: int | None  # largest eta2_angle among latents of variance > ACTIVE_VARIANCE, numbered from 1

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


def two_way(mu: np.ndarray) -> TwoWay:
    """Split the variance of each latent (I, A, M) into angle, image and their interaction.

    mu_ia = m + A(a) + I(i) + AI(i, a), each part summing to zero over its own index, so that their variances
    add up to that of mu. Of unrelated curves eta2_angle is 1/I. Raises `InputError` unless mu is (I, A, M)
    with two digits and two angles.
    """
    mu = read_sweep(mu)
    angle, image, rest, total = (part[0] for part in _parts(mu, np.ones((1, len(mu)))))
    shares = [ratio(part, total) for part in (angle, image, rest)]
    moved = angle + rest
    share = ratio(moved, np.full_like(moved, moved.sum()))
    m = len(total)
    table = pd.DataFrame(
        dict(zip(SHARES, shares, strict=True))
        | {
            "purity": ratio(angle, moved),
            "exclusive": 1 - shares[1],
            "share": np.where(np.isnan(shares[0]), np.nan, share),
            "variance": total,
        },
        index=latent_index(m),
    )
    best = _best(shares[0], total)
    complete = 1 + xlogy(share, share).sum() / np.log(m) if m > 1 else np.nan
    return TwoWay(table, float(complete), None if best is None else best + 1)


def rotation_isolation(mu: np.ndarray, draws: int = 1000) -> Isolation:
    """Return RIS, the eta2_angle of the best latent of codes (I, A, M), with its 95 % bootstrap interval.

    1 if and only if one latent is a function of the angle alone. The best latent, of those whose variance is
    above `ACTIVE_VARIANCE`, is chosen on every second digit and scored on the others, so that the luckiest of
    M is not favoured. Percentiles of `draws` resamples of the scored digits with all their angles; training
    and its seed are not resampled. NaN when no latent varies enough. Raises `InputError` for codes that are
    not (I, A, M), or a half of fewer than two digits.
    """
    mu = read_sweep(mu)
    chosen, scored = two_way(mu[::2]).best_dim, read_sweep(mu[1::2])
    if chosen is None:
        return Isolation(Estimate(*[float("nan")] * 3), float("nan"), None)
    own = scored[..., [chosen - 1]]
    counts = np.random.default_rng(0).multinomial(len(own), np.full(len(own), 1 / len(own)), size=draws)
    (angle, _, rest, total), drawn = _parts(own, np.ones((1, len(own)))), _parts(own, counts)
    eta2 = float(ratio(angle, total)[0, 0])
    low, high = (
        np.nanpercentile(ratio(drawn[0], drawn[3]), [2.5, 97.5]) if np.isfinite(eta2) else [np.nan] * 2
    )
    purity = float(ratio(angle, angle + rest)[0, 0])
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


def read_sweep(mu: np.ndarray) -> np.ndarray:
    """Return codes (I, A, M) as floats; raises `InputError` for fewer than two digits or angles."""
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
    still = np.sqrt((centred**2).mean((0, 1))) <= 1e-6 * np.abs(centre)
    for part in (angle, image, total):
        part[:, still] = 0
    return angle, image, np.maximum(total - angle - image, 0), total


def _best(eta2: np.ndarray, variance: np.ndarray) -> int | None:
    able = np.where(variance > ACTIVE_VARIANCE, eta2, np.nan)
    return None if np.isnan(able).all() else int(np.nanargmax(able))
