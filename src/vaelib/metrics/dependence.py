"""Which latents are in use, how much they depend on each other and, as curves on a circle, on an angle."""

import numpy as np

from vaelib.errors import InputError
from vaelib.metrics.arithmetic import centred, entropy, ratio
from vaelib.metrics.inputs import BINS, require_images

IMAGES_A_CELL = 5
"""Fewest images a cell of a histogram of two latents: below, Miller and Madow's correction fails."""
ACTIVE_VARIANCE = 0.01
"""Var_x(mu_j) above which a latent is active: the threshold of Burda et al. 2016, section 5.2."""
ACTIVE_KL = 0.05
"""KL in nats above which a latent counts as active by the second definition."""
THRESHOLDS = (0.01, 0.05, 0.1, 0.25)
"""Where variances and KLs are counted, to show how much an active count owes to its threshold."""


def active_units(mu: np.ndarray) -> np.ndarray:
    """Return which latents respond to the image: Var_x(mu_j) > `ACTIVE_VARIANCE`, (N, M) → bool (M,)."""
    return mu.var(0) > ACTIVE_VARIANCE


def gaussian_total_correlation(z: np.ndarray, active: np.ndarray | None = None) -> float:
    """Return the total correlation of latents (N, M) in nats, as if they were jointly normal.

    −½ ln det Corr(z), the KL of the joint normal to the product of its margins: 0 for uncorrelated latents,
    however dependent otherwise; infinite when one is a linear function of the others. `active` bool (M,)
    leaves out the others. Of independent latents the estimate is about M(M − 1)/4N. NaN for fewer than two
    latents, or one without variance. Raises `InputError` unless there are more images than latents.
    """
    z = _read(z)
    z = z if active is None else z[:, np.asarray(active, dtype=bool)]
    n, m = z.shape
    require_images(n, m + 1, f"a correlation matrix of {m} latents")
    if m < 2 or (np.ptp(z, axis=0) == 0).any():
        return float("nan")
    sign, logdet = np.linalg.slogdet(np.corrcoef(z, rowvar=False))
    return float(-0.5 * logdet) if sign > 0 else float("inf")


def pairwise_information(z: np.ndarray) -> np.ndarray:
    """Return the mutual information (M, M) of every two of the latents (N, M), nats; NaN on the diagonal.

    I = H(a) + H(b) − H(a, b) from 20 × 20 cells between quantiles, so that it does not depend on how
    each latent is stretched, with each entropy corrected by Miller and Madow (without it, independent
    latents share (20 − 1)²/2N: 0.018 at 10,000 images). Not cut at 0: independent latents
    average what the correction leaves, 0.0001 at 10,000 images and 0.005 at 2,000. At most ln 20. NaN
    for a latent without variance. Raises `InputError` for fewer than `IMAGES_A_CELL` images a cell.
    """
    z = _read(z)
    n, m = z.shape
    require_images(n, IMAGES_A_CELL * BINS**2, f"a histogram of {BINS} × {BINS} cells")
    smaller = np.column_stack([np.searchsorted(np.sort(latent), latent) for latent in z.T])
    binned = smaller * BINS // n
    margins = [entropy(np.bincount(column)) for column in binned.T]
    varies = np.ptp(z, axis=0) > 0
    information = np.full((m, m), np.nan)
    for a, b in zip(*np.triu_indices(m, k=1), strict=True):
        if varies[a] and varies[b]:
            joint = np.bincount(binned[:, a] * BINS + binned[:, b])
            information[a, b] = information[b, a] = margins[a] + margins[b] - entropy(joint)
    return information


def circular_linear_r2(mu: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return Mardia's circular-linear R² (M,) of each latent (N, M) with the angle (N,), degrees.

    R² = (r_xc² + r_xs² − 2 r_xc r_xs r_cs) / (1 − r_cs²) with c = cos θ, s = sin θ: the fit of a + b cos θ +
    d sin θ, which sees even and odd responses alike (Mardia & Jupp 2000, section 11.2). Of unrelated latents
    N R² is χ² of two degrees of freedom: 2/N on average, above 6/N by chance of 5 %. Images at one fixed
    angle (the upright half) say nothing of it and should be left out. NaN for a latent without variance.
    Raises `InputError` for other shapes, or angles whose sine and cosine lie on a line.
    """
    mu, angles = _read(mu), np.asarray(angles, dtype=float)
    if angles.shape != mu.shape[:1] or len(mu) < 3:
        raise InputError(
            f"{angles.shape} angles for latents {mu.shape} are refused; "
            "accepted: an angle an image, three images at least."
        )
    waves = np.deg2rad(angles)
    x, c, s = centred(mu), np.cos(waves), np.sin(waves)
    (r_xc, c_norm), (r_xs, s_norm) = _correlation(x, c), _correlation(x, s)
    r_cs = ((c - c.mean()) @ (s - s.mean())) / (c_norm * s_norm) if c_norm * s_norm > 0 else 1.0
    if 1 - r_cs**2 < 1e-9 or len(np.unique(angles)) < 3:
        raise InputError(
            f"{len(np.unique(angles))} different angles are refused; accepted: three or more, "
            "not half of 360 degrees apart."
        )
    return (r_xc**2 + r_xs**2 - 2 * r_xc * r_xs * r_cs) / (1 - r_cs**2)


def _correlation(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the correlations (M,) of centred columns with y (N,), and the norm of y about its mean."""
    y = y - y.mean()
    norm = float(np.linalg.norm(y))
    return ratio(y @ x, np.linalg.norm(x, axis=0) * norm), norm


def _read(z: np.ndarray) -> np.ndarray:
    """Return latents (N, M) as floats; raises `InputError` for other shapes or what is not finite."""
    z = np.asarray(z, dtype=float)
    if z.ndim != 2 or not np.isfinite(z).all():
        raise InputError(f"latents of shape {z.shape} are refused; accepted: finite numbers (N, M).")
    return z
