"""Which latents are in use, how much they depend on each other and, as curves on a circle, on an angle."""

import numpy as np
from scipy.special import xlogy
from scipy.stats import rankdata

from vaelib.errors import InputError

BINS = 20
IMAGES_A_CELL = 5


def active_units(mu: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Return which latents respond to the image: Var_x(mu_j) > threshold, (N, M) → bool (M,).

    Burda et al. 2016, section 5.2; the threshold is theirs.
    """
    return mu.var(0) > threshold


def gaussian_total_correlation(z: np.ndarray, active: np.ndarray | None = None) -> float:
    """Return the total correlation of latents (N, M) in nats, as if they were jointly normal.

    −½ ln det Corr(z), the KL of the joint normal to the product of its margins: 0 for uncorrelated latents,
    however dependent otherwise; infinite when one is a linear function of the others. `active` bool (M,)
    leaves out the others. Of independent latents the estimate is about M(M − 1)/4N. NaN for fewer than two
    latents, or one without variance. Raises `InputError` unless there are more images than latents.
    """
    z = _chosen(z, active)
    n, m = z.shape
    _require(n, m + 1, f"a correlation matrix of {m} latents")
    if m < 2 or (np.ptp(z, axis=0) == 0).any():
        return float("nan")
    sign, logdet = np.linalg.slogdet(np.corrcoef(z, rowvar=False))
    return float(-0.5 * logdet) if sign > 0 else float("inf")


def pairwise_information(z: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the mutual information (M, M) of every two of the latents (N, M), nats; NaN on the diagonal.

    I = H(a) + H(b) − H(a, b) from `bins` × `bins` cells between quantiles, so that it does not depend on how
    each latent is stretched, with each entropy corrected by Miller and Madow (without it, independent
    latents share (bins − 1)²/2N: 0.018 at 20 bins and 10,000 images). Not cut at 0: independent latents
    average what the correction leaves, 0.0001 at 10,000 images and 0.005 at 2,000. At most ln bins. NaN
    for a latent without variance. Raises `InputError` for fewer than five images a cell, where the
    correction no longer holds.
    """
    z = _chosen(z, None)
    n, m = z.shape
    _require(n, IMAGES_A_CELL * bins**2, f"a histogram of {bins} × {bins} cells")
    binned = ((rankdata(z, method="min", axis=0) - 1) * bins // n).astype(int)
    margins = [_entropy(np.bincount(column)) for column in binned.T]
    varies = np.ptp(z, axis=0) > 0
    information = np.full((m, m), np.nan)
    for a, b in zip(*np.triu_indices(m, k=1), strict=True):
        if varies[a] and varies[b]:
            joint = np.bincount(binned[:, a] * bins + binned[:, b])
            information[a, b] = information[b, a] = margins[a] + margins[b] - _entropy(joint)
    return information


def circular_linear_r2(mu: np.ndarray, angles: np.ndarray, period: float = 360) -> np.ndarray:
    """Return Mardia's circular-linear R² (M,) of each latent (N, M) with the angle (N,), degrees.

    R² = (r_xc² + r_xs² − 2 r_xc r_xs r_cs) / (1 − r_cs²) with c = cos θ, s = sin θ: the fit of a + b cos θ +
    d sin θ, which sees even and odd responses alike (Mardia & Jupp 2000, section 11.2). With `period` 180 it
    is the fit of cos 2θ and sin 2θ, for digits that look the same half a turn further. Of unrelated latents
    N R² is χ² of two degrees of freedom: 2/N on average, above 6/N by chance of 5 %. Images at one fixed
    angle (the upright half) say nothing of it and should be left out. NaN for a latent without variance.
    Raises `InputError` for other shapes, or angles whose sine and cosine lie on a line.
    """
    mu, theta = _paired(mu, angles)
    waves = 2 * np.pi / period * theta
    x, c, s = mu - mu.mean(0), np.cos(waves), np.sin(waves)
    (r_xc, c_norm), (r_xs, s_norm) = _correlation(x, c), _correlation(x, s)
    r_cs = ((c - c.mean()) @ (s - s.mean())) / (c_norm * s_norm) if c_norm * s_norm > 0 else 1.0
    if 1 - r_cs**2 < 1e-9:
        raise InputError(
            f"{len(np.unique(theta))} different angles are refused; accepted: three or more, "
            f"not half of {period:g} degrees apart."
        )
    return (r_xc**2 + r_xs**2 - 2 * r_xc * r_xs * r_cs) / (1 - r_cs**2)


def _entropy(counts: np.ndarray) -> float:
    """Return −Σ p ln p + (occupied cells − 1) / 2N, in nats (Miller 1955)."""
    p = counts / counts.sum()
    return float(-xlogy(p, p).sum() + (np.count_nonzero(counts) - 1) / (2 * counts.sum()))


def _correlation(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the correlations (M,) of centred columns with y (N,), and the norm of y about its mean."""
    y = y - y.mean()
    norm = float(np.linalg.norm(y))
    norms = np.linalg.norm(x, axis=0) * norm
    return np.divide(y @ x, norms, out=np.full(x.shape[1], np.nan), where=norms > 0), norm


def _require(n: int, least: int, why: str) -> None:
    if n < least:
        raise InputError(f"{n} images are too few: {why} needs at least {least}.")


def _chosen(z: np.ndarray, active: np.ndarray | None) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    if z.ndim != 2 or not np.isfinite(z).all():
        raise InputError(f"latents of shape {z.shape} are refused; accepted: finite numbers (N, M).")
    return z if active is None else z[:, np.asarray(active, dtype=bool)]


def _paired(mu: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mu, angles = _chosen(mu, None), np.asarray(angles, dtype=float)
    if angles.shape != mu.shape[:1] or len(mu) < 3:
        raise InputError(
            f"{angles.shape} angles for latents {mu.shape} are refused; "
            "accepted: an angle an image, three images at least."
        )
    return mu, angles
